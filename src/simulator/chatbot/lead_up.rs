//! What came before a callback that is sent by hand or by a story as the first of its conversation, where its body needs it: the
//! template message that a user answers, the chat that has ended. It becomes part of the conversation, so that queries and
//! later callbacks agree.

use jiff::Timestamp;

use super::catalogue::Chosen;
use super::conversation::{Conversation, Phase};
use super::messages::{Message, Reply};
use super::reply_way::ReplyWay;
use crate::simulator::Simulator;
use crate::simulator::keys::ConversationKey;
use crate::simulator::talk::writing_time;
use crate::simulator::wire_id::WireId;

/// How long after a template message the user replies, in seconds.
const REPLIED_AFTER: i64 = 45;

/// Returns the template that such a conversation began with, always the same one.
pub(super) fn template(simulator: &Simulator, conversation: &Conversation) -> Option<Chosen> {
    let rng = &mut conversation.rng.seed().stream("template", 0);
    Chosen::usual(&simulator.context.behaviour.bot.templates, conversation.locale, rng)
}

/// Returns the place of the latest template message. If there is none, it was sent a moment ago.
pub(super) fn answered(simulator: &mut Simulator, key: ConversationKey, now: Timestamp) -> Option<u32> {
    let conversation = simulator.chatbot.conversations.get(key);
    let known = conversation.messages.iter().rposition(Message::is_template);
    if let Some(place) = known {
        return u32::try_from(place).ok();
    }
    let chosen = template(simulator, conversation)?;
    let conversation = simulator.chatbot.conversations.get_mut(key);
    let place = put_template(conversation, &chosen, now.as_second() - REPLIED_AFTER);
    u32::try_from(place).ok()
}

/// Gives a conversation in which nothing was said a short chat with the bot, which has just ended.
pub(super) fn chat(simulator: &mut Simulator, key: ConversationKey, now: Timestamp) {
    let conversation = simulator.chatbot.conversations.get(key);
    if conversation.begun || conversation.phase != Phase::Bot || !conversation.messages.is_empty() {
        return;
    }
    let mut rng = conversation.rng.seed().stream("lead-up", 0);
    let Some(chosen) = template(simulator, conversation) else { return };
    let Some(way) = ReplyWay::draw(&chosen, None, None, &mut rng) else { return };
    let conversation = simulator.chatbot.conversations.get_mut(key);
    let said = way.said(&mut rng, conversation.locale, &conversation.facts(), "");
    let lasted: i64 = said.iter().map(|(_, content)| writing_time(content)).sum();
    let began = now.as_second() - lasted;
    let place = put_template(conversation, &chosen, began - REPLIED_AFTER);
    let mut template = u32::try_from(place).ok().map(Reply::Whole);
    let mut at = began;
    for (is_user, content) in &said {
        let (sender, status) = if *is_user { ("user", "delivery") } else { ("robot", "read") };
        let message = Message::new(WireId::draw(&mut rng), at, sender, status, content);
        conversation.messages.put(Message { reply: template.take(), ..message });
        at += writing_time(content);
    }
    let began = Timestamp::from_second(began).unwrap_or(now);
    conversation.started = began;
    conversation.last_user = began;
    conversation.script = Some(Box::new(way.script(&mut rng)));
}

/// Adds a template message that the user has read. Returns its place.
fn put_template(conversation: &mut Conversation, chosen: &Chosen, sent: i64) -> usize {
    let msg_id = WireId::draw(&mut conversation.rng.seed().stream("template message", 0));
    let content = chosen.message(None, || conversation.facts());
    conversation.messages.add(Message::new(msg_id, sent, "robot", "read", &content))
}
