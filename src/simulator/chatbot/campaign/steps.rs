//! The steps of a template message, and its callbacks.

use jiff::Timestamp;

use super::reply::reply;
use super::{PART, RowStatus, Step, begin, move_to};
use crate::contract::bodies::conversation::UserRef;
use crate::contract::bodies::message::MessageStatus;
use crate::simulator::chatbot::Chatbot;
use crate::simulator::chatbot::callbacks::{MessageStatusChange, TemplateResult};
use crate::simulator::chatbot::messages::Message;
use crate::simulator::chatbot::outcome_plan::Failure;
use crate::simulator::chatbot::turns::callback;
use crate::simulator::keys::CampaignKey;
use crate::simulator::timer::Timer;
use crate::simulator::wire_id::WireId;
use crate::simulator::{Callback, Simulator};

/// Takes the next step of a message.
pub(in crate::simulator::chatbot) fn step(
    simulator: &mut Simulator,
    task: CampaignKey,
    row: u32,
    step: Step,
    at: Timestamp,
) -> Vec<Callback> {
    let row = row as usize;
    match step {
        Step::Begin => {
            begin(simulator, task, at, PART);
            Vec::new()
        }
        Step::Result => result(simulator, task, row, at),
        Step::Notice => notice(simulator, task, row).into_iter().collect(),
        Step::Delivery => status(simulator, task, row, MessageStatus::Delivery, at),
        Step::Read => status(simulator, task, row, MessageStatus::Read, at),
        Step::Reply => reply(simulator, task, row, at),
    }
}

fn result(simulator: &mut Simulator, task: CampaignKey, row: usize, at: Timestamp) -> Vec<Callback> {
    let Chatbot { campaigns, conversations, .. } = &mut simulator.chatbot;
    let campaign = &mut campaigns.list[task];
    let state = &mut campaign.rows[row];
    let conversation = conversations.get_mut(state.conversation);
    let place = (conversation.channel_id.clone(), conversation.user_id.clone());
    if state.outcome.fails.is_none() && campaigns.opted_out.contains(&place) {
        state.outcome.fails = Some(Failure::OptedOut);
    }
    let status = if state.outcome.fails.is_some() {
        state.msg_id = WireId::default();
        MessageStatus::Failed
    } else {
        let texts = state.texts.take().map(Vec::from).or_else(|| campaign.texts.clone());
        let named = (1..).zip(texts.iter().flatten());
        conversation
            .overrides
            .add_variables(named.map(|(at, text): (u32, _)| (at.to_string(), text.as_str().into())));
        let content = campaign.chosen.message(texts.as_deref(), || conversation.facts());
        let message = Message::new(state.msg_id.clone(), at.as_second(), "robot", "send", &content);
        conversation.messages.put(message);
        if conversation.begun {
            conversation.last_activity = at;
        }
        conversation.latest_template = u32::try_from(row).ok().map(|row| (task, row));
        MessageStatus::Send
    };
    let mock_outcome = state.mock_outcome;
    move_to(campaign, row, status, at);
    let mut emitted = Vec::new();
    simulator.context.note_swallowed("template.result", mock_outcome.notice);
    for moment in mock_outcome.notice.moments(at) {
        if moment == at {
            emitted.extend(notice(simulator, task, row));
        } else {
            let row = u32::try_from(row).unwrap_or(u32::MAX);
            let timer = Timer::Template { campaign: task, row, step: Step::Notice };
            simulator.context.plan(moment, timer);
        }
    }
    emitted
}

/// Returns the callback of a result as it was at that moment: sent or failed.
fn notice(simulator: &Simulator, task: CampaignKey, row: usize) -> Option<Callback> {
    let campaign = &simulator.chatbot.campaigns.list[task];
    let state = &campaign.rows[row];
    let conversation = simulator.chatbot.conversations.get(state.conversation);
    let failed = state.status == RowStatus::Failed;
    callback(simulator, state.conversation, "template.result", || TemplateResult {
        event: "template.result",
        task_id: campaign.id.clone(),
        company: campaign.waba.company.clone(),
        channel: conversation.channel.to_string(),
        channel_id: conversation.channel_id.to_string(),
        user: UserRef { id: conversation.user_id.to_string() },
        template: campaign.chosen.info(),
        msg_id: state.msg_id.to_string(),
        status: if failed { MessageStatus::Failed } else { MessageStatus::Send },
        timestamp: state.at.as_second(),
        error: state.outcome.fails.filter(|_| failed).map(Failure::error),
    })
}

fn status(
    simulator: &mut Simulator,
    task: CampaignKey,
    row: usize,
    status: MessageStatus,
    at: Timestamp,
) -> Vec<Callback> {
    let campaign = &mut simulator.chatbot.campaigns.list[task];
    let state = &campaign.rows[row];
    if matches!(state.status, RowStatus::Pending | RowStatus::Failed) {
        return Vec::new();
    }
    let (key, msg_id) = (state.conversation, state.msg_id.clone());
    move_to(campaign, row, status, at);
    let conversation = simulator.chatbot.conversations.get_mut(key);
    conversation.messages.set_status(&msg_id, status.as_str());
    let conversation = simulator.chatbot.conversations.get(key);
    let emitted = callback(simulator, key, "message.status", || {
        MessageStatusChange::of(conversation, msg_id.to_string(), status, at)
    });
    emitted.into_iter().collect()
}
