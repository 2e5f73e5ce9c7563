//! Applies the contents of a callback to the state of its conversation, whether the simulator or a story made it up.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jiff::Timestamp;
use serde_json::Value;

use super::callbacks::OWN_CHANNEL;
use crate::content::phrases;
use crate::json::JsonText;
use crate::simulator::chatbot::conversation::{Conversation, Conversations, Phase};
use crate::simulator::chatbot::messages::{Message, word};
use crate::simulator::keys::ConversationKey;
use crate::simulator::wire_id::WireId;

/// Returns the text at a path such as `/user/id`. (`Value::pointer` allocates each name to handle escapes, which do not occur
/// here.)
fn text<'a>(body: &'a Value, path: &str) -> Option<&'a str> {
    path.split('/').skip(1).try_fold(body, |value, name| value.get(name)).and_then(Value::as_str)
}

fn set(id: &mut WireId, text: Option<&str>) {
    if let Some(text) = text {
        *id = text.into();
    }
}

/// What people write or press who want no more messages, in every language.
static OPT_OUTS: LazyLock<BTreeSet<String>> =
    LazyLock::new(|| ["opt_out", "button_stop"].into_iter().flat_map(phrases::every).collect());

/// Whether the user ends the consent to further messages: by a button of the template that is answered, or else of the latest
/// one; by a button or a text to the bot with the usual words.
pub(in crate::simulator) fn opts_out(conversation: &Conversation, event: &str, body: &Value) -> bool {
    // An agent who is told so acts on it; the vendor does not read along.
    let is_to_bot = conversation.phase != Phase::Agent && !event.starts_with("agent.");
    let pressed = |message: &Value| {
        let is_user = text(message, "/sender_type").unwrap_or("user") == "user";
        let content = message.get("content").filter(|_| is_user)?;
        let label = text(content, "/text")?;
        let is_button = content["type"] == "button";
        if (is_button || is_to_bot && content["type"] == "text") && OPT_OUTS.contains(label.trim()) {
            return Some(true);
        }
        if !is_button {
            return None;
        }
        let answered = message.pointer("/reply/content/template/content/button").cloned();
        let latest = || {
            let contents = conversation.messages.iter().rev().map(|message| message.content.value());
            contents.into_iter().find_map(|content| content.pointer("/template/content/button").cloned())
        };
        let buttons = answered.or_else(latest)?;
        let is_it = |button: &Value| button["type"] == "OPT_OUT" && button["text"] == label;
        buttons.as_array().map(|buttons| buttons.iter().any(is_it))
    };
    let messages = body.get("messages").and_then(Value::as_array);
    messages.into_iter().flatten().any(|message| pressed(message).unwrap_or_default())
}

/// Applies the contents of an event's body to the conversation.
pub(in crate::simulator) fn apply_event(
    conversations: &mut Conversations,
    key: ConversationKey,
    event: &str,
    body: &Value,
    now: Timestamp,
) {
    let conversation = conversations.get_mut(key);
    // The channel of the robot's own messages and of calls is not the channel of the conversation.
    let foreign = (event == "message.send" && text(body, "/channel") == Some(OWN_CHANNEL))
        || event == "inbound.call_completed";
    if !foreign {
        if let Some(channel) = text(body, "/channel").filter(|channel| *channel != conversation.channel) {
            conversation.channel = channel.to_owned().into();
        }
        set(&mut conversation.user_id, text(body, "/user/id"));
    }
    set(&mut conversation.channel_id, text(body, "/channel_id"));
    if let Some(name) = text(body, "/user/name") {
        conversation.overrides.name = Some(name.into());
    }
    for pointer in ["/company", "/transfer/company"] {
        if let Some(company) =
            text(body, pointer).filter(|known| Some(*known) != conversation.overrides.company.as_deref())
        {
            conversation.overrides.company = Some(company.into());
        }
    }
    set(&mut conversation.call_id, text(body, "/call_id").or_else(|| text(body, "/transfer/call_id")));
    if event.starts_with("agent.") {
        let seat = text(body, "/seat_id").or_else(|| text(body, "/transfer/from_seat_id"));
        if let Some(seat) = seat.filter(|seat| !seat.is_empty() && *seat != &*conversation.seat_id) {
            conversation.seat_id = seat.into();
        }
    }
    match event {
        "session.transfer" | "agent.transfer" if conversation.phase != Phase::Closed => {
            conversation.phase = Phase::Transfer;
            conversation.is_transfer_answered = false;
            conversation.is_passed_on = event == "agent.transfer";
        }
        // An event that only an agent's conversation has shows that an agent has it.
        "agent.message" | "agent.message_status" if conversation.phase == Phase::Bot => {
            conversation.phase = Phase::Agent;
        }
        "session.end" => {
            conversation.phase = Phase::Closed;
            let reason = text(body, "/session_end_reason").unwrap_or_default();
            conversation.ended = Some(Box::new((now, reason.to_owned())));
        }
        "message.status" | "agent.message_status" => {
            if let (Some(msg_id), Some(status)) = (text(body, "/msg_id"), text(body, "/status")) {
                conversation.messages.set_status(&msg_id.into(), status);
            }
        }
        _ => {}
    }
    // A report only repeats what was said.
    if event == "session.report" {
        return;
    }
    let mut said = false;
    for item in body.get("messages").and_then(Value::as_array).into_iter().flatten() {
        let Some(content) = item.get("content") else { continue };
        said = true;
        if text(item, "/sender_type").unwrap_or("user") == "user" {
            conversation.last_user = now;
        }
        // A message of the user has arrived; a message to the user is on its way.
        let arrived =
            if text(item, "/sender_type").unwrap_or("user") == "user" { "delivery" } else { "send" };
        let message = Message {
            msg_id: text(item, "/msg_id").unwrap_or_default().into(),
            seat_id: text(item, "/seat_id").unwrap_or_default().into(),
            timestamp: item.get("timestamp").and_then(Value::as_i64).unwrap_or_else(|| now.as_second()),
            sender_type: word(text(item, "/sender_type").unwrap_or("user")),
            status: word(text(item, "/status").unwrap_or(arrived)),
            content: JsonText::of(content),
            reply: item.get("reply").map(|reply| conversation.messages.reply(reply)),
            way: None,
        };
        conversation.messages.put(message);
    }
    // A user who asks for a person has just written.
    if event == "session.transfer" {
        conversation.last_user = now;
    }
    if said || event == "session.transfer" {
        conversation.last_activity = now;
    }
    conversations.index(key);
}
