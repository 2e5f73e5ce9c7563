//! Believable bodies of the chatbot's callbacks, out of the state of their conversation.

use jiff::Timestamp;
use rand::RngExt;
use serde::Serialize;
use serde_json::Value;

use super::super::phrases;
use super::super::seed;
use super::super::session::{Phase, Session};
use crate::contract::bodies::chatbot::{
    AgentTransfer, MessageStatus, Messages, SessionEnd, SessionReport, SessionTransfer, TemplateRef, TemplateReply,
    TemplateResult, Transfer, User,
};
use crate::contract::bodies::message::{CallbackMessage, Content};

/// The most messages one callback gets by default, however many the story's list has.
const MOST_MESSAGES: usize = 1_000;

/// The body of an event before a story's own fields are put over it; nothing if it is no event of the chatbot.
/// `patch` tells how many messages are wanted.
pub(in super::super) fn default_body(
    session: &mut Session,
    event: &str,
    patch: &Value,
    now: Timestamp,
) -> Option<Value> {
    let count = patch.get("messages").and_then(Value::as_array).map_or(1, Vec::len).min(MOST_MESSAGES);
    let body = match event {
        "session.transfer" => json(&SessionTransfer {
            event: event.to_owned(),
            channel: session.channel.clone(),
            channel_id: session.channel_id.clone(),
            user: User { id: session.user.user_id.clone(), name: None },
            transfer: transfer(session),
        }),
        "agent.transfer" => json(&AgentTransfer {
            event: event.to_owned(),
            channel: session.channel.clone(),
            channel_id: session.channel_id.clone(),
            user: user(session),
            transfer: transfer(session),
            seat_id: session.seat_id.clone(),
            timestamp: now.as_second(),
        }),
        "message.send" => messages(session, event, "robot", robot_phrase(session), count, now),
        "message.receive" | "agent.message" => messages(session, event, "user", user_phrase(session), count, now),
        "template.reply" => {
            let key = ["button_yes", "button_no", "button_call_me"][session.rng.random_range(0..3)];
            let template = template(session);
            json(&TemplateReply {
                event: event.to_owned(),
                channel: session.channel.clone(),
                channel_id: session.channel_id.clone(),
                user: user(session),
                call_id: session.call_id.clone(),
                template,
                messages: written(session, "user", key, count, now, |text| Content::Button { text }),
            })
        }
        "template.result" => {
            let task_id = seed::hex32(&mut session.rng);
            let template = template(session);
            json(&TemplateResult {
                event: event.to_owned(),
                channel: session.channel.clone(),
                channel_id: session.channel_id.clone(),
                user: user(session),
                task_id,
                template,
                msg_id: seed::hex32(&mut session.rng),
                status: "send".to_owned(),
                timestamp: now.as_second(),
                reason: None,
            })
        }
        "message.status" | "agent.message_status" => status(session, event, now),
        "session.end" => json(&SessionEnd {
            event: event.to_owned(),
            channel: session.channel.clone(),
            channel_id: session.channel_id.clone(),
            user: user(session),
            call_id: session.call_id.clone(),
            reason: if session.phase == Phase::Agent { "agent" } else { "robot" }.to_owned(),
            timestamp: now.as_second(),
        }),
        "session.report" => report(session, event, now),
        _ => return None,
    };
    Some(body)
}

/// Bodies are plain data: numbers, texts, lists, and tables with text keys, which always fit into JSON.
fn json(body: &impl Serialize) -> Value {
    serde_json::to_value(body).expect("a body is plain data")
}

fn user(session: &Session) -> User {
    User { id: session.user.user_id.clone(), name: Some(session.user.name.clone()) }
}

fn transfer(session: &Session) -> Transfer {
    Transfer { company: session.company.clone(), call_id: session.call_id.clone() }
}

fn template(session: &mut Session) -> TemplateRef {
    let (id, name) = [(35, "payment_reminder"), (36, "parcel_update"), (41, "loan_offer")][session.rng.random_range(0..3)];
    TemplateRef { id, name: name.to_owned(), language: session.locale.clone() }
}

/// What a robot would say next.
fn robot_phrase(session: &Session) -> &'static str {
    const COURSE: [&str; 4] = ["bot_intro", "debt_reminder", "payment_link", "order_status"];
    COURSE[session.messages.len() / 2 % COURSE.len()]
}

/// What a user would say next.
fn user_phrase(session: &Session) -> &'static str {
    const WITH_BOT: [&str; 4] = ["greeting", "order_question", "small_talk", "debt_promise"];
    const WITH_AGENT: [&str; 4] = ["debt_dispute", "parcel_late", "complaint", "user_thanks"];
    let course = if session.phase == Phase::Agent { WITH_AGENT } else { WITH_BOT };
    course[session.messages.len() / 2 % course.len()]
}

fn messages(
    session: &mut Session,
    event: &str,
    sender: &str,
    phrase: &str,
    count: usize,
    now: Timestamp,
) -> Value {
    let messages = written(session, sender, phrase, count, now, |text| Content::Text { text });
    json(&Messages {
        event: event.to_owned(),
        call_id: session.call_id.clone(),
        company: session.company.clone(),
        channel: session.channel.clone(),
        channel_id: session.channel_id.clone(),
        user: user(session),
        messages,
    })
}

fn written(
    session: &mut Session,
    sender: &str,
    phrase: &str,
    count: usize,
    now: Timestamp,
    content: impl Fn(String) -> Content,
) -> Vec<CallbackMessage> {
    (0..count)
        .map(|_| {
            let (locale, facts) = (session.locale.clone(), session.facts.clone());
            let text = phrases::phrase_with(&mut session.rng, phrase, &locale, &facts).unwrap_or_default();
            CallbackMessage {
                msg_id: seed::hex32(&mut session.rng),
                sender_type: sender.to_owned(),
                timestamp: now.as_second(),
                content: content(text),
                reply: None,
            }
        })
        .collect()
}

/// The status that follows: of the last message that was written to the user, or of one made up.
fn status(session: &mut Session, event: &str, now: Timestamp) -> Value {
    let made_up = seed::hex32(&mut session.rng);
    let last = session.messages.iter().rev().find(|message| message.sender_type != "user");
    let (msg_id, status) = match last {
        Some(message) => {
            let next = match message.status.as_str() {
                "send" => "delivery",
                "delivery" | "read" => "read",
                _ => "send",
            };
            (message.msg_id.clone(), next)
        }
        None => (made_up, "delivery"),
    };
    json(&MessageStatus {
        event: event.to_owned(),
        channel: session.channel.clone(),
        channel_id: session.channel_id.clone(),
        user: user(session),
        call_id: session.call_id.clone(),
        msg_id,
        status: status.to_owned(),
        timestamp: now.as_second(),
        reason: None,
    })
}

fn report(session: &mut Session, event: &str, now: Timestamp) -> Value {
    const TIME: &str = "%Y-%m-%dT%H:%M:%SZ";
    let (ended, reason) = session.ended.clone().unwrap_or_else(|| (now, "robot".to_owned()));
    let rounds = session.messages.iter().filter(|message| message.sender_type == "user").count();
    let intention = char::from(b'A' + session.rng.random_range(0..5));
    let mut body = json(&SessionReport {
        event: event.to_owned(),
        channel: session.channel.clone(),
        channel_id: session.channel_id.clone(),
        user: user(session),
        call_id: session.call_id.clone(),
        status: "closed".to_owned(),
        session_start_time: session.started.strftime(TIME).to_string(),
        session_end_time: ended.strftime(TIME).to_string(),
        session_end_reason: reason,
        intention: intention.to_string(),
        talk_round: i64::try_from(rounds).unwrap_or(i64::MAX),
        seat_id: session.seat_id.clone(),
        messages: Vec::new(),
    });
    // What was said is told as it was said, also where a story made up contents that no type describes.
    let said = session.messages.iter().map(|message| {
        let mut item = serde_json::json!({
            "msg_id": message.msg_id,
            "sender_type": message.sender_type,
            "timestamp": message.timestamp,
            "content": message.content,
        });
        if let Some(reply) = &message.reply {
            item["reply"] = reply.clone();
        }
        item
    });
    body["messages"] = Value::Array(said.collect());
    body
}
