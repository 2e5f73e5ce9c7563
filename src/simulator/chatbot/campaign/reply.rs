//! Replies of users to template messages.

use jiff::Timestamp;

use super::RowStatus;
use crate::content::dialogue::Dialogue;
use crate::contract::bodies::message::TemplateInfo;
use crate::simulator::chatbot::callbacks::{MessageReceive, TemplateReply};
use crate::simulator::chatbot::conversation::{Conversation, Phase};
use crate::simulator::chatbot::turns;
use crate::simulator::keys::{CampaignKey, ConversationKey};
use crate::simulator::{Callback, Simulator};

/// Records that the user of a conversation has replied to its latest template message. Returns the template if the message went
/// to this user alone: such a reply has an event of its own.
pub(in crate::simulator::chatbot) fn replied(
    simulator: &mut Simulator,
    key: ConversationKey,
) -> Option<TemplateInfo> {
    let (task, row) = simulator.chatbot.conversations.get(key).latest_template?;
    // A campaign that finished long ago is not kept.
    let campaign = simulator.chatbot.campaigns.list.get_mut(task)?;
    let is_first = !std::mem::replace(&mut campaign.rows[row as usize].replied, true);
    campaign.replied += usize::from(is_first);
    (is_first && campaign.is_single).then(|| campaign.chosen.info())
}

/// Lets the user reply: the conversation begins, and its user and the bot go on along the template's graph.
pub(super) fn reply(
    simulator: &mut Simulator,
    task: CampaignKey,
    row: usize,
    at: Timestamp,
) -> Vec<Callback> {
    let campaign = &simulator.chatbot.campaigns.list[task];
    let (chosen, is_single) = (campaign.chosen.clone(), campaign.is_single);
    let state = &campaign.rows[row];
    let (key, outcome) = (state.conversation, state.outcome);
    let conversation = simulator.chatbot.conversations.get(key);
    // A story plays the users of its template messages, unless the request itself says what they do.
    let is_simulated = simulator.story_of(key).is_none() || state.mock_outcome.chat.is_some();
    let is_free = is_simulated
        && !conversation.is_led
        && conversation.script.is_none()
        && conversation.phase == Phase::Bot;
    let (true, Some(reply), RowStatus::Read) = (is_free, outcome.reply, state.status) else {
        return Vec::new();
    };
    if Dialogue::chat(chosen.template.dialogue.as_str()).is_none() {
        return Vec::new();
    }
    let conversation = simulator.chatbot.conversations.get_mut(key);
    let answered = conversation.messages.place(&state.msg_id);
    let campaign = &mut simulator.chatbot.campaigns.list[task];
    campaign.rows[row].replied = true;
    campaign.replied += 1;
    let message = turns::begin_with_reply(simulator, key, &chosen, reply, outcome.is_once, answered, at);
    let emitted = if is_single {
        let body =
            |conversation: &Conversation, messages| TemplateReply::of(conversation, chosen.info(), messages);
        turns::emit_message(simulator, key, "template.reply", message, body)
    } else {
        turns::emit_message(simulator, key, "message.receive", message, MessageReceive::of)
    };
    turns::plan_next(simulator, key, at);
    emitted.into_iter().collect()
}
