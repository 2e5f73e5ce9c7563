//! Believable bodies of the chatbot's callbacks, out of the state of their conversation.

use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt;
use serde::Serialize;
use serde_json::Value;

use crate::content::phone;
use crate::content::phrases;
use crate::contract::bodies::chatbot::{
    AgentMessage, AgentMessageStatus, AgentTransfer, EndReason, InboundCallCompleted, MessageReceive,
    MessageSend, MessageStatusChange, SeatTransfer, SessionEnd, SessionReport, SessionStatus,
    SessionTransfer, TemplateReply, TemplateResult, Transfer, User, UserRef,
};
use crate::contract::bodies::message::{Content, Message, MessageStatus, SenderType, TemplateInfo};
use crate::contract::bodies::{Fields, utc_text};
use crate::seed;
use crate::simulator::session::{Phase, Session};

/// The channel that a customer owns.
pub(super) const OWN_CHANNEL: &str = "chatbot";

/// The channel of a call that came in (assumed).
const VOICE_CHANNEL: &str = "voice";

/// The most messages one callback gets by default, however many the story's list has.
const MOST_MESSAGES: usize = 1_000;

/// The body of an event before a story's own fields are put over it; nothing if it is no event of the chatbot.
/// `patch` tells how many messages are wanted.
pub(in crate::simulator) fn default_body(
    session: &mut Session,
    event: &str,
    patch: &Value,
    now: Timestamp,
) -> Option<Value> {
    let count = patch.get("messages").and_then(Value::as_array).map_or(1, Vec::len).min(MOST_MESSAGES);
    Some(match event {
        "session.transfer" => json(&SessionTransfer {
            event: event.to_owned(),
            channel: session.channel.to_string(),
            channel_id: session.channel_id.to_string(),
            user: user_ref(session),
            transfer: Transfer { company: session.company(), call_id: session.call_id.to_string() },
        }),
        "agent.transfer" => json(&AgentTransfer {
            event: event.to_owned(),
            channel: session.channel.to_string(),
            channel_id: session.channel_id.to_string(),
            user: user_ref(session),
            transfer: SeatTransfer {
                company: session.company(),
                call_id: session.call_id.to_string(),
                from_seat_id: session.seat_id.to_string(),
                to_seat_id: String::new(),
            },
        }),
        "message.send" => {
            let phrase = robot_phrase(session);
            let messages =
                written(session, SenderType::Robot, phrase, count, now, |text| Content::Text { text });
            json(&MessageSend {
                event: event.to_owned(),
                call_id: session.call_id.to_string(),
                company: session.company(),
                channel: own_channel(session),
                channel_id: session.channel_id.to_string(),
                user: user(session),
                messages,
            })
        }
        "message.receive" => {
            let phrase = user_phrase(session);
            let messages =
                written(session, SenderType::User, phrase, count, now, |text| Content::Text { text });
            json(&MessageReceive {
                event: event.to_owned(),
                call_id: session.call_id.to_string(),
                company: session.company(),
                channel: session.channel.to_string(),
                channel_id: session.channel_id.to_string(),
                user: user(session),
                messages,
            })
        }
        "agent.message" => {
            let phrase = user_phrase(session);
            let messages =
                written(session, SenderType::User, phrase, count, now, |text| Content::Text { text });
            json(&AgentMessage {
                event: event.to_owned(),
                call_id: session.call_id.to_string(),
                company: session.company(),
                channel: session.channel.to_string(),
                channel_id: session.channel_id.to_string(),
                user: user(session),
                seat_id: session.seat_id.to_string(),
                messages,
            })
        }
        "template.reply" => {
            let key = ["button_yes", "button_no", "button_call_me"][session.rng.draw().random_range(0..3)];
            let template = template(session);
            let messages =
                written(session, SenderType::User, key, count, now, |text| Content::Button { text });
            json(&TemplateReply {
                event: event.to_owned(),
                call_id: session.call_id.to_string(),
                company: session.company(),
                channel: session.channel.to_string(),
                channel_id: session.channel_id.to_string(),
                user: user(session),
                template,
                messages,
            })
        }
        "template.result" => {
            let task_id = seed::hex32(&mut session.rng.draw());
            let template = template(session);
            let msg_id = seed::hex32(&mut session.rng.draw());
            json(&TemplateResult {
                event: event.to_owned(),
                task_id,
                company: session.company(),
                channel: session.channel.to_string(),
                channel_id: session.channel_id.to_string(),
                user: user_ref(session),
                template,
                msg_id,
                status: MessageStatus::Send,
                timestamp: now.as_second(),
                error: None,
            })
        }
        "message.status" => {
            let (msg_id, status) = next_status(session);
            json(&MessageStatusChange {
                event: event.to_owned(),
                call_id: session.call_id.to_string(),
                company: session.company(),
                channel: session.channel.to_string(),
                channel_id: session.channel_id.to_string(),
                user: user_ref(session),
                msg_id,
                status,
                timestamp: now.as_second(),
                error: None,
            })
        }
        "agent.message_status" => {
            let (msg_id, status) = next_status(session);
            json(&AgentMessageStatus {
                event: event.to_owned(),
                call_id: session.call_id.to_string(),
                company: session.company(),
                channel: session.channel.to_string(),
                channel_id: session.channel_id.to_string(),
                user: user_ref(session),
                seat_id: session.seat_id.to_string(),
                msg_id,
                status,
                timestamp: now.as_second(),
                error: None,
            })
        }
        "session.end" => json(&SessionEnd {
            event: event.to_owned(),
            call_id: session.call_id.to_string(),
            company: session.company(),
            channel: session.channel.to_string(),
            channel_id: session.channel_id.to_string(),
            user: user_ref(session),
            seat_id: session.seat_id.to_string(),
            status: SessionStatus::Closed,
            session_start_time: utc_text(session.started),
            session_end_time: utc_text(now),
            session_end_reason: usual_end(session),
            timestamp: now.as_second(),
        }),
        "session.report" => report(session, event, now),
        "inbound.call_completed" => inbound(session, event, now),
        _ => return None,
    })
}

/// Bodies are plain data: numbers, texts, lists, and tables with text keys, which always fit into JSON.
fn json(body: &impl Serialize) -> Value {
    serde_json::to_value(body).expect("a body is plain data")
}

fn user(session: &Session) -> User {
    User { id: session.user_id.to_string(), name: session.name() }
}

fn user_ref(session: &Session) -> UserRef {
    UserRef { id: session.user_id.to_string() }
}

/// The robot's messages go to customers who own the channel, which the vendor calls `chatbot` (example), unless a
/// story named another.
fn own_channel(session: &Session) -> String {
    let usual = session.channel == super::DEFAULT_CHANNEL || session.is_on_own_channel;
    if usual { OWN_CHANNEL.to_owned() } else { session.channel.to_string() }
}

fn template(session: &mut Session) -> TemplateInfo {
    const SAMPLES: [(i64, &str); 3] = [(35, "payment_reminder"), (36, "parcel_update"), (41, "loan_offer")];
    let (id, name) = SAMPLES[session.rng.draw().random_range(0..SAMPLES.len())];
    TemplateInfo { id, name: name.to_owned(), language: session.locale.to_owned() }
}

fn usual_end(session: &Session) -> EndReason {
    if session.phase == Phase::Agent { EndReason::Seat } else { EndReason::Robot }
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

fn written(
    session: &mut Session,
    sender: SenderType,
    phrase: &str,
    count: usize,
    now: Timestamp,
    content: impl Fn(String) -> Content,
) -> Vec<Message> {
    if count == 0 {
        return Vec::new();
    }
    let facts = session.facts();
    let rng = &mut *session.rng.draw();
    (0..count)
        .map(|_| {
            let text = phrases::phrase_with(rng, phrase, session.locale, &facts);
            Message {
                msg_id: seed::hex32(rng),
                sender_type: sender,
                timestamp: now.as_second(),
                content: content(text.unwrap_or_default()),
                reply: None,
            }
        })
        .collect()
}

/// The status that follows: of the last message that was written to the user, or of one made up.
fn next_status(session: &mut Session) -> (String, MessageStatus) {
    match session.messages.iter().rev().find(|message| message.sender_type != "user") {
        Some(message) => {
            let next = match &*message.status {
                "send" => MessageStatus::Delivery,
                "delivery" | "read" => MessageStatus::Read,
                _ => MessageStatus::Send,
            };
            (message.msg_id.to_string(), next)
        }
        None => (seed::hex32(&mut session.rng.draw()), MessageStatus::Delivery),
    }
}

/// The robot that has the conversation, digits in a text (example).
fn robot_id(session: &Session) -> String {
    super::four_digits(&mut session.samples())
}

fn report(session: &mut Session, event: &str, now: Timestamp) -> Value {
    let rounds = session.messages.iter().filter(|message| message.sender_type == "user").count();
    let intention = char::from(b'A' + session.rng.draw().random_range(0..5));
    let robot_id = robot_id(session);
    let mut body = json(&SessionReport {
        event: event.to_owned(),
        call_id: session.call_id.to_string(),
        company: session.company(),
        channel: session.channel.to_string(),
        channel_id: session.channel_id.to_string(),
        user: user(session),
        robot_id,
        seat_id: session.seat_id.to_string(),
        status: SessionStatus::Closed,
        session_start_time: utc_text(session.started),
        session_end_time: utc_text(session.ended.as_ref().map_or(now, |ended| ended.0)),
        session_end_reason: usual_end(session),
        intention: intention.to_string(),
        talk_round: i64::try_from(rounds).unwrap_or(i64::MAX),
        ner_slots: Fields::new(),
        event_label: Fields::new(),
        variables: Fields::new(),
        timestamp: now.as_second(),
        messages: Vec::new(),
    });
    if let Some((_, reason)) = session.ended.as_deref() {
        body["session_end_reason"] = Value::String(reason.clone());
    }
    // What was said is told as it was said, also where a story made up contents that no type describes.
    let said = session.messages.iter().map(|message| session.messages.told_whole(message));
    body["messages"] = Value::Array(said.collect());
    body
}

fn inbound(session: &mut Session, event: &str, now: Timestamp) -> Value {
    let (user, _) = session.people();
    let talk = session.rng.draw().random_range(15..240);
    let ring = session.rng.draw().random_range(2..12);
    let started = now.checked_sub(Duration::from_secs(talk + ring)).unwrap_or(now);
    let intention = char::from(b'A' + session.rng.draw().random_range(0..5));
    let robot_id = robot_id(session);
    let callee = phone(&mut session.rng.draw(), user.country);
    let record_link = crate::simulator::samples::record_link(&mut session.samples(), now);
    json(&InboundCallCompleted {
        event: event.to_owned(),
        call_id: session.call_id.to_string(),
        company: session.company(),
        channel: VOICE_CHANNEL.to_owned(),
        channel_id: session.channel_id.to_string(),
        user: UserRef { id: user.phone },
        callee,
        robot_id,
        seat_id: session.seat_id.to_string(),
        call_start_time: utc_text(started),
        call_end_time: utc_text(now),
        talk_duration: i64::try_from(talk).unwrap_or(i64::MAX),
        talk_round: i64::try_from(talk / 12 + 1).unwrap_or(i64::MAX),
        hangup_type: "user".to_owned(),
        intention: intention.to_string(),
        record_link,
        timestamp: now.as_second(),
    })
}
