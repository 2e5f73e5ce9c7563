//! The simulated user and the bot across from them: both take turns along a graph, and the user answers whatever the
//! customer's agent writes. How they talk is assumed; sessions of stories are left to their stories.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt;
use serde::Serialize;
use serde_json::{Value, json};

use super::defaults::default_body;
use super::question;
use crate::content::dialogue::{Dialogue, Speaker};
use crate::content::phrases;
use crate::seed::{self, Rng};
use crate::simulator::messages::{Json, Message, Reply};
use crate::simulator::session::{ConversationKey, Phase, Session};
use crate::simulator::timers::ChatTimer;
use crate::simulator::wire_id::WireId;
use crate::simulator::{Callback, CallbackBody, Simulator, later};

/// What a user says to an agent once the graph has nothing more.
const FILLERS: [&str; 4] = ["user_answer", "small_talk", "order_question", "user_thanks"];

/// How many turns of others are passed over at most to find the user's next one.
const MOST_PASSED: usize = 12;

/// Where a conversation stands within its graph.
#[derive(Clone, Debug)]
pub(in crate::simulator) struct Script {
    dialogue: &'static Dialogue,
    /// The turn taken last.
    turn: &'static str,
    /// The turn that comes next.
    next: Option<&'static str>,
    /// When the next turn is to be taken, if it is planned.
    due: Option<Timestamp>,
    /// How many of an agent's messages the user still answers.
    answers: u32,
    /// Whether the user says no more.
    is_mute: bool,
}

impl Script {
    pub(super) fn new(dialogue: &'static Dialogue, answers: u32) -> Self {
        Self { dialogue, turn: dialogue.start(), next: None, due: None, answers, is_mute: false }
    }

    /// Nobody takes any turns any more.
    pub(in crate::simulator) fn leave(&mut self) {
        (self.is_mute, self.next, self.due, self.answers) = (true, None, None, 0);
    }

    pub(super) fn fall_silent(&mut self) {
        self.is_mute = true;
    }

    /// Takes a turn that somebody else decided on, if the graph has it.
    pub(super) fn jump(&mut self, turn: &str) {
        if let Some(turn) = self.dialogue.turn(turn) {
            self.turn = turn;
        }
    }

    /// The user wrote something of their own: taken as the user's next turn, or as a new matter at the end of the graph.
    pub(super) fn user_wrote(&mut self, rng: &mut Rng) {
        for _ in 0..2 {
            for _ in 0..MOST_PASSED {
                let Some(next) = self.dialogue.after(self.turn, rng) else { break };
                self.turn = next;
                if self.dialogue.speaker(next) == Some(Speaker::User) {
                    return;
                }
            }
            self.turn = self.dialogue.start();
        }
    }

    pub(super) fn dialogue(&self) -> &'static Dialogue {
        self.dialogue
    }

    pub(super) fn turn(&self) -> &'static str {
        self.turn
    }

    pub(super) fn phrase(&self) -> &'static str {
        self.dialogue.phrase(self.turn).unwrap_or("greeting")
    }

    /// Whether somebody is about to take the next turn. A turn that a story took over stays in the past.
    pub(super) fn is_awaited(&self, now: Timestamp) -> bool {
        self.due.is_some_and(|due| due >= now)
    }
}

fn wait(session: &mut Session, from: u64, to: u64) -> Duration {
    Duration::from_millis(session.rng.draw().random_range(from..to))
}

/// Draws what comes next and plans it.
pub(super) fn plan_next(simulator: &mut Simulator, key: ConversationKey, now: Timestamp) {
    let session = simulator.sessions.get_mut(key);
    let Some(mut script) = session.script.take() else { return };
    script.next = script.dialogue.after(script.turn, &mut session.rng.draw());
    script.due = None;
    let gap = match script.next.and_then(|turn| script.dialogue.speaker(turn)) {
        Some(Speaker::User) if script.is_mute || session.is_on_own_channel => None,
        // The bot waits for a user who says no more, and does not say goodbye.
        _ if script.is_mute && script.next.is_none_or(|turn| script.dialogue.is_last(turn)) => None,
        Some(Speaker::User) => Some(wait(session, 4_000, 25_000)),
        Some(Speaker::Bot | Speaker::Agent) => Some(wait(session, 800, 3_000)),
        None => Some(wait(session, 3_000, 8_000)),
    };
    if let Some(gap) = gap {
        let at = later(now, gap);
        script.due = Some(at);
        simulator.timers.plan(at, ChatTimer::Turn { session: key });
    }
    simulator.sessions.get_mut(key).script = Some(script);
}

/// Plans that the user answers the agent.
fn plan_answer(simulator: &mut Simulator, key: ConversationKey, now: Timestamp) {
    let session = simulator.sessions.get_mut(key);
    let gap = wait(session, 8_000, 20_000);
    let is_own = session.is_on_own_channel;
    let Some(script) = &mut session.script else { return };
    if script.is_awaited(now) || script.answers == 0 || script.is_mute || is_own {
        return;
    }
    let at = later(now, gap);
    script.due = Some(at);
    simulator.timers.plan(at, ChatTimer::Turn { session: key });
}

/// An agent took the conversation: the user says what it is about.
pub(super) fn accepted(simulator: &mut Simulator, key: ConversationKey, now: Timestamp) {
    if let Some(script) = &mut simulator.sessions.get_mut(key).script {
        script.due = None;
    }
    plan_answer(simulator, key, now);
}

/// No agent takes the conversation: the bot goes on.
pub(super) fn refused(simulator: &mut Simulator, key: ConversationKey, now: Timestamp) {
    let Some(dialogue) = Dialogue::chat("refused") else { return };
    let Some(script) = &mut simulator.sessions.get_mut(key).script else { return };
    if !script.is_mute {
        script.dialogue = dialogue;
        script.turn = dialogue.start();
        plan_next(simulator, key, now);
    }
}

/// The agent wrote.
pub(super) fn agent_wrote(simulator: &mut Simulator, key: ConversationKey, now: Timestamp) {
    if simulator.sessions.get(key).phase == Phase::Agent {
        plan_answer(simulator, key, now);
    }
}

/// Whoever has the next turn takes it.
pub(super) fn turn(simulator: &mut Simulator, key: ConversationKey, at: Timestamp) -> Vec<Callback> {
    let session = simulator.sessions.get_mut(key);
    let phase = session.phase;
    let Some(script) = &mut session.script else { return Vec::new() };
    // One that was planned anew, or that somebody took over, is not taken twice.
    if script.due != Some(at) || session.story.is_some() {
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
                    let before = std::mem::replace(&mut script.turn, turn);
                    let said = say_turn(simulator, key, speaker, before, at);
                    plan_next(simulator, key, at);
                    said
                }
                _ => {
                    simulator.timers.plan(at, ChatTimer::End { session: key, reason: "robot" });
                    Vec::new()
                }
            }
        }
    }
}

/// The conversation is to be transferred to a person.
fn ask_for_agent(simulator: &mut Simulator, key: ConversationKey, at: Timestamp) -> Vec<Callback> {
    super::emit(simulator, key, "session.transfer", json!({}), at).into_iter().collect()
}

/// The user answers the agent: along the graph, and then with a few words until nothing is left to say.
fn answer(simulator: &mut Simulator, key: ConversationKey, at: Timestamp) -> Vec<Callback> {
    let session = simulator.sessions.get_mut(key);
    let Some(script) = &mut session.script else { return Vec::new() };
    let mut here = script.turn;
    let mut found = None;
    for _ in 0..MOST_PASSED {
        let Some(next) = script.dialogue.after(here, &mut session.rng.draw()) else { break };
        here = next;
        if script.dialogue.speaker(next) == Some(Speaker::User) {
            found = Some(next);
            break;
        }
    }
    script.answers = script.answers.saturating_sub(1);
    let phrase = match found {
        _ if script.answers == 0 => "user_goodbye",
        Some(turn) => {
            script.turn = turn;
            script.phrase()
        }
        // At the end of the graph the answers that are left run through the fillers.
        None => {
            script.turn = here;
            FILLERS[script.answers as usize % FILLERS.len()]
        }
    };
    let (content, reply) = match question::choice(session) {
        Some((content, question)) => (content, Some(question)),
        None => (json!({ "type": "text", "text": text(session, phrase) }), None),
    };
    user_says(simulator, key, "agent.message", content, reply, at).into_iter().collect()
}

/// Somebody takes the turn that the script is at, after another one.
fn say_turn(
    simulator: &mut Simulator,
    key: ConversationKey,
    speaker: Speaker,
    before: &'static str,
    at: Timestamp,
) -> Vec<Callback> {
    let session = simulator.sessions.get_mut(key);
    let Some(script) = &session.script else { return Vec::new() };
    let (dialogue, turn, phrase) = (script.dialogue, script.turn, script.phrase());
    let words = text(session, phrase);
    let said = match speaker {
        Speaker::User => {
            let (content, reply) = match question::option_to(session, dialogue, before, turn) {
                Some((content, reply)) => (content, Some(reply)),
                None => (json!({ "type": "text", "text": words }), None),
            };
            user_says(simulator, key, "message.receive", content, reply, at)
        }
        Speaker::Bot | Speaker::Agent => bot_says(simulator, key, words, at),
    };
    said.into_iter().collect()
}

/// A text of a phrase, in the words of the conversation.
pub(super) fn text(session: &mut Session, phrase: &str) -> String {
    let facts = session.facts();
    phrases::phrase_with(&mut session.rng.draw(), phrase, session.locale, &facts).unwrap_or_default()
}

/// The user writes; the event tells it.
pub(super) fn user_says(
    simulator: &mut Simulator,
    key: ConversationKey,
    event: &'static str,
    content: Value,
    reply: Option<Reply>,
    at: Timestamp,
) -> Option<Callback> {
    let session = simulator.sessions.get_mut(key);
    if let Some(script) = &session.script
        && script.turn() == "stop"
        && session.phase == Phase::Bot
    {
        simulator.campaigns.opt_out(&session.channel_id, &session.user_id);
    }
    // Whoever writes has read what came before.
    session.messages.read_by_user();
    let message = Message {
        msg_id: WireId::draw(&mut session.rng.draw()),
        seat_id: Arc::default(),
        timestamp: at.as_second(),
        sender_type: "user".into(),
        status: "delivery".into(),
        content: Json::of(&content),
        reply,
        way: None,
    };
    session.last_user = at;
    told(simulator, key, event, message, at)
}

/// The bot writes. Only customers who own the channel are told (example); on the vendor's own channels the message
/// just goes to the user.
fn bot_says(
    simulator: &mut Simulator,
    key: ConversationKey,
    words: String,
    at: Timestamp,
) -> Option<Callback> {
    let session = simulator.sessions.get_mut(key);
    let is_told = session.is_on_own_channel;
    let msg_id = seed::hex32(&mut session.rng.draw());
    let content = match &session.script {
        Some(script) => question::content(session, &msg_id, script.dialogue, script.turn, words),
        None => json!({ "type": "text", "text": words }),
    };
    let message = Message {
        msg_id: msg_id.into(),
        seat_id: Arc::default(),
        timestamp: at.as_second(),
        sender_type: "robot".into(),
        status: if is_told { "send" } else { "delivery" }.into(),
        content: Json::of(&content),
        reply: None,
        way: None,
    };
    if is_told {
        return told(simulator, key, "message.send", message, at);
    }
    session.last_activity = at;
    session.messages.put(message);
    None
}

/// A message is said, and a callback tells it.
fn told(
    simulator: &mut Simulator,
    key: ConversationKey,
    event: &'static str,
    message: Message,
    at: Timestamp,
) -> Option<Callback> {
    simulator.begin(key, at);
    let has_callback_url = has_callback_url(simulator, key);
    let session = simulator.sessions.get_mut(key);
    session.last_activity = at;
    let whole = has_callback_url.then(|| session.messages.told_whole(&message));
    // That of a template's reply is drawn even where nobody listens, so that what follows is the same.
    let body = (has_callback_url || event == "template.reply")
        .then(|| default_body(session, event, &json!({ "messages": [] }), at))
        .flatten();
    session.messages.put(message);
    let (mut body, whole) = (body?, whole?);
    body["messages"] = Value::Array(vec![whole]);
    callback(simulator, key, event, || body)
}

/// Whether anybody listens to what is told of a conversation.
pub(super) fn has_callback_url(simulator: &Simulator, key: ConversationKey) -> bool {
    simulator.behaviour.has_callback_url || simulator.sessions.get(key).story.is_some()
}

/// A callback of a conversation, if anybody listens.
pub(super) fn callback<T: Serialize>(
    simulator: &Simulator,
    key: ConversationKey,
    event: &'static str,
    body: impl FnOnce() -> T,
) -> Option<Callback> {
    if !has_callback_url(simulator, key) {
        return None;
    }
    let session = simulator.sessions.get(key);
    Some(Callback {
        account: session.owner.unwrap_or_default(),
        story: session.story,
        event: event.into(),
        // Bodies are plain data, which always fits into JSON.
        body: CallbackBody::Json(serde_json::to_value(body()).unwrap_or_default()),
        order_key: Some(simulator.order_key(key)),
        target: None,
    })
}
