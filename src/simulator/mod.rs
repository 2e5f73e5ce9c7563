//! The simulated vendor: a deterministic state machine without sockets, threads, wall clock or ambient randomness.
//!
//! Calls of the integrator and steps of stories go in with the moment at which they happen; answers and callbacks
//! come out. What it does later by itself waits in its timers until [`Simulator::advance`]. Every conversation draws
//! from a stream of its own, so that conversations never change each other.

mod access;
mod agenda;
mod auth;
pub mod calling;
mod chatbot;
mod detection;
pub mod dialer;
pub mod endpoint;
mod ids;
mod messages;
mod node;
mod params;
pub mod reference;
mod request;
mod samples;
mod session;
mod sms;
#[cfg(test)]
mod testing;
mod timers;
pub mod user_endpoints;
mod wire_id;
pub mod workflow;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt;
use serde::Serialize;
use serde_json::Value;

use crate::content::Country;
use crate::hex32::Hex32;
use crate::seed::{Rng, Seed};
pub use access::{
    Access, Account, AccountKey, DEFAULT_APP_KEY, DEFAULT_APP_SECRET, DEFAULT_SIGN_KEY, Denied, Encryption,
    Rate, TOKEN_LIFE, TokenKind,
};
use calling::{Calling, Rules};
use chatbot::{Campaigns, Media};
pub use chatbot::{ChatRules, Stored};
#[cfg(test)]
pub(crate) use detection::signature as detection_signature;
use dialer::Dialer;
use ids::Ids;
pub use request::{Long, Refusal, Request, Response, Upload};
pub use session::ConversationKey;
use session::{Phase, Session, Sessions};
use timers::{ChatTimer, Timer, Timers};
use workflow::{Callers, Chats, Template, Workflows};

/// How the simulated vendor behaves where the vendor's own behaviour is not known. All of it is assumed.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// A conversation in which nobody says anything for so long ends by itself.
    pub silence: Duration,
    /// The accounts. Without any there is the default one.
    pub accounts: Vec<Account>,
    /// How numbers answer, lines dial and strategies go on.
    pub calling: Arc<Rules>,
    /// The agents of the predictive dialer, and what it allows.
    pub dialer: Arc<dialer::Rules>,
    /// The workflow templates, oldest first.
    pub workflows: Arc<Vec<Template>>,
    /// Where the mock is reached, for links: scheme and authority.
    pub public_url: Arc<str>,
    /// How conversations go on.
    pub chatbot: ChatRules,
    /// Whether anybody listens to callbacks that go to no URL of their own. Where nobody does, none are made.
    pub has_callback_url: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(24 * 3600),
            accounts: vec![Account::default()],
            calling: Arc::new(Rules::default()),
            dialer: Arc::new(dialer::Rules::default()),
            chatbot: ChatRules::default(),
            workflows: Arc::new(workflow::shipped()),
            public_url: "http://127.0.0.1:2478".into(),
            has_callback_url: true,
        }
    }
}

/// A conversation to open.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The story it belongs to, if any.
    pub story: Option<u32>,
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
pub struct Callback {
    /// Whose it is.
    pub account: AccountKey,
    /// The story it belongs to, if any.
    pub story: Option<u32>,
    /// The event id.
    pub event: Cow<'static, str>,
    /// The body.
    pub body: CallbackBody,
    /// Callbacks with the same key keep their order: the id of the conversation or of the task.
    pub order_key: Option<String>,
    /// The URL that the call which caused it named.
    pub target: Option<String>,
}

/// The body of a callback that the simulator sends by itself.
#[derive(Clone, Debug, PartialEq)]
pub enum CallbackBody {
    /// A value.
    Json(Value),
    /// JSON text, as it goes out.
    Text(String),
}

impl CallbackBody {
    /// The body as a value.
    pub fn value(&self) -> Value {
        match self {
            Self::Json(value) => value.clone(),
            Self::Text(text) => serde_json::from_str(text).unwrap_or_default(),
        }
    }
}

/// A moment of the simulator, for taking back or adopting what came after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    timers: u64,
    sessions: usize,
    calling: calling::Checkpoint,
    dialer: dialer::Checkpoint,
    workflows: usize,
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
pub struct ConversationView {
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
    /// Who may call.
    access: Access,
    ids: Arc<Ids>,
    calling: Calling,
    dialer: Dialer,
    campaigns: Campaigns,
    media: Media,
    workflows: Workflows,
    messages_sent: u64,
    detections: u64,
    requests: Rng,
    seed: Seed,
}

impl Simulator {
    /// A vendor without any conversations yet.
    pub fn new(seed: Seed, behaviour: Behaviour) -> Self {
        let ids = Arc::new(Ids::new(seed));
        Self {
            access: Access::new(seed, behaviour.accounts.clone()),
            calling: Calling::new(seed, Arc::clone(&ids), &behaviour),
            dialer: Dialer::new(seed, Arc::clone(&ids), &behaviour),
            workflows: Workflows::new(seed, Arc::clone(&ids), &behaviour),
            ids,
            campaigns: Campaigns::default(),
            media: Media::new(seed, behaviour.chatbot),
            behaviour,
            sessions: Sessions::default(),
            timers: Timers::default(),
            messages_sent: 0,
            detections: 0,
            requests: seed.stream("request", 0),
            seed,
        }
    }

    /// Opens a conversation: a user, a channel, ids. Nothing is sent.
    pub fn open(&mut self, opening: Opening) -> ConversationKey {
        self.sessions.add(Session::open(&opening))
    }

    /// What templates see of a conversation.
    pub fn view(&self, key: ConversationKey) -> (UserView, ConversationView) {
        let session = self.sessions.get(key);
        let (user, facts) = session.people();
        let company = session.known.company.as_deref().map_or(facts.company, str::to_owned);
        let last = session.messages.last();
        (
            UserView {
                id: user.user_id,
                name: user.name,
                phone: user.phone,
                gender: user.gender.to_string(),
                locale: session.locale.to_owned(),
            },
            ConversationView {
                call_id: session.call_id.to_string(),
                channel: session.channel.to_string(),
                channel_id: session.channel_id.to_string(),
                company,
                seat_id: session.seat_id.to_string(),
                phase: session.phase,
                last_msg_id: last.map(|message| message.msg_id.to_string()).unwrap_or_default(),
            },
        )
    }

    /// The body of an event of this conversation: believable defaults, `patch` (a table or null) over them. What it says becomes the
    /// state of the conversation. Errs in words if there is no such event.
    pub fn emit(
        &mut self,
        key: ConversationKey,
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
    pub fn absorb(&mut self, key: ConversationKey, event: &str, body: &Value, now: Timestamp) {
        self.begin(key, now);
        chatbot::absorb(&mut self.sessions, key, event, body, now);
    }

    /// From its first word on a conversation can fall silent.
    fn begin(&mut self, key: ConversationKey, now: Timestamp) {
        if self.sessions.begin(key) {
            let at = later(now, self.behaviour.silence);
            self.timers.plan(at, ChatTimer::Silence { session: key });
        }
    }

    /// The conversation that a call or callback speaks of: by `call_id`, or by user and channel where that is empty.
    pub fn find_session(&self, fields: &Value) -> Option<ConversationKey> {
        fn text<'a>(within: Option<&'a Value>, name: &str) -> Option<&'a str> {
            within?.get(name)?.as_str().filter(|text| !text.is_empty())
        }
        let call_id = text(Some(fields), "call_id").or_else(|| text(fields.get("transfer"), "call_id"));
        match call_id {
            Some(call_id) => self.sessions.by_call_id(call_id),
            None => {
                let (channel_id, user_id) =
                    (text(Some(fields), "channel_id")?, text(fields.get("user"), "id")?);
                self.sessions.of_user(&channel_id.into(), &user_id.into())
            }
        }
    }

    /// The story that a conversation belongs to.
    pub fn story_of(&self, key: ConversationKey) -> Option<u32> {
        self.sessions.get(key).story
    }

    /// The id on the wire of a conversation; callbacks of one conversation keep their order by it.
    pub fn order_key(&self, key: ConversationKey) -> String {
        let session = self.sessions.get(key);
        if session.call_id.is_empty() {
            format!("{}/{}", session.channel_id, session.user_id)
        } else {
            session.call_id.to_string()
        }
    }

    /// Who may call.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Who may call, to change.
    pub fn access_mut(&mut self) -> &mut Access {
        &mut self.access
    }

    /// Answers a call, and plans what the vendor would send because of it.
    pub fn handle(&mut self, call: &Request<'_>) -> Response {
        if let Some(endpoint) = reference::endpoint(call.id) {
            return (endpoint.handle)(self, call)
                .unwrap_or_else(|Refusal { code, message }| Response::Error { code, message });
        }
        match call.id {
            "dialer.auth" => dialer::token(&mut self.access, call).unwrap_or_else(|refusal| refusal),
            "sms.send" => sms::send(self, call).unwrap_or_else(|refusal| refusal),
            "detection.check" => detection::check(self, call).unwrap_or_else(|refusal| refusal),
            _ => {
                let answer = self.calling.handle(call).or_else(|| self.dialer.handle(call)).or_else(|| {
                    let (calling, dialer) = (&mut self.calling, &mut self.dialer);
                    self.workflows.handle(call, &mut Callers { calling, dialer })
                });
                match answer {
                    Some(answer) => answer,
                    None => chatbot::handle(self, call),
                }
            }
        }
    }

    /// Marks the present, for [`Simulator::discard_since`] and [`Simulator::assign_since`].
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            timers: self.timers.planned(),
            sessions: self.sessions.count(),
            calling: self.calling.checkpoint(),
            dialer: self.dialer.checkpoint(),
            workflows: self.workflows.checkpoint(),
        }
    }

    /// Takes back what was planned since a checkpoint: somebody else does it. Tasks go on, but nothing is told of them.
    pub fn discard_since(&mut self, checkpoint: Checkpoint) {
        self.timers.cancel_since(checkpoint.timers);
        self.calling.mute_since(checkpoint.calling);
        self.dialer.mute_since(checkpoint.dialer);
        self.workflows.mute_since(checkpoint.workflows);
    }

    /// What was planned since a checkpoint and belongs to no conversation is a story's doing.
    pub fn assign_since(&mut self, checkpoint: Checkpoint, story: u32) {
        self.timers.assign_since(checkpoint.timers, story);
        self.sessions.assign_since(checkpoint.sessions, story);
        self.calling.assign_since(checkpoint.calling, story);
        self.dialer.assign_since(checkpoint.dialer, story);
        self.workflows.assign_since(checkpoint.workflows, story);
    }

    /// Does what is due and returns the callbacks that come of it, in order. Of very much, it does the first part; then
    /// [`Simulator::next_wakeup`] is still due.
    pub fn advance(&mut self, now: Timestamp) -> Vec<Callback> {
        let mut callbacks = Vec::new();
        while let Some((at, timer)) = self.timers.take(now) {
            match timer {
                Timer::Chat(timer) => callbacks.append(&mut chatbot::timer(self, timer, at)),
                Timer::Receipt(receipt) => callbacks.push(sms::receipt(*receipt, at)),
                Timer::Detected(detection) => callbacks.push(detection::result(*detection)),
            }
        }
        // Calls of workflows lead on to other nodes, so that all these parts move on together.
        let (calling, dialer) = (&mut self.calling, &mut self.dialer);
        let mut chats = Chats { sessions: &mut self.sessions, timers: &mut self.timers };
        callbacks.append(&mut self.workflows.advance(now, &mut Callers { calling, dialer }, &mut chats));
        callbacks
    }

    /// When [`Simulator::advance`] has something to do next.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        let parts = [
            self.timers.next(),
            self.calling.next_wakeup(),
            self.dialer.next_wakeup(),
            self.workflows.next_wakeup(),
        ];
        parts.into_iter().flatten().min()
    }

    /// Whether something is planned that a run has to wait for; a conversation that may fall silent is not.
    pub fn is_busy(&self) -> bool {
        self.timers.is_busy() || self.calling.is_busy() || self.dialer.is_busy() || self.workflows.is_busy()
    }

    /// What is behind the link to a recording or an archive, by the last two parts of its path; nothing if nobody was
    /// given such a link.
    pub fn download(&self, folder: &str, file: &str) -> Option<calling::Download> {
        self.calling.download(folder, file).or_else(|| self.dialer.download(folder, file))
    }

    /// What is behind the link to an uploaded file or a user's picture, by the last two parts of its path.
    pub fn media(&self, id: &str, name: &str) -> Option<Stored> {
        self.media.get(id, name)
    }

    /// A fresh `request_id` for an envelope.
    pub fn request_id(&mut self) -> String {
        let mut id = String::new();
        self.push_request_id(&mut id);
        id
    }

    /// Appends a fresh `request_id`.
    pub fn push_request_id(&mut self, text: &mut String) {
        text.push_str(Hex32::of(&self.requests.random()).as_str());
    }
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}
