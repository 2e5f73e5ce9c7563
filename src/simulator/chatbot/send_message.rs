//! *Send regular message*: the messages of the customer's agents to the user, and their statuses.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::by_user::{ByUser, check_open};
use super::contents::check_contents;
use super::conversation::Phase;
use super::messages::{Message, Way};
use super::outcome_plan::{self, Failure};
use super::turns;
use crate::contract::bodies::check::Speaker;
use crate::contract::bodies::message::MessageStatus;
use crate::contract::bodies::said::BusinessSays;
use crate::contract::fields::{Given, NoEffect};
use crate::json::JsonText;
use crate::seed::Rng;
use crate::simulator::endpoint::Both;
use crate::simulator::keys::ConversationKey;
use crate::simulator::outcome::{ChatOutcome, MockOutcome};
use crate::simulator::timer::ChatbotTimer;
use crate::simulator::wire_id::WireId;
use crate::simulator::{FindingKind, Refusal, Request, Simulator};
use crate::time::{HumanDuration, later};

/// The statuses of a message to the user, and the duration of each step in milliseconds.
const STATUSES: [(MessageStatus, Range<u64>); 3] = [
    (MessageStatus::Send, 150..500),
    (MessageStatus::Delivery, 300..1_500),
    (MessageStatus::Read, 800..6_000),
];

/// `POST /api/v1/message/send` (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct SendMessage {
    /// The id of the conversation, as callbacks name it; it, or `channel_id` with `user.id`, is needed.
    call_id: Option<String>,
    /// The id of the agent who writes; default: the agent who has the conversation.
    seat_id: Option<String>,
    /// A list of content objects. They are checked by their type, unless the mock is lenient.
    messages: Vec<Given<BusinessSays>>,
    /// The result of the messages: `wa_unregistered`, `wa_opted_out`, `wa_blocked` or `wa_unread`; for tests, not a field
    /// of the vendor.
    mock_outcome: Option<String>,
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
    let scripted = body.mock_outcome.as_deref().map(str::parse::<MockOutcome>).transpose();
    let scripted = scripted.map_err(|error| Refusal::new(400, format!("mock_outcome: {error}")))?;
    check_contents(simulator, request, &body.messages, Speaker::Business)?;
    let key = by_user.find(simulator, request, body.call_id.as_deref())?;
    check_sender(simulator, request, key, body.seat_id.is_some())?;
    check_window(simulator, request, key, &body.messages)?;
    let (fails, until) = reach(simulator, request, key, scripted.and_then(|scripted| scripted.chat));
    let has_callback_url = turns::has_callback_url(simulator, key);
    let conversation = simulator.chatbot.conversations.get_mut(key);
    let is_own = conversation.is_on_own_channel;
    let seat_id = body.seat_id.map_or_else(|| conversation.seat_id.clone(), Into::into);
    conversation.last_activity = request.now;
    let by_agent = conversation.phase == Phase::Agent;
    let mut rng = conversation.rng.draw();
    let mut messages = Vec::with_capacity(body.messages.len());
    for content in &body.messages {
        let msg_id = WireId::draw(&mut rng);
        messages.push(SentMessage { msg_id: msg_id.to_string() });
        // On a channel of the customer's own, the customer delivers the messages, and their status is not known.
        let moments = (!is_own).then(|| moments(&mut rng, request.now));
        let is_usual = until == MessageStatus::Read;
        let place = conversation.messages.add(Message {
            msg_id,
            seat_id: Arc::clone(&seat_id),
            timestamp: request.now.as_second(),
            sender_type: "seat".into(),
            status: "send".into(),
            content: JsonText::of(content),
            reply: None,
            way: moments.filter(|_| is_usual && !has_callback_url).map(|moments| way(moments, request.now)),
        });
        let Some(moments) = moments else { continue };
        if is_usual && !has_callback_url {
            simulator.context.agenda.stay_busy(moments[2]);
            continue;
        }
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        if let Some(failure) = fails {
            let status = MessageStatus::Failed;
            let timer = ChatbotTimer::Status { place, status, failure: Some(failure), by_agent };
            simulator.context.plan(moments[0], (key, timer));
            continue;
        }
        for ((status, _), at) in STATUSES.into_iter().zip(moments).filter(|((status, _), _)| *status <= until)
        {
            let timer = ChatbotTimer::Status { place, status, failure: None, by_agent };
            simulator.context.plan(at, (key, timer));
        }
    }
    drop(rng);
    simulator.chatbot.begin(&mut simulator.context, key, request.now);
    // Only a message that was read is answered.
    if until == MessageStatus::Read {
        turns::agent_wrote(simulator, key, request.now);
    }
    Ok(SentMessages { messages })
}

/// Checks that the conversation has not ended, and that an agent only writes after a transfer was accepted.
fn check_sender(
    simulator: &mut Simulator,
    request: &Request<'_>,
    key: ConversationKey,
    names_seat: bool,
) -> Result<(), Refusal> {
    let Simulator { chatbot, context, .. } = simulator;
    let codes = context.behaviour.chatbot.codes;
    let conversation = chatbot.conversations.get(key);
    check_open(conversation, codes)?;
    let message = match conversation.phase {
        Phase::Transfer => {
            "the transfer is not accepted yet: an agent can write after the agent transfer result"
        }
        Phase::Bot if names_seat => {
            "no agent has this conversation until a transfer is requested and accepted; leave seat_id \
            out to write without an agent"
        }
        Phase::Bot | Phase::Agent | Phase::Closed => return Ok(()),
    };
    context.refuse(request, "written before the acceptance", Refusal::new(codes.not_accepted.into(), message))
}

/// Returns how far a message gets, and why it fails: as forced by a test, or else by what is known of the user.
fn reach(
    simulator: &mut Simulator,
    request: &Request<'_>,
    key: ConversationKey,
    scripted: Option<ChatOutcome>,
) -> (Option<Failure>, MessageStatus) {
    let Simulator { chatbot, context, .. } = simulator;
    let conversation = chatbot.conversations.get(key);
    if conversation.is_on_own_channel {
        return outcome_plan::reach(None);
    }
    if chatbot.campaigns.is_opted_out(&conversation.channel_id, &conversation.user_id) {
        let call_id = conversation.call_id.to_string();
        context.find(request.account, FindingKind::OptedOut, request.id, call_id, || {
            format!("`{}` writes to a user who has opted out of messages: it fails", request.id)
        });
        return outcome_plan::reach(Some(ChatOutcome::OptedOut));
    }
    // The last digits of a number that was made up for a story have no meaning.
    let by_number = || {
        let number = conversation.overrides.phone.or_else(|| conversation.user_id.to_string().parse().ok());
        number
            .filter(|_| !conversation.is_user_drawn())
            .and_then(|number| context.behaviour.calling.mock_outcome_of(number).chat)
    };
    outcome_plan::reach(scripted.or(conversation.reach).or_else(by_number))
}

/// Checks that free-form messages go only to users who wrote recently; templates are always allowed. This is WhatsApp's own
/// public rule, assumed here.
fn check_window(
    simulator: &mut Simulator,
    request: &Request<'_>,
    key: ConversationKey,
    contents: &[Given<BusinessSays>],
) -> Result<(), Refusal> {
    let rules = simulator.context.behaviour.chatbot;
    let conversation = simulator.chatbot.conversations.get(key);
    let Some(window) = rules.window.filter(|_| !conversation.is_on_own_channel) else { return Ok(()) };
    let are_templates = || contents.iter().all(|content| content.value()["type"] == "template");
    let last = conversation.last_user;
    if request.now <= later(last, window) || are_templates() {
        return Ok(());
    }
    let refusal = |why: String| {
        let message = format!(
            "the window is closed: {why}, and free-form messages can be sent only within {} after that: \
            send a template message",
            HumanDuration(window)
        );
        Refusal::new(rules.codes.window.into(), message)
    };
    if last == Timestamp::MIN {
        let refusal = refusal("the user has never written".to_owned());
        return simulator.context.refuse(request, "user who never wrote", refusal);
    }
    Err(refusal(format!("the user last wrote at {}", last.strftime("%Y-%m-%dT%H:%M:%SZ"))))
}

/// Returns when a message sent now reaches each of its statuses.
fn moments(rng: &mut Rng, now: Timestamp) -> [Timestamp; 3] {
    let mut at = now;
    STATUSES.map(|(_, range)| {
        at = later(at, Duration::from_millis(rng.random_range(range)));
        at
    })
}

/// Returns the same in the form that a message stores.
fn way([_, delivered, read]: [Timestamp; 3], now: Timestamp) -> Way {
    let since = |at: Timestamp| at.as_millisecond().saturating_sub(now.as_second().saturating_mul(1_000));
    let [delivered, read] = [delivered, read].map(|at| u32::try_from(since(at)).unwrap_or(u32::MAX));
    Way { delivered, read }
}
