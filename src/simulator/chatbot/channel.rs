//! A channel of the customer's own: the customer pushes what users write, and the bot answers by callbacks (example; the
//! response to the request is not known, and what the bot says is assumed).

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use rand::seq::IndexedRandom;
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
use crate::content::asks;
use crate::content::dialogue::Dialogue;
use crate::contract::bodies::check::Speaker;
use crate::contract::bodies::said::UserSays;
use crate::contract::fields::{Given, shown};
use crate::seed;
use crate::simulator::keys::ConversationKey;
use crate::simulator::{Refusal, Request, Simulator};

/// `POST /api/v1/channel/huawei/message`, and the same for other channels (example).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ChannelMessage {
    /// The id of the conversation; empty to begin one.
    call_id: Option<String>,
    /// The channel, `HuaWei` in the example; default: the one in the path.
    channel: Option<String>,
    /// The name in the path (assumed).
    name: Option<String>,
    /// The id of your channel. Required unless `call_id` names a known conversation.
    channel_id: Option<String>,
    /// Who writes.
    user: ChannelUser,
    /// A list of content objects. They are checked by their type, unless the mock is lenient.
    messages: Vec<Given<UserSays>>,
}

/// The user of a customer's own channel (example).
#[derive(Debug, Deserialize, JsonSchema)]
struct ChannelUser {
    /// The user's id within the channel.
    id: String,
    /// The name of the user.
    name: Option<String>,
}

/// The data of the response (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TakenMessages {
    /// The conversation of the messages: 32 hexadecimal digits.
    call_id: String,
    /// The accepted messages, in order.
    messages: Vec<SentMessage>,
}

/// Accepts a message of a user, and lets the bot answer.
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
        let message = Message::new(msg_id, request.now.as_second(), "user", "delivery", content);
        conversation.messages.put(message);
    }
    let call_id = conversation.call_id.to_string();
    (conversation.last_activity, conversation.last_user) = (request.now, request.now);
    simulator.chatbot.begin(&mut simulator.context, key, request.now);
    answer(simulator, key, &body.messages, request.now);
    Ok(TakenMessages { call_id, messages })
}

/// Returns the conversation that a request continues, or a new one.
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
    // A customer who names a conversation that is not known here has begun it.
    if let Some(call_id) = call_id {
        conversation.call_id = call_id.into();
    }
    conversation.is_on_own_channel = true;
    conversation.script = Dialogue::chat("bot").map(|dialogue| Box::new(Script::new(dialogue, 0)));
    simulator.chatbot.conversations.index(key);
    Ok(key)
}

/// Lets the bot answer a message in its language. A message that arrives while the bot is about to answer is answered after
/// that. Once the user has asked for a person, a person answers.
pub(super) fn answer(
    simulator: &mut Simulator,
    key: ConversationKey,
    contents: &[Given<UserSays>],
    now: Timestamp,
) {
    let bot = Arc::clone(&simulator.context.behaviour.bot);
    let conversation = simulator.chatbot.conversations.get_mut(key);
    if conversation.is_led || conversation.phase != Phase::Bot || conversation.script.is_none() {
        return;
    }
    let texts: Vec<&str> = contents.iter().filter_map(|content| written(content.value())).collect();
    let text = texts.join("\n");
    conversation.locale = asks::language(&text, conversation.locale);
    let option = conversation.script.as_ref().and_then(|script| {
        let turn_of = |content: &Given<UserSays>| {
            question::turn_of(conversation, script.dialogue(), script.turn(), content.value())
        };
        contents.iter().find_map(turn_of)
    });
    let turn = option.unwrap_or_else(|| match asks::topic(&text, conversation.locale) {
        Some(topic) => topic,
        None if texts.is_empty() => "media",
        None => "unclear",
    });
    let known = bot.answers.iter().find(|answer| asks::mentions(&text, &answer.when));
    let facts = conversation.facts();
    let locale = conversation.locale;
    let own = known.map(|known| {
        let say = known.say.choose(&mut *conversation.rng.draw()).map_or("", String::as_str);
        (known, facts.fill(say, locale))
    });
    let Some(script) = &mut conversation.script else { return };
    match own {
        Some((known, words)) => {
            let of = |fields: &BTreeMap<String, String>| -> Vec<(String, Value)> {
                fields
                    .iter()
                    .map(|(name, value)| (name.clone(), value.replace("{text}", &text).into()))
                    .collect()
            };
            conversation.overrides.add_variables(of(&known.variables));
            script.slots.extend(of(&known.slots));
            script.labels.extend(of(&known.labels));
            script.jump(if known.transfer { "person" } else { "media" });
            if let Some(letter) = &known.intention {
                script.intention = Some(letter.as_str().into());
            }
            script.answer = Some((words, known.transfer));
        }
        None if script.is_awaited(now) => {
            script.waiting.extend(script.dialogue().turn(turn));
            return;
        }
        None => script.jump(turn),
    }
    turns::plan_next(simulator, key, now);
}

/// Returns the text of a message, or the title of the chosen option.
fn written(content: &Value) -> Option<&str> {
    let answer = content.get("interactive");
    let title = || answer?.get(answer?.get("type")?.as_str()?)?.get("title")?.as_str();
    content.get("text").and_then(Value::as_str).or_else(title)
}
