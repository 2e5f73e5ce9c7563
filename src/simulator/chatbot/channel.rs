//! A channel of the customer's own: the customer pushes what users write, and the bot answers by callbacks (example; the
//! answer of the call is not known, and what the bot says is assumed).

use std::sync::Arc;

use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::by_user;
use super::campaign::Thread;
use super::contents::check_contents;
use super::conversation::{Overrides, Phase};
use super::messages::Message;
use super::question;
use super::script::Script;
use super::send_message::SentMessage;
use super::turns;
use crate::content::dialogue::Dialogue;
use crate::contract::bodies::check::Speaker;
use crate::contract::bodies::message::Content;
use crate::contract::fields::{Given, shown};
use crate::json::JsonText;
use crate::seed;
use crate::simulator::keys::ConversationKey;
use crate::simulator::{Refusal, Request, Simulator};

/// The matters users of such a channel come with.
const MATTERS: [&str; 4] = ["parcel", "debt_reminder", "loan_offer", "complaint"];

/// Words by which the bot sees that somebody wants a person.
const FOR_A_PERSON: [&str; 4] = ["agent", "human", "person", "operator"];

/// `POST /api/v1/channel/huawei/message`, and the same for other channels (example; the other channels are assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ChannelMessage {
    /// The id of the conversation; empty to begin one.
    call_id: Option<String>,
    /// The channel, `HuaWei` in the example; that of the path if it is left out.
    channel: Option<String>,
    /// The name in the path (assumed).
    name: Option<String>,
    /// The id of your channel. It may be left out if `call_id` names a conversation that is known.
    channel_id: Option<String>,
    /// Who writes.
    user: ChannelUser,
    /// A list of content objects. They are checked by their type, unless the mock is lenient.
    messages: Vec<Given<Content>>,
}

/// The user of a customer's own channel (example).
#[derive(Debug, Deserialize, JsonSchema)]
struct ChannelUser {
    /// The user's id within the channel.
    id: String,
    /// The name the user goes by.
    name: Option<String>,
}

/// The data of the response (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TakenMessages {
    /// The conversation that the messages stand in: 32 hexadecimal digits.
    call_id: String,
    /// The messages as they were taken, in order.
    messages: Vec<SentMessage>,
}

/// Takes what a user wrote, and lets the bot answer.
pub(super) fn channel_message(
    simulator: &mut Simulator,
    body: ChannelMessage,
    request: &Request<'_>,
) -> Result<TakenMessages, Refusal> {
    check_contents(simulator, request, &body.messages, Speaker::User)?;
    let key = conversation(simulator, &body, request)?;
    let conversation = simulator.chatbot.conversations.get_mut(key);
    let mut messages = Vec::new();
    conversation.messages.read_by_user();
    for content in &body.messages {
        let msg_id = seed::hex32(&mut conversation.rng.draw());
        messages.push(SentMessage { msg_id: msg_id.clone() });
        conversation.messages.put(Message {
            msg_id: msg_id.into(),
            seat_id: Arc::default(),
            timestamp: request.now.as_second(),
            sender_type: "user".into(),
            status: "delivery".into(),
            content: JsonText::of(content),
            reply: None,
            way: None,
        });
    }
    let call_id = conversation.call_id.to_string();
    (conversation.last_activity, conversation.last_user) = (request.now, request.now);
    simulator.chatbot.begin(&mut simulator.context, key, request.now);
    answer(simulator, key, &body.messages, request);
    Ok(TakenMessages { call_id, messages })
}

/// The conversation that a request goes on with, or a new one.
fn conversation(
    simulator: &mut Simulator,
    body: &ChannelMessage,
    request: &Request<'_>,
) -> Result<ConversationKey, Refusal> {
    let call_id = body.call_id.as_deref();
    let known = by_user::find(simulator, request, call_id, body.channel_id.as_deref(), Some(&body.user.id));
    match (known, call_id) {
        (Some(key), _) if simulator.chatbot.conversations.get(key).phase != Phase::Closed => return Ok(key),
        (Some(_), Some(call_id)) => {
            let call_id = shown(&Value::from(call_id));
            let message =
                format!("the conversation {call_id} has ended: leave call_id empty to begin another");
            return Err(Refusal::new(400, message));
        }
        _ => {}
    }
    let channel = body.channel.as_ref().or(body.name.as_ref()).map_or("HuaWei", String::as_str).to_owned();
    let channel_id = body.channel_id.as_deref();
    let channel_id =
        channel_id.ok_or_else(|| Refusal::new(400, "channel_id is missing: the id of your channel"))?;
    let name: Option<Box<str>> = body.user.name.as_deref().map(Into::into);
    let thread = Thread {
        account: request.account,
        country: simulator.context.access.account(request.account).country,
        channel: channel.into(),
        channel_id: channel_id.into(),
        user_id: body.user.id.as_str().into(),
        overrides: Overrides { text_name: name.clone(), name, ..Overrides::default() },
    };
    let key = thread.begin(simulator, request.now);
    let conversation = simulator.chatbot.conversations.get_mut(key);
    // A customer who names a conversation that is not known here began it.
    if let Some(call_id) = call_id {
        conversation.call_id = call_id.into();
    }
    let matter = MATTERS[conversation.rng.draw().random_range(0..MATTERS.len())];
    conversation.is_on_own_channel = true;
    conversation.script = Dialogue::chat(matter).map(|dialogue| Box::new(Script::new(dialogue, 0)));
    simulator.chatbot.conversations.index(key);
    Ok(key)
}

/// The bot takes its turn, unless it is about to or an agent has the conversation.
fn answer(
    simulator: &mut Simulator,
    key: ConversationKey,
    contents: &[Given<Content>],
    request: &Request<'_>,
) {
    let has_story = simulator.story_of(key).is_some();
    let conversation = simulator.chatbot.conversations.get_mut(key);
    let is_free = !has_story && conversation.phase == Phase::Bot;
    let option = conversation.script.as_ref().and_then(|script| {
        let turn_of = |content: &Given<Content>| {
            question::turn_of(conversation, script.dialogue(), script.turn(), content.value())
        };
        contents.iter().find_map(turn_of)
    });
    let Some(script) =
        conversation.script.as_mut().filter(|script| is_free && !script.is_awaited(request.now))
    else {
        return;
    };
    let wants_person =
        contents.iter().filter_map(|content| content.value().get("text")?.as_str()).any(|text| {
            let text = text.to_lowercase();
            FOR_A_PERSON.iter().any(|word| text.contains(word))
        });
    if let Some(turn) = option {
        script.jump(turn);
    } else if wants_person {
        script.jump("person");
    } else {
        script.user_wrote(&mut conversation.rng.draw());
    }
    turns::plan_next(simulator, key, request.now);
}
