//! The simulated vendor: a deterministic state machine without sockets, threads, wall clock or ambient randomness.
//!
//! Calls of the integrator and steps of stories go in with the moment at which they happen; answers and callbacks
//! come out. What it does later by itself waits in its timers until [`Simulator::advance`]. Every conversation draws
//! from a stream of its own, so that conversations never change each other.

mod chatbot;
pub mod content;
pub mod country;
pub mod dialogue;
pub mod facts;
pub mod identity;
mod messages;
pub mod phone;
pub mod phrases;
mod samples;
pub mod seed;
mod session;
mod timers;

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use facts::Facts;
use identity::{Country, Person};
use messages::Messages;
use seed::Seed;
pub use session::SessionKey;
use session::{Phase, Session, Sessions};
use timers::{Timer, Timers};

/// How the simulated vendor behaves where the vendor's own behaviour is not known. All of it is assumed.
#[derive(Clone, Copy, Debug)]
pub struct Behaviour {
    /// A conversation in which nobody says anything for so long ends by itself.
    pub silence: Duration,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self { silence: Duration::from_secs(24 * 3600) }
    }
}

/// A conversation to open.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The story it belongs to, if any.
    pub play: Option<u32>,
    /// Where its people, ids and texts come from.
    pub seed: Seed,
    /// The user's country.
    pub country: Country,
    /// The language of its texts, if it differs from the country's.
    pub locale: Option<String>,
    /// Now.
    pub now: Timestamp,
}

/// A callback that the simulator sends by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Emission {
    /// The conversation.
    pub session: SessionKey,
    /// The story the conversation belongs to, if any.
    pub play: Option<u32>,
    /// The event id.
    pub event: &'static str,
    /// The body.
    pub body: Value,
}

/// The answer to a call, before its family's envelope is put around it.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// Success, with the data.
    Data(Value),
    /// Refused: a code of the family, and why.
    Error {
        /// The code.
        code: i64,
        /// Why, naming the field.
        message: String,
    },
    /// The simulator knows nothing of this call.
    NotSimulated,
}

/// What templates see of a conversation's user.
#[derive(Clone, Debug, Serialize)]
pub struct UserView {
    id: String,
    name: String,
    phone: String,
    gender: String,
    locale: String,
}

/// What templates see of a conversation.
#[derive(Clone, Debug, Serialize)]
pub struct SessionView {
    call_id: String,
    channel: String,
    channel_id: String,
    company: String,
    seat_id: String,
    phase: Phase,
    last_msg_id: String,
}

/// The simulated vendor.
#[derive(Debug)]
pub struct Simulator {
    behaviour: Behaviour,
    sessions: Sessions,
    timers: Timers,
    requests: u64,
    seed: Seed,
}

impl Simulator {
    /// A vendor without any conversations yet.
    pub fn new(seed: Seed, behaviour: Behaviour) -> Self {
        Self { behaviour, sessions: Sessions::default(), timers: Timers::default(), requests: 0, seed }
    }

    /// Opens a conversation: a user, a channel, ids. Nothing is sent.
    pub fn open(&mut self, opening: Opening) -> SessionKey {
        let mut rng = opening.seed.stream("session", 0);
        let user = Person::draw(&mut rng, opening.country, opening.locale.as_deref());
        let facts = Facts::of(&mut rng, &user, opening.now);
        let locale = user.locale.to_owned();
        let call_id = seed::hex32(&mut rng);
        let channel_id = chatbot::channel_id(&mut rng);
        self.sessions.add(Session {
            play: opening.play,
            call_id,
            channel: chatbot::DEFAULT_CHANNEL.to_owned(),
            channel_id,
            company: facts.company.clone(),
            user,
            facts,
            locale,
            phase: Phase::Bot,
            started: opening.now,
            last_activity: opening.now,
            ended: None,
            seat_id: String::new(),
            messages: Messages::default(),
            seed: opening.seed,
            rng,
            begun: false,
        })
    }

    /// What templates see of a conversation.
    pub fn view(&self, key: SessionKey) -> (UserView, SessionView) {
        let session = self.sessions.get(key);
        let user = &session.user;
        (
            UserView {
                id: user.user_id.clone(),
                name: user.name.clone(),
                phone: user.phone.clone(),
                gender: user.gender.to_string(),
                locale: session.locale.clone(),
            },
            SessionView {
                call_id: session.call_id.clone(),
                channel: session.channel.clone(),
                channel_id: session.channel_id.clone(),
                company: session.company.clone(),
                seat_id: session.seat_id.clone(),
                phase: session.phase,
                last_msg_id: session
                    .messages
                    .last()
                    .map(|message| message.msg_id.clone())
                    .unwrap_or_default(),
            },
        )
    }

    /// The body of an event of this conversation: believable defaults, `patch` (a table or null) over them. What it says becomes the
    /// state of the conversation. Errs in words if there is no such event.
    pub fn emit(
        &mut self,
        key: SessionKey,
        event: &str,
        patch: Value,
        now: Timestamp,
    ) -> Result<Value, String> {
        let mut body = match chatbot::default_body(self.sessions.get_mut(key), event, &patch, now) {
            Some(body) => body,
            None => samples::default_body(self.sessions.get(key), event, now)
                .ok_or_else(|| format!("the simulator has no body for `{event}`"))?,
        };
        if !patch.is_null() {
            crate::json::merge(&mut body, patch);
        }
        self.absorb(key, event, &body, now);
        Ok(body)
    }

    /// Takes over into the conversation what an event's body says.
    pub fn absorb(&mut self, key: SessionKey, event: &str, body: &Value, now: Timestamp) {
        let newly_begun = {
            let session = self.sessions.get_mut(key);
            !std::mem::replace(&mut session.begun, true)
        };
        if newly_begun {
            let at = later(now, self.behaviour.silence);
            self.timers.plan(at, Timer::Silence { session: key });
        }
        chatbot::absorb(&mut self.sessions, key, event, body, now);
    }

    /// The conversation that a call or callback speaks of: by `call_id`, or by user and channel where that is empty.
    pub fn find_session(&self, fields: &Value) -> Option<SessionKey> {
        let text = |path: &str| fields.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
        let call_id = text("/call_id").or_else(|| text("/transfer/call_id"));
        match call_id {
            Some(call_id) => self.sessions.by_call_id(call_id),
            None => self.sessions.by_user(text("/channel_id")?, text("/user/id")?),
        }
    }

    /// The story that a conversation belongs to.
    pub fn play_of(&self, key: SessionKey) -> Option<u32> {
        self.sessions.get(key).play
    }

    /// The id on the wire of a conversation; callbacks of one conversation keep their order by it.
    pub fn order_key(&self, key: SessionKey) -> String {
        let session = self.sessions.get(key);
        if session.call_id.is_empty() {
            format!("{}/{}", session.channel_id, session.user.user_id)
        } else {
            session.call_id.clone()
        }
    }

    /// Answers a call, and plans what the vendor would send because of it.
    pub fn handle(&mut self, id: &str, fields: &Value, now: Timestamp) -> Answer {
        chatbot::handle(self, id, fields, now)
    }

    /// Marks the present, for [`Simulator::take_back`].
    pub fn mark(&self) -> u64 {
        self.timers.planned()
    }

    /// Takes back what was planned since a mark: somebody else does it.
    pub fn take_back(&mut self, mark: u64) {
        self.timers.cancel_since(mark);
    }

    /// Does what is due and returns the callbacks that come of it, in order.
    pub fn advance(&mut self, now: Timestamp) -> Vec<Emission> {
        let mut emissions = Vec::new();
        while let Some((at, timer)) = self.timers.take(now) {
            emissions.extend(chatbot::timer(self, timer, at));
        }
        emissions
    }

    /// When [`Simulator::advance`] has something to do next.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        self.timers.next()
    }

    /// Whether something is planned that a run has to wait for; a conversation that may fall silent is not.
    pub fn is_busy(&self) -> bool {
        self.timers.has_foreground()
    }

    /// A fresh `request_id` for an envelope.
    pub fn request_id(&mut self) -> String {
        self.requests += 1;
        seed::hex32(&mut self.seed.stream("request", self.requests))
    }
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}
