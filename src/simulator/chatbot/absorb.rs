//! What a callback says becomes the state of its conversation, whoever made it up: the simulator or a story.

use jiff::Timestamp;
use serde_json::Value;

use super::super::messages::Message;
use super::super::session::{Phase, SessionKey, Sessions};
use super::defaults::OWN_CHANNEL;

fn text<'a>(body: &'a Value, pointer: &str) -> Option<&'a str> {
    body.pointer(pointer).and_then(Value::as_str)
}

/// Takes over what an event's body says.
pub(in super::super) fn absorb(
    sessions: &mut Sessions,
    key: SessionKey,
    event: &str,
    body: &Value,
    now: Timestamp,
) {
    let session = sessions.get_mut(key);
    let set = |pointer: &str, field: &mut String| {
        if let Some(value) = text(body, pointer) {
            field.clear();
            field.push_str(value);
        }
    };
    // The channel of the robot's own messages and of calls is no channel of the conversation.
    let foreign = (event == "message.send" && text(body, "/channel") == Some(OWN_CHANNEL))
        || event == "inbound.call_completed";
    if !foreign {
        set("/channel", &mut session.channel);
        set("/user/id", &mut session.user.user_id);
    }
    set("/channel_id", &mut session.channel_id);
    set("/user/name", &mut session.user.name);
    set("/company", &mut session.company);
    set("/transfer/company", &mut session.company);
    if let Some(call_id) = text(body, "/call_id").or_else(|| text(body, "/transfer/call_id")) {
        session.call_id = call_id.to_owned();
    }
    match event {
        "session.transfer" | "agent.transfer" if session.phase == Phase::Bot => {
            session.phase = Phase::Transfer;
        }
        "session.end" => {
            session.phase = Phase::Closed;
            session.ended = Some((now, text(body, "/session_end_reason").unwrap_or_default().to_owned()));
        }
        "message.status" | "agent.message_status" => {
            if let (Some(msg_id), Some(status)) = (text(body, "/msg_id"), text(body, "/status")) {
                session.messages.set_status(msg_id, status);
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
            session.last_user = now;
        }
        // What the user wrote has arrived; what goes to the user is on its way.
        let arrived =
            if text(item, "/sender_type").unwrap_or("user") == "user" { "delivery" } else { "send" };
        let message = Message {
            msg_id: text(item, "/msg_id").unwrap_or_default().to_owned(),
            seat_id: text(item, "/seat_id").unwrap_or_default().to_owned(),
            timestamp: item.get("timestamp").and_then(Value::as_i64).unwrap_or_else(|| now.as_second()),
            sender_type: text(item, "/sender_type").unwrap_or("user").to_owned(),
            status: text(item, "/status").unwrap_or(arrived).to_owned(),
            content: content.clone(),
            reply: item.get("reply").cloned(),
        };
        session.messages.put(message);
    }
    // Whoever asks for a person has just written.
    if event == "session.transfer" {
        session.last_user = now;
    }
    if said || event == "session.transfer" {
        session.last_activity = now;
    }
    sessions.index(key);
}
