//! The integrator's chatbot calls. Paths and fields other than those of the message list are assumed.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt;
use serde_json::Value;

use super::{campaign, catalogue, channel, media, turns};
use crate::contract::bodies::message::MessageStatus;
use crate::json::{push_plain, push_text};
use crate::seed::Rng;
use crate::simulator::chatbot::conversation::{Conversation, Phase};
use crate::simulator::chatbot::messages::{Json, Message, Way};
use crate::simulator::keys::ConversationKey;
use crate::simulator::timer::ChatbotTimer;
use crate::simulator::wire_id::WireId;
use crate::simulator::{Request, Response, Simulator};
use crate::time::later;

/// The page size of lists where the call names none; the vendor's example.
const PAGE: usize = 20;

/// The largest page of a list.
const LARGEST_PAGE: usize = 200;

/// How a message to the user gets on, and how many milliseconds each step takes.
const STATUSES: [(MessageStatus, Range<u64>); 3] = [
    (MessageStatus::Send, 150..500),
    (MessageStatus::Delivery, 300..1_500),
    (MessageStatus::Read, 800..6_000),
];

/// About how many bytes a conversation takes in a list.
const USUAL: usize = 280;

/// About how many bytes a message takes in the answer to the call that sent it.
const USUAL_SENT: usize = 48;

const NO_DATA: Response = Response::Data(Value::Null);

/// Answers a request of the chatbot family; nothing if it is of another.
pub(super) fn handle(simulator: &mut Simulator, call: &Request<'_>) -> Option<Response> {
    let work = match call.id {
        "chatbot.agent_transfer_result" => transfer_result,
        "chatbot.send_message" => send_message,
        "chatbot.mark_read" => mark_read,
        "chatbot.end_session" => end_session,
        "chatbot.messages" => messages,
        _ => {
            let outcome = match call.id {
                "chatbot.sessions" => conversations(simulator, call),
                "chatbot.waba_accounts" => catalogue::waba_accounts(simulator, call),
                "chatbot.templates" => catalogue::templates(call),
                "chatbot.template_detail" => catalogue::template_detail(call),
                "chatbot.send_template" | "chatbot.send_single_template" => campaign::send(simulator, call),
                "chatbot.template_result" => campaign::template_result(simulator, call),
                "chatbot.upload" | "chatbot.upload_map" => media::upload(simulator, call),
                "chatbot.channel_message" => channel::message(simulator, call),
                _ => return None,
            };
            return Some(outcome.unwrap_or_else(|error| error));
        }
    };
    let outcome = find(simulator, call)
        .and_then(|key| work(simulator, key, ChatCall { fields: call.fields, now: call.now }));
    Some(outcome.unwrap_or_else(|error| error))
}

#[derive(Clone, Copy)]
struct ChatCall<'a> {
    fields: &'a Value,
    now: Timestamp,
}

type Outcome = Result<Response, Response>;

fn bad(message: impl Into<String>) -> Response {
    Response::Error { code: 400, message: message.into() }
}

fn find(simulator: &Simulator, call: &Request<'_>) -> Result<ConversationKey, Response> {
    let fields = call.fields;
    if let Some(key) = simulator.find_conversation(fields)
        && simulator.chatbot.conversations.get(key).is_seen_by(call.account)
    {
        return Ok(key);
    }
    Err(match text(fields, "call_id")? {
        Some(call_id) if !call_id.is_empty() => Response::Error {
            code: 404,
            message: format!("there is no conversation with call_id `{call_id}`"),
        },
        _ => bad("call_id is missing, and channel_id with user.id names no conversation either"),
    })
}

fn text<'a>(fields: &'a Value, name: &str) -> Result<Option<&'a str>, Response> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(bad(format!("{name} must be a string"))),
    }
}

/// The agent phase is needed for what agents do; telling the phase helps the integrator to see why it is refused.
fn open(conversation: &Conversation) -> Result<(), Response> {
    if conversation.phase == Phase::Closed {
        return Err(Response::Error { code: 400, message: "the conversation has ended".to_owned() });
    }
    Ok(())
}

fn transfer_result(simulator: &mut Simulator, key: ConversationKey, call: ChatCall<'_>) -> Outcome {
    let result =
        text(call.fields, "result")?.ok_or_else(|| bad("result is missing: `accepted` or `refused`"))?;
    let seat = text(call.fields, "seat_id")?.unwrap_or_default().into();
    let conversation = simulator.chatbot.conversations.get_mut(key);
    open(conversation)?;
    if conversation.phase == Phase::Agent {
        return Err(Response::Error {
            code: 409,
            message: "an agent has the conversation already".to_owned(),
        });
    }
    match result {
        "accepted" => {
            conversation.phase = Phase::Agent;
            conversation.seat_id = seat;
        }
        "refused" => conversation.phase = Phase::Bot,
        other => return Err(bad(format!("result is `{other}`, expected `accepted` or `refused`"))),
    }
    conversation.last_activity = call.now;
    if result == "accepted" {
        turns::accepted(simulator, key, call.now);
    } else {
        turns::refused(simulator, key, call.now);
    }
    Ok(NO_DATA)
}

/// The content objects of `messages`.
pub(super) fn contents(fields: &Value) -> Result<&[Value], Response> {
    let contents = match fields.get("messages") {
        Some(Value::Array(items)) if !items.is_empty() => items,
        Some(Value::Array(_)) | None => return Err(bad("messages is missing: a list of content objects")),
        Some(_) => return Err(bad("messages must be a list of content objects")),
    };
    for (index, content) in contents.iter().enumerate() {
        if content.get("type").and_then(Value::as_str).is_none() {
            return Err(bad(format!(
                "messages[{index}].type is missing: `text`, `image`, `interactive`, ..."
            )));
        }
    }
    Ok(contents)
}

/// Free-form messages go only to whom wrote lately, templates always: WhatsApp's own public rule, assumed here.
fn within_window(
    conversation: &Conversation,
    window: Option<Duration>,
    contents: &[Value],
    now: Timestamp,
) -> Result<(), Response> {
    let Some(window) = window else { return Ok(()) };
    if now <= later(conversation.last_user, window) {
        return Ok(());
    }
    if contents.iter().any(|content| content["type"] != "template") {
        return Err(bad(format!(
            "the window is closed: the user last wrote at {}, and free-form messages are sent only within {} after that; send a template message",
            conversation.last_user.strftime("%Y-%m-%dT%H:%M:%SZ"),
            length(window)
        )));
    }
    Ok(())
}

/// A length of time in its largest whole unit.
fn length(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        _ if time.subsec_nanos() > 0 => format!("{}ms", time.as_millis()),
        s if s.is_multiple_of(3600) => format!("{}h", s / 3600),
        s if s.is_multiple_of(60) => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

fn send_message(simulator: &mut Simulator, key: ConversationKey, call: ChatCall<'_>) -> Outcome {
    let contents = contents(call.fields)?;
    let window = simulator.context.behaviour.chatbot.window;
    let has_callback_url = turns::has_callback_url(simulator, key);
    let conversation = simulator.chatbot.conversations.get_mut(key);
    open(conversation)?;
    let is_own = conversation.is_on_own_channel;
    if !is_own {
        within_window(conversation, window, contents, call.now)?;
    }
    let seat_id = text(call.fields, "seat_id")?.map_or_else(|| conversation.seat_id.clone(), Into::into);
    conversation.last_activity = call.now;
    let by_agent = conversation.phase == Phase::Agent;
    let mut sent = String::with_capacity(16 + contents.len() * USUAL_SENT);
    sent.push_str("{\"messages\":[");
    let mut rng = conversation.rng.draw();
    for (at, content) in contents.iter().enumerate() {
        let msg_id = WireId::draw(&mut rng);
        sent.push_str(if at == 0 { "{\"msg_id\":" } else { ",{\"msg_id\":" });
        msg_id.push_json(&mut sent);
        sent.push('}');
        // The customer delivers on a channel of their own, and nobody tells how far a message came.
        let moments = (!is_own).then(|| moments(&mut rng, call.now));
        let place = conversation.messages.add(Message {
            msg_id,
            seat_id: Arc::clone(&seat_id),
            timestamp: call.now.as_second(),
            sender_type: "seat".into(),
            status: "send".into(),
            content: Json::of(content),
            reply: None,
            way: moments.filter(|_| !has_callback_url).map(|moments| way(moments, call.now)),
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
    simulator.chatbot.begin(&mut simulator.context, key, call.now);
    turns::agent_wrote(simulator, key, call.now);
    sent.push_str("]}");
    Ok(Response::Text(sent))
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

fn mark_read(simulator: &mut Simulator, key: ConversationKey, call: ChatCall<'_>) -> Outcome {
    let ids: Vec<&str> = match (call.fields.get("msg_ids"), text(call.fields, "msg_id")?) {
        (Some(Value::Array(items)), _) => items
            .iter()
            .map(|item| item.as_str().ok_or_else(|| bad("msg_ids must be a list of strings")))
            .collect::<Result<_, _>>()?,
        (None, Some(id)) => vec![id],
        _ => return Err(bad("msg_ids is missing: a list of message ids")),
    };
    let conversation = simulator.chatbot.conversations.get_mut(key);
    if let Some(unknown) = ids.iter().find(|id| conversation.messages.position(id).is_none()) {
        return Err(Response::Error {
            code: 404,
            message: format!("there is no message `{unknown}` in this conversation"),
        });
    }
    for id in ids {
        // How far the messages to the user came is for the user to decide.
        if conversation
            .messages
            .position(id)
            .is_some_and(|at| conversation.messages[at].sender_type == "user")
        {
            conversation.messages.set_status(&id.into(), "read");
        }
    }
    Ok(NO_DATA)
}

fn end_session(simulator: &mut Simulator, key: ConversationKey, call: ChatCall<'_>) -> Outcome {
    let conversation = simulator.chatbot.conversations.get_mut(key);
    open(conversation)?;
    let wait = Duration::from_millis(conversation.rng.draw().random_range(200..800));
    simulator.context.plan(later(call.now, wait), ChatbotTimer::End { conversation: key, reason: "seat" });
    Ok(NO_DATA)
}

fn size(fields: &Value) -> Result<usize, Response> {
    match fields.get("size") {
        None | Some(Value::Null) => Ok(PAGE),
        Some(value) => {
            let number = value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
            match number.and_then(|number| usize::try_from(number).ok()) {
                Some(size) if (1..=LARGEST_PAGE).contains(&size) => Ok(size),
                _ => Err(bad(format!("size is {value}, expected a whole number from 1 to {LARGEST_PAGE}"))),
            }
        }
    }
}

/// Newest first; `last_msg_id` is the cursor, empty for the first page (example). That the page begins after the
/// cursor is assumed.
fn messages(simulator: &mut Simulator, key: ConversationKey, call: ChatCall<'_>) -> Outcome {
    let size = size(call.fields)?;
    let last = text(call.fields, "last_msg_id")?.unwrap_or_default();
    let list = &mut simulator.chatbot.conversations.get_mut(key).messages;
    let end = if last.is_empty() {
        list.len()
    } else {
        list.position(last)
            .ok_or_else(|| bad(format!("last_msg_id `{last}` is no message of this conversation")))?
    };
    Ok(Response::Text(list.page(end, size, call.now)))
}

/// Conversations, newest first; `last_call_id` is the cursor (assumed, in the style of the message list).
fn conversations(simulator: &mut Simulator, call: &Request<'_>) -> Outcome {
    let size = size(call.fields)?;
    let last = text(call.fields, "last_call_id")?.filter(|last| !last.is_empty());
    let total = simulator.chatbot.conversations.count_begun(call.account);
    let begun = simulator.chatbot.conversations.begun(call.account, last);
    let list = begun
        .ok_or_else(|| bad(format!("last_call_id `{}` is no conversation", last.unwrap_or_default())))?
        .take(size);
    let mut text = String::with_capacity(32 + size.min(total) * USUAL);
    text.push_str("{\"total\":");
    text.push_str(itoa::Buffer::new().format(total));
    text.push_str(",\"list\":[");
    for (at, conversation) in list.enumerate() {
        if at > 0 {
            text.push(',');
        }
        push_listed(&mut text, conversation);
    }
    text.push_str("]}");
    Ok(Response::Text(text))
}

/// Appends a conversation as it is listed (assumed).
fn push_listed(text: &mut String, conversation: &mut Conversation) {
    text.push_str("{\"call_id\":");
    conversation.call_id.push_json(text);
    text.push_str(",\"channel\":");
    push_text(text, &conversation.channel);
    text.push_str(",\"channel_id\":");
    conversation.channel_id.push_json(text);
    text.push_str(",\"user\":{\"id\":");
    conversation.user_id.push_json(text);
    text.push_str(",\"name\":");
    push_text(text, conversation.kept_name());
    text.push_str("},\"seat_id\":");
    push_text(text, &conversation.seat_id);
    text.push_str(",\"status\":");
    push_plain(text, conversation.phase.as_str());
    text.push_str(",\"start_time\":");
    text.push_str(itoa::Buffer::new().format(conversation.started.as_second()));
    text.push_str(",\"last_time\":");
    text.push_str(itoa::Buffer::new().format(conversation.last_activity.as_second()));
    text.push('}');
}
