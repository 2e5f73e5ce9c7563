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
use crate::simulator::chatbot::conversation::{Conversation, Phase};

/// The channel that a customer owns.
pub(super) const OWN_CHANNEL: &str = "chatbot";

/// The channel of a call that came in (assumed).
const VOICE_CHANNEL: &str = "voice";

/// The most messages one callback gets by default, however many the story's list has.
const MOST_MESSAGES: usize = 1_000;

/// The body of an event before a story's own fields are put over it; nothing if it is no event of the chatbot.
/// `patch` tells how many messages are wanted.
pub(in crate::simulator) fn default_body(
    conversation: &mut Conversation,
    event: &str,
    patch: &Value,
    now: Timestamp,
) -> Option<Value> {
    let count = patch.get("messages").and_then(Value::as_array).map_or(1, Vec::len).min(MOST_MESSAGES);
    Some(match event {
        "session.transfer" => json(&SessionTransfer {
            event: event.to_owned(),
            channel: conversation.channel.to_string(),
            channel_id: conversation.channel_id.to_string(),
            user: user_ref(conversation),
            transfer: Transfer { company: conversation.company(), call_id: conversation.call_id.to_string() },
        }),
        "agent.transfer" => json(&AgentTransfer {
            event: event.to_owned(),
            channel: conversation.channel.to_string(),
            channel_id: conversation.channel_id.to_string(),
            user: user_ref(conversation),
            transfer: SeatTransfer {
                company: conversation.company(),
                call_id: conversation.call_id.to_string(),
                from_seat_id: conversation.seat_id.to_string(),
                to_seat_id: String::new(),
            },
        }),
        "message.send" => {
            let phrase = robot_phrase(conversation);
            let messages =
                written(conversation, SenderType::Robot, phrase, count, now, |text| Content::Text { text });
            json(&MessageSend {
                event: event.to_owned(),
                call_id: conversation.call_id.to_string(),
                company: conversation.company(),
                channel: own_channel(conversation),
                channel_id: conversation.channel_id.to_string(),
                user: user(conversation),
                messages,
            })
        }
        "message.receive" => {
            let phrase = user_phrase(conversation);
            let messages =
                written(conversation, SenderType::User, phrase, count, now, |text| Content::Text { text });
            json(&MessageReceive {
                event: event.to_owned(),
                call_id: conversation.call_id.to_string(),
                company: conversation.company(),
                channel: conversation.channel.to_string(),
                channel_id: conversation.channel_id.to_string(),
                user: user(conversation),
                messages,
            })
        }
        "agent.message" => {
            let phrase = user_phrase(conversation);
            let messages =
                written(conversation, SenderType::User, phrase, count, now, |text| Content::Text { text });
            json(&AgentMessage {
                event: event.to_owned(),
                call_id: conversation.call_id.to_string(),
                company: conversation.company(),
                channel: conversation.channel.to_string(),
                channel_id: conversation.channel_id.to_string(),
                user: user(conversation),
                seat_id: conversation.seat_id.to_string(),
                messages,
            })
        }
        "template.reply" => {
            let key =
                ["button_yes", "button_no", "button_call_me"][conversation.rng.draw().random_range(0..3)];
            let template = template(conversation);
            let messages =
                written(conversation, SenderType::User, key, count, now, |text| Content::Button { text });
            json(&TemplateReply {
                event: event.to_owned(),
                call_id: conversation.call_id.to_string(),
                company: conversation.company(),
                channel: conversation.channel.to_string(),
                channel_id: conversation.channel_id.to_string(),
                user: user(conversation),
                template,
                messages,
            })
        }
        "template.result" => {
            let task_id = seed::hex32(&mut conversation.rng.draw());
            let template = template(conversation);
            let msg_id = seed::hex32(&mut conversation.rng.draw());
            json(&TemplateResult {
                event: event.to_owned(),
                task_id,
                company: conversation.company(),
                channel: conversation.channel.to_string(),
                channel_id: conversation.channel_id.to_string(),
                user: user_ref(conversation),
                template,
                msg_id,
                status: MessageStatus::Send,
                timestamp: now.as_second(),
                error: None,
            })
        }
        "message.status" => {
            let (msg_id, status) = next_status(conversation);
            json(&MessageStatusChange {
                event: event.to_owned(),
                call_id: conversation.call_id.to_string(),
                company: conversation.company(),
                channel: conversation.channel.to_string(),
                channel_id: conversation.channel_id.to_string(),
                user: user_ref(conversation),
                msg_id,
                status,
                timestamp: now.as_second(),
                error: None,
            })
        }
        "agent.message_status" => {
            let (msg_id, status) = next_status(conversation);
            json(&AgentMessageStatus {
                event: event.to_owned(),
                call_id: conversation.call_id.to_string(),
                company: conversation.company(),
                channel: conversation.channel.to_string(),
                channel_id: conversation.channel_id.to_string(),
                user: user_ref(conversation),
                seat_id: conversation.seat_id.to_string(),
                msg_id,
                status,
                timestamp: now.as_second(),
                error: None,
            })
        }
        "session.end" => json(&SessionEnd {
            event: event.to_owned(),
            call_id: conversation.call_id.to_string(),
            company: conversation.company(),
            channel: conversation.channel.to_string(),
            channel_id: conversation.channel_id.to_string(),
            user: user_ref(conversation),
            seat_id: conversation.seat_id.to_string(),
            status: SessionStatus::Closed,
            session_start_time: utc_text(conversation.started),
            session_end_time: utc_text(now),
            session_end_reason: usual_end(conversation),
            timestamp: now.as_second(),
        }),
        "session.report" => report(conversation, event, now),
        "inbound.call_completed" => inbound(conversation, event, now),
        _ => return None,
    })
}

/// Bodies are plain data: numbers, texts, lists, and tables with text keys, which always fit into JSON.
fn json(body: &impl Serialize) -> Value {
    serde_json::to_value(body).expect("a body is plain data")
}

fn user(conversation: &Conversation) -> User {
    User { id: conversation.user_id.to_string(), name: conversation.name() }
}

fn user_ref(conversation: &Conversation) -> UserRef {
    UserRef { id: conversation.user_id.to_string() }
}

/// The robot's messages go to customers who own the channel, which the vendor calls `chatbot` (example), unless a
/// story named another.
fn own_channel(conversation: &Conversation) -> String {
    let usual = conversation.channel == super::DEFAULT_CHANNEL || conversation.is_on_own_channel;
    if usual { OWN_CHANNEL.to_owned() } else { conversation.channel.to_string() }
}

fn template(conversation: &mut Conversation) -> TemplateInfo {
    const SAMPLES: [(i64, &str); 3] = [(35, "payment_reminder"), (36, "parcel_update"), (41, "loan_offer")];
    let (id, name) = SAMPLES[conversation.rng.draw().random_range(0..SAMPLES.len())];
    TemplateInfo { id, name: name.to_owned(), language: conversation.locale.to_owned() }
}

fn usual_end(conversation: &Conversation) -> EndReason {
    if conversation.phase == Phase::Agent { EndReason::Seat } else { EndReason::Robot }
}

/// What a robot would say next.
fn robot_phrase(conversation: &Conversation) -> &'static str {
    const COURSE: [&str; 4] = ["bot_intro", "debt_reminder", "payment_link", "order_status"];
    COURSE[conversation.messages.len() / 2 % COURSE.len()]
}

/// What a user would say next.
fn user_phrase(conversation: &Conversation) -> &'static str {
    const WITH_BOT: [&str; 4] = ["greeting", "order_question", "small_talk", "debt_promise"];
    const WITH_AGENT: [&str; 4] = ["debt_dispute", "parcel_late", "complaint", "user_thanks"];
    let course = if conversation.phase == Phase::Agent { WITH_AGENT } else { WITH_BOT };
    course[conversation.messages.len() / 2 % course.len()]
}

fn written(
    conversation: &mut Conversation,
    sender: SenderType,
    phrase: &str,
    count: usize,
    now: Timestamp,
    content: impl Fn(String) -> Content,
) -> Vec<Message> {
    if count == 0 {
        return Vec::new();
    }
    let facts = conversation.facts();
    let rng = &mut *conversation.rng.draw();
    (0..count)
        .map(|_| {
            let text = phrases::phrase_with(rng, phrase, conversation.locale, &facts);
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
fn next_status(conversation: &mut Conversation) -> (String, MessageStatus) {
    match conversation.messages.iter().rev().find(|message| message.sender_type != "user") {
        Some(message) => {
            let next = match &*message.status {
                "send" => MessageStatus::Delivery,
                "delivery" | "read" => MessageStatus::Read,
                _ => MessageStatus::Send,
            };
            (message.msg_id.to_string(), next)
        }
        None => (seed::hex32(&mut conversation.rng.draw()), MessageStatus::Delivery),
    }
}

/// The robot that has the conversation, digits in a text (example).
fn robot_id(conversation: &Conversation) -> String {
    conversation.samples().random_range(1_000..10_000).to_string()
}

fn report(conversation: &mut Conversation, event: &str, now: Timestamp) -> Value {
    let rounds = conversation.messages.iter().filter(|message| message.sender_type == "user").count();
    let intention = char::from(b'A' + conversation.rng.draw().random_range(0..5));
    let robot_id = robot_id(conversation);
    let mut body = json(&SessionReport {
        event: event.to_owned(),
        call_id: conversation.call_id.to_string(),
        company: conversation.company(),
        channel: conversation.channel.to_string(),
        channel_id: conversation.channel_id.to_string(),
        user: user(conversation),
        robot_id,
        seat_id: conversation.seat_id.to_string(),
        status: SessionStatus::Closed,
        session_start_time: utc_text(conversation.started),
        session_end_time: utc_text(conversation.ended.as_ref().map_or(now, |ended| ended.0)),
        session_end_reason: usual_end(conversation),
        intention: intention.to_string(),
        talk_round: i64::try_from(rounds).unwrap_or(i64::MAX),
        ner_slots: Fields::new(),
        event_label: Fields::new(),
        variables: Fields::new(),
        timestamp: now.as_second(),
        messages: Vec::new(),
    });
    if let Some((_, reason)) = conversation.ended.as_deref() {
        body["session_end_reason"] = Value::String(reason.clone());
    }
    // What was said is told as it was said, also where a story made up contents that no type describes.
    let said = conversation.messages.iter().map(|message| conversation.messages.told_whole(message));
    body["messages"] = Value::Array(said.collect());
    body
}

fn inbound(conversation: &mut Conversation, event: &str, now: Timestamp) -> Value {
    let (user, _) = conversation.people();
    let talk = conversation.rng.draw().random_range(15..240);
    let ring = conversation.rng.draw().random_range(2..12);
    let started = now.checked_sub(Duration::from_secs(talk + ring)).unwrap_or(now);
    let intention = char::from(b'A' + conversation.rng.draw().random_range(0..5));
    let robot_id = robot_id(conversation);
    let callee = phone(&mut conversation.rng.draw(), user.country);
    let record_link = crate::simulator::talk::record_link(&mut conversation.samples(), now);
    json(&InboundCallCompleted {
        event: event.to_owned(),
        call_id: conversation.call_id.to_string(),
        company: conversation.company(),
        channel: VOICE_CHANNEL.to_owned(),
        channel_id: conversation.channel_id.to_string(),
        user: UserRef { id: user.phone },
        callee,
        robot_id,
        seat_id: conversation.seat_id.to_string(),
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
