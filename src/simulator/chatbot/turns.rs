//! The simulated user and the bot: both take turns along a graph, and the user answers the messages of the customer's agents.
//! How they talk is assumed. Conversations of stories are left to their stories.

use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt;
use serde::Serialize;
use serde_json::{Value, json};

use super::Chosen;
use super::callbacks::{AgentMessage, MessageReceive, MessageSend};
use super::conversation::{Conversation, Phase};
use super::first_reply::FirstReply;
use super::messages::{Message, Reply};
use super::outcome_plan;
use super::question;
use super::script::{MOST_PASSED, Script};
use crate::content::asks;
use crate::content::dialogue::{Dialogue, Speaker};
use crate::content::phrases;
use crate::contract::bodies::message as wire;
use crate::contract::fields::Given;
use crate::seed;
use crate::simulator::Simulator;
use crate::simulator::callback::{Callback, CallbackBody};
use crate::simulator::keys::ConversationKey;
use crate::simulator::timer::ChatbotTimer;
use crate::simulator::wire_id::WireId;
use crate::time::later;

/// What a user says to an agent after the end of the graph.
const FILLERS: [&str; 4] = ["user_answer", "small_talk", "order_question", "user_thanks"];

fn wait(conversation: &mut Conversation, from: u64, to: u64) -> Duration {
    Duration::from_millis(conversation.rng.draw().random_range(from..to))
}

/// Draws the next turn and plans it.
pub(super) fn plan_next(simulator: &mut Simulator, key: ConversationKey, now: Timestamp) {
    let conversation = simulator.chatbot.conversations.get_mut(key);
    let Some(mut script) = conversation.script.take() else { return };
    script.next = script.dialogue.after(script.turn, &mut conversation.rng.draw());
    script.due = None;
    let gap = match script.next.and_then(|turn| script.dialogue.speaker(turn)) {
        Some(Speaker::User) if script.is_mute || script.is_played || conversation.is_on_own_channel => None,
        // The bot waits for a user who has fallen silent, and does not say goodbye. On a channel of the customer's own the bot
        // closes nothing: its users come back at any time.
        None if conversation.is_on_own_channel => None,
        _ if script.is_mute && script.next.is_none_or(|turn| script.dialogue.is_last(turn)) => None,
        Some(Speaker::User) => Some(wait(conversation, 4_000, 25_000)),
        Some(Speaker::Bot | Speaker::Agent) => Some(wait(conversation, 800, 3_000)),
        None => Some(wait(conversation, 3_000, 8_000)),
    };
    if let Some(gap) = gap {
        let at = later(now, gap);
        script.due = Some(at);
        simulator.context.plan(at, (key, ChatbotTimer::Turn));
    }
    simulator.chatbot.conversations.get_mut(key).script = Some(script);
}

/// Plans the user's answer to the agent.
fn plan_answer(simulator: &mut Simulator, key: ConversationKey, now: Timestamp) {
    let conversation = simulator.chatbot.conversations.get_mut(key);
    let gap = wait(conversation, 8_000, 20_000);
    let is_own = conversation.is_on_own_channel;
    let is_led = conversation.is_led;
    let is_asked = agent_said(conversation).is_some_and(|text| asks_something(&text));
    let Some(script) = &mut conversation.script else { return };
    let is_done = script.answers == 0 && !is_asked;
    if is_led || script.is_awaited(now) || is_done || script.is_mute || script.is_played || is_own {
        return;
    }
    let at = later(now, gap);
    script.due = Some(at);
    simulator.context.plan(at, (key, ChatbotTimer::Turn));
}

/// An agent took the conversation: the user explains the reason for contact.
pub(super) fn accepted(simulator: &mut Simulator, key: ConversationKey, now: Timestamp) {
    if let Some(script) = &mut simulator.chatbot.conversations.get_mut(key).script {
        script.due = None;
    }
    plan_answer(simulator, key, now);
}

/// No agent takes the conversation: the bot goes on.
pub(super) fn refused(simulator: &mut Simulator, key: ConversationKey, now: Timestamp) {
    let Some(dialogue) = Dialogue::chat("refused") else { return };
    let conversation = simulator.chatbot.conversations.get_mut(key);
    let (is_own, is_led) = (conversation.is_on_own_channel, conversation.is_led);
    let Some(script) = &mut conversation.script else { return };
    if !is_led && !script.is_mute {
        if is_own || script.is_played {
            // The bot's own graph has a turn for the case that no agent comes.
            script.jump("agent");
        } else {
            script.dialogue = dialogue;
            script.turn = dialogue.start();
        }
        plan_next(simulator, key, now);
    }
}

/// Lets the bot answer a turn of its graph that its user has taken.
pub(super) fn take(simulator: &mut Simulator, key: ConversationKey, turn: &str, now: Timestamp) {
    let conversation = simulator.chatbot.conversations.get_mut(key);
    let is_free = conversation.phase == Phase::Bot && !conversation.is_led;
    if let Some(script) = conversation.script.as_mut().filter(|_| is_free) {
        script.jump(turn);
        plan_next(simulator, key, now);
    }
}

/// Reacts to a message of the agent.
pub(super) fn agent_wrote(simulator: &mut Simulator, key: ConversationKey, now: Timestamp) {
    if simulator.chatbot.conversations.get(key).phase == Phase::Agent {
        plan_answer(simulator, key, now);
    }
}

/// Takes the next turn.
pub(super) fn turn(simulator: &mut Simulator, key: ConversationKey, at: Timestamp) -> Vec<Callback> {
    let conversation = simulator.chatbot.conversations.get_mut(key);
    let (phase, is_led) = (conversation.phase, conversation.is_led);
    let Some(script) = &mut conversation.script else { return Vec::new() };
    // A turn that was planned again, or that a story took over, is not taken twice.
    if script.due != Some(at) || is_led {
        return Vec::new();
    }
    script.due = None;
    match phase {
        Phase::Closed | Phase::Transfer => Vec::new(),
        Phase::Agent => answer(simulator, key, at),
        Phase::Bot => {
            let next = script.next.take();
            let speaker = next.and_then(|turn| script.dialogue.speaker(turn));
            match (next, speaker) {
                (Some(_), Some(Speaker::Agent)) => ask_for_agent(simulator, key, at),
                (Some(turn), Some(speaker)) => {
                    let before = script.turn;
                    script.take(turn);
                    let said = say_turn(simulator, key, speaker, before, at);
                    go_on(simulator, key, at);
                    said
                }
                _ => {
                    simulator.context.plan(at, (key, ChatbotTimer::End("robot")));
                    Vec::new()
                }
            }
        }
    }
}

/// Continues after a turn: messages that the user wrote meanwhile are answered, or the graph goes on.
fn go_on(simulator: &mut Simulator, key: ConversationKey, at: Timestamp) {
    if let Some(script) = &mut simulator.chatbot.conversations.get_mut(key).script
        && script.dialogue.after_agent(script.turn).is_none()
        && let Some(turn) = script.waiting.pop_front()
    {
        script.jump(turn);
    }
    plan_next(simulator, key, at);
}

/// Requests the transfer of the conversation to a person.
pub(super) fn ask_for_agent(simulator: &mut Simulator, key: ConversationKey, at: Timestamp) -> Vec<Callback> {
    super::emit(simulator, key, "session.transfer", json!({}), at).into_iter().collect()
}

/// Lets the user answer the agent: along the graph, and then with a few words until nothing is left to say.
fn answer(simulator: &mut Simulator, key: ConversationKey, at: Timestamp) -> Vec<Callback> {
    let conversation = simulator.chatbot.conversations.get_mut(key);
    let heard = agent_said(conversation);
    let locale = conversation.locale;
    let Some(script) = &mut conversation.script else { return Vec::new() };
    // First the user explains the reason for contact; then the agent's message is answered.
    let has_explained = std::mem::replace(&mut script.has_explained, true);
    let fitting = heard.filter(|_| has_explained).and_then(|text| {
        match asks::topic(&text, asks::language(&text, locale)) {
            _ if asks_something(&text) => Some("user_answer"),
            Some("bye") => Some("user_goodbye"),
            Some("thanks") => Some("user_thanks"),
            _ => None,
        }
    });
    let mut here = script.turn;
    let mut found = None;
    for _ in 0..MOST_PASSED {
        let Some(next) = script.dialogue.after(here, &mut conversation.rng.draw()) else { break };
        here = next;
        if script.dialogue.speaker(next) == Some(Speaker::User) {
            found = Some(next);
            break;
        }
    }
    script.answers = script.answers.saturating_sub(1);
    let phrase = match (fitting, found) {
        (Some(phrase), _) => phrase,
        _ if script.answers == 0 => "user_goodbye",
        (None, Some(turn)) => {
            script.take(turn);
            script.phrase()
        }
        // At the end of the graph, the remaining answers are fillers.
        (None, None) => {
            script.turn = here;
            FILLERS[script.answers as usize % FILLERS.len()]
        }
    };
    let (content, reply) = match question::choice(conversation) {
        Some((content, question)) => (content, Some(question)),
        None => (json!({ "type": "text", "text": text(conversation, phrase) }), None),
    };
    let message = user_writes(simulator, key, content, reply, at);
    emit_message(simulator, key, "agent.message", message, AgentMessage::of).into_iter().collect()
}

/// Returns the agent's last text, if it is the last message.
fn agent_said(conversation: &Conversation) -> Option<String> {
    let last = conversation.messages.last().filter(|message| message.sender_type == "seat")?;
    Some(last.content.value().get("text")?.as_str()?.to_owned())
}

/// Whether a text contains a question.
fn asks_something(text: &str) -> bool {
    text.contains(['?', '？', '؟'])
}

/// Says the current turn of the script, after another one.
fn say_turn(
    simulator: &mut Simulator,
    key: ConversationKey,
    speaker: Speaker,
    before: &'static str,
    at: Timestamp,
) -> Vec<Callback> {
    let conversation = simulator.chatbot.conversations.get_mut(key);
    let Some(script) = &mut conversation.script else { return Vec::new() };
    let (dialogue, turn, phrase) = (script.dialogue, script.turn, script.phrase());
    let words = match script.answer.take() {
        Some((words, transfers)) => {
            if transfers {
                script.jump("gives_up");
            }
            words
        }
        None => {
            let mut words = text(conversation, phrase);
            if let Some(then) = dialogue.then(turn) {
                let gap = if conversation.locale == "zh-CN" { "" } else { " " };
                words = format!("{words}{gap}{}", text(conversation, then));
            }
            words
        }
    };
    let words = greeted(conversation, words, turn == dialogue.start());
    let said = match speaker {
        Speaker::User => {
            let (content, reply) = match question::option_to(conversation, dialogue, before, turn) {
                Some((content, reply)) => (content, Some(reply)),
                None => (json!({ "type": "text", "text": words }), None),
            };
            let message = user_writes(simulator, key, content, reply, at);
            emit_message(simulator, key, "message.receive", message, MessageReceive::of)
        }
        Speaker::Bot | Speaker::Agent => {
            let message = bot_writes(simulator, key, words, at);
            emit_message(simulator, key, "message.send", message, MessageSend::of)
        }
    };
    said.into_iter().collect()
}

/// Puts a greeting before the bot's first words on a channel of the customer's own.
fn greeted(conversation: &mut Conversation, words: String, is_greeting: bool) -> String {
    let has_spoken = conversation.messages.iter().any(|message| message.sender_type == "robot");
    if !conversation.is_on_own_channel || has_spoken || is_greeting {
        return words;
    }
    let gap = if conversation.locale == "zh-CN" { "" } else { " " };
    format!("{}{gap}{words}", text(conversation, "bot_hello"))
}

/// Draws a text of a phrase, in the language of the conversation.
pub(super) fn text(conversation: &mut Conversation, phrase: &str) -> String {
    let facts = conversation.facts();
    phrases::phrase_with(&mut conversation.rng.draw(), phrase, conversation.locale, &facts)
        .unwrap_or_default()
}

/// Lets the user write. Returns the callback, if a callback URL is configured.
pub(super) fn user_writes(
    simulator: &mut Simulator,
    key: ConversationKey,
    content: Value,
    reply: Option<Reply>,
    at: Timestamp,
) -> Option<Given<wire::Message>> {
    let conversation = simulator.chatbot.conversations.get_mut(key);
    if let Some(script) = &conversation.script
        && script.turn() == "stop"
        && conversation.phase == Phase::Bot
    {
        simulator.chatbot.campaigns.opt_out(&conversation.channel_id, &conversation.user_id);
    }
    // A user who writes has read the earlier messages.
    conversation.messages.read_by_user();
    let msg_id = WireId::draw(&mut conversation.rng.draw());
    let message = Message::new(msg_id, at.as_second(), "user", "delivery", &content);
    conversation.last_user = at;
    write(simulator, key, Message { reply, ..message }, at)
}

/// Lets a user reply to a template message, with which the conversation begins: user and bot go on along the template's graph.
pub(super) fn begin_with_reply(
    simulator: &mut Simulator,
    key: ConversationKey,
    chosen: &Chosen,
    kind: outcome_plan::Reply,
    is_once: bool,
    answered: Option<Reply>,
    at: Timestamp,
) -> Option<Given<wire::Message>> {
    let dialogue = Dialogue::chat(chosen.template.dialogue.as_str())?;
    let conversation = simulator.chatbot.conversations.get_mut(key);
    let mut rng = conversation.rng.draw();
    let mut script = Script::new(dialogue, rng.random_range(11..=16));
    let first = FirstReply::draw(chosen, dialogue, kind, &mut rng);
    script.take(first.turn);
    drop(rng);
    let phrase = script.phrase();
    if is_once {
        script.fall_silent();
    }
    conversation.script = Some(Box::new(script));
    conversation.started = at;
    let (media, public_url) = (&mut simulator.chatbot.media, &simulator.context.behaviour.public_url);
    let content = first.content(|| format!("{public_url}{}", media.picture()), || text(conversation, phrase));
    // Contents are plain data, which always fits into JSON.
    let content = serde_json::to_value(content).unwrap_or_default();
    user_writes(simulator, key, content, answered, at)
}

/// Lets the bot write. Returns the callback, if a callback URL is configured: only customers who own the channel get one
/// (example). On the vendor's own channels the message just goes to the user.
fn bot_writes(
    simulator: &mut Simulator,
    key: ConversationKey,
    words: String,
    at: Timestamp,
) -> Option<Given<wire::Message>> {
    let conversation = simulator.chatbot.conversations.get_mut(key);
    let is_own = conversation.is_on_own_channel;
    let msg_id = seed::hex32(&mut conversation.rng.draw());
    let content = match &conversation.script {
        Some(script) => question::content(conversation, &msg_id, script.dialogue, script.turn, words),
        None => json!({ "type": "text", "text": words }),
    };
    let status = if is_own { "send" } else { "delivery" };
    let message = Message::new(msg_id, at.as_second(), "robot", status, &content);
    if is_own {
        return write(simulator, key, message, at);
    }
    conversation.last_activity = at;
    conversation.messages.put(message);
    None
}

/// Adds a message. Returns the callback, if a callback URL is configured.
fn write(
    simulator: &mut Simulator,
    key: ConversationKey,
    message: Message,
    at: Timestamp,
) -> Option<Given<wire::Message>> {
    simulator.chatbot.begin(&mut simulator.context, key, at);
    let has_callback_url = has_callback_url(simulator, key);
    let conversation = simulator.chatbot.conversations.get_mut(key);
    conversation.last_activity = at;
    let whole = has_callback_url.then(|| conversation.messages.whole(&message));
    conversation.messages.put(message);
    whole
}

/// Returns the callback of a message, if a callback URL is configured.
pub(super) fn emit_message<B: Serialize>(
    simulator: &Simulator,
    key: ConversationKey,
    event: &'static str,
    message: Option<Given<wire::Message>>,
    body: impl FnOnce(&Conversation, Vec<Given<wire::Message>>) -> B,
) -> Option<Callback> {
    let conversation = simulator.chatbot.conversations.get(key);
    let messages = vec![message?];
    callback(simulator, key, event, || body(conversation, messages))
}

/// Whether the callbacks of a conversation have a URL to go to.
pub(super) fn has_callback_url(simulator: &Simulator, key: ConversationKey) -> bool {
    simulator.context.behaviour.has_callback_url || simulator.story_of(key).is_some()
}

/// Returns a callback of a conversation, if a callback URL is configured.
pub(super) fn callback<T: Serialize>(
    simulator: &Simulator,
    key: ConversationKey,
    event: &'static str,
    body: impl FnOnce() -> T,
) -> Option<Callback> {
    if !has_callback_url(simulator, key) {
        return None;
    }
    let conversation = simulator.chatbot.conversations.get(key);
    // Bodies are plain data, which always fits into JSON.
    let body = CallbackBody::Json(serde_json::to_value(body()).unwrap_or_default());
    let account = conversation.owner.unwrap_or_default();
    let order_key = Some(conversation.order_key());
    Some(Callback { story: simulator.story_of(key), ..Callback::of(account, event, body, order_key) })
}
