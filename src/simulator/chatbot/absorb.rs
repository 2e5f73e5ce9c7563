//! What a callback says becomes the state of its conversation, whoever made it up: the simulator or a story.

use jiff::Timestamp;
use serde_json::Value;

use super::defaults::OWN_CHANNEL;
use crate::simulator::messages::{Json, Message, word};
use crate::simulator::session::{ConversationKey, Phase, Sessions};
use crate::simulator::wire_id::WireId;

fn text<'a>(body: &'a Value, pointer: &str) -> Option<&'a str> {
    body.pointer(pointer).and_then(Value::as_str)
}

fn set(id: &mut WireId, text: Option<&str>) {
    if let Some(text) = text {
        *id = text.into();
    }
}

/// Takes over what an event's body says.
pub(in crate::simulator) fn absorb(
    sessions: &mut Sessions,
    key: ConversationKey,
    event: &str,
    body: &Value,
    now: Timestamp,
) {
    let session = sessions.get_mut(key);
    // The channel of the robot's own messages and of calls is no channel of the conversation.
    let foreign = (event == "message.send" && text(body, "/channel") == Some(OWN_CHANNEL))
        || event == "inbound.call_completed";
    if !foreign {
        if let Some(channel) = text(body, "/channel").filter(|channel| *channel != session.channel) {
            session.channel = channel.to_owned().into();
        }
        set(&mut session.user_id, text(body, "/user/id"));
    }
    set(&mut session.channel_id, text(body, "/channel_id"));
    if let Some(name) = text(body, "/user/name") {
        session.known.name = Some(name.into());
    }
    for pointer in ["/company", "/transfer/company"] {
        if let Some(company) =
            text(body, pointer).filter(|known| Some(*known) != session.known.company.as_deref())
        {
            session.known.company = Some(company.into());
        }
    }
    set(&mut session.call_id, text(body, "/call_id").or_else(|| text(body, "/transfer/call_id")));
    match event {
        "session.transfer" | "agent.transfer" if session.phase == Phase::Bot => {
            session.phase = Phase::Transfer;
        }
        "session.end" => {
            session.phase = Phase::Closed;
            let reason = text(body, "/session_end_reason").unwrap_or_default();
            session.ended = Some(Box::new((now, reason.to_owned())));
        }
        "message.status" | "agent.message_status" => {
            if let (Some(msg_id), Some(status)) = (text(body, "/msg_id"), text(body, "/status")) {
                session.messages.set_status(&msg_id.into(), status);
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
            msg_id: text(item, "/msg_id").unwrap_or_default().into(),
            seat_id: text(item, "/seat_id").unwrap_or_default().into(),
            timestamp: item.get("timestamp").and_then(Value::as_i64).unwrap_or_else(|| now.as_second()),
            sender_type: word(text(item, "/sender_type").unwrap_or("user")),
            status: word(text(item, "/status").unwrap_or(arrived)),
            content: Json::of(content),
            reply: item.get("reply").map(|reply| session.messages.reply(reply)),
            way: None,
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
