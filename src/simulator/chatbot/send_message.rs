//! *Send regular message*: what an agent of the customer writes to the user, and how it gets on.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::by_user::{ByUser, check_open};
use super::conversation::{Conversation, Phase};
use super::messages::{Message, Way};
use super::turns;
use crate::contract::bodies::message::{Content, MessageStatus};
use crate::contract::fields::{Given, NoEffect};
use crate::json::JsonText;
use crate::seed::Rng;
use crate::simulator::endpoint::Both;
use crate::simulator::timer::ChatbotTimer;
use crate::simulator::wire_id::WireId;
use crate::simulator::{Refusal, Request, Simulator};
use crate::time::{HumanDuration, later};

/// How a message to the user gets on, and how many milliseconds each step takes.
const STATUSES: [(MessageStatus, Range<u64>); 3] = [
    (MessageStatus::Send, 150..500),
    (MessageStatus::Delivery, 300..1_500),
    (MessageStatus::Read, 800..6_000),
];

/// `POST /api/v1/message/send` (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct SendMessage {
    /// The id of the conversation, as callbacks name it.
    call_id: Option<String>,
    /// The id of the agent who writes; the one who has the conversation if it is left out.
    seat_id: Option<String>,
    /// A list of content objects. Types that are not listed here are taken as well.
    messages: Vec<Given<Content>>,
    /// The channel, as callbacks name it.
    #[serde(rename = "channel")]
    _channel: Option<NoEffect<String>>,
}

/// The data of the response (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SentMessages {
    /// The messages as they were sent, in order.
    messages: Vec<SentMessage>,
}

/// A message that was sent (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SentMessage {
    /// The id of the message: 32 hexadecimal digits.
    pub(super) msg_id: String,
}

/// Sends messages to the user of a conversation.
pub(super) fn send_message(
    simulator: &mut Simulator,
    Both(body, by_user): Both<SendMessage, ByUser>,
    request: &Request<'_>,
) -> Result<SentMessages, Refusal> {
    check_contents(&body.messages)?;
    let key = by_user.find(simulator, request, body.call_id.as_deref())?;
    let window = simulator.context.behaviour.chatbot.window;
    let has_callback_url = turns::has_callback_url(simulator, key);
    let conversation = simulator.chatbot.conversations.get_mut(key);
    check_open(conversation)?;
    let is_own = conversation.is_on_own_channel;
    if !is_own {
        check_window(conversation, window, &body.messages, request.now)?;
    }
    let seat_id = body.seat_id.map_or_else(|| conversation.seat_id.clone(), Into::into);
    conversation.last_activity = request.now;
    let by_agent = conversation.phase == Phase::Agent;
    let mut rng = conversation.rng.draw();
    let mut messages = Vec::with_capacity(body.messages.len());
    for content in &body.messages {
        let msg_id = WireId::draw(&mut rng);
        messages.push(SentMessage { msg_id: msg_id.to_string() });
        // The customer delivers on a channel of their own, and nobody learns how far a message came.
        let moments = (!is_own).then(|| moments(&mut rng, request.now));
        let place = conversation.messages.add(Message {
            msg_id,
            seat_id: Arc::clone(&seat_id),
            timestamp: request.now.as_second(),
            sender_type: "seat".into(),
            status: "send".into(),
            content: JsonText::of(content),
            reply: None,
            way: moments.filter(|_| !has_callback_url).map(|moments| way(moments, request.now)),
        });
        let Some(moments) = moments else { continue };
        if !has_callback_url {
            simulator.context.agenda.stay_busy(moments[2]);
            continue;
        }
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        for ((status, _), at) in STATUSES.into_iter().zip(moments) {
            simulator.context.plan(at, ChatbotTimer::Status { conversation: key, place, status, by_agent });
        }
    }
    drop(rng);
    simulator.chatbot.begin(&mut simulator.context, key, request.now);
    turns::agent_wrote(simulator, key, request.now);
    Ok(SentMessages { messages })
}

/// Every content says what it is.
pub(super) fn check_contents(contents: &[Given<Content>]) -> Result<(), Refusal> {
    if contents.is_empty() {
        return Err(Refusal::new(400, "messages is missing: a list of content objects"));
    }
    let is_typed = |content: &Given<Content>| content.value().get("type").is_some_and(Value::is_string);
    match contents.iter().position(|content| !is_typed(content)) {
        Some(at) => {
            let message = format!("messages[{at}].type is missing: `text`, `image`, `interactive`, ...");
            Err(Refusal::new(400, message))
        }
        None => Ok(()),
    }
}

/// Free-form messages go only to whom wrote lately, templates always: WhatsApp's own public rule, assumed here.
fn check_window(
    conversation: &Conversation,
    window: Option<Duration>,
    contents: &[Given<Content>],
    now: Timestamp,
) -> Result<(), Refusal> {
    let Some(window) = window else { return Ok(()) };
    let are_templates = || contents.iter().all(|content| content.value()["type"] == "template");
    if now <= later(conversation.last_user, window) || are_templates() {
        return Ok(());
    }
    let message = format!(
        "the window is closed: the user last wrote at {}, and free-form messages are sent only within {} after that; send a template message",
        conversation.last_user.strftime("%Y-%m-%dT%H:%M:%SZ"),
        HumanDuration(window),
    );
    Err(Refusal::new(400, message))
}

/// When a message that is sent now reaches each of its statuses.
fn moments(rng: &mut Rng, now: Timestamp) -> [Timestamp; 3] {
    let mut at = now;
    STATUSES.map(|(_, range)| {
        at = later(at, Duration::from_millis(rng.random_range(range)));
        at
    })
}

/// The same, as a message keeps it.
fn way([_, delivered, read]: [Timestamp; 3], now: Timestamp) -> Way {
    let since = |at: Timestamp| at.as_millisecond().saturating_sub(now.as_second().saturating_mul(1_000));
    let [delivered, read] = [delivered, read].map(|at| u32::try_from(since(at)).unwrap_or(u32::MAX));
    Way { delivered, read }
}
