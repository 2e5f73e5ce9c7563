//! Conversations: who talks, where it stands, what was said.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;

use super::access::AccountKey;
use super::chatbot::Script;
use super::facts::Facts;
use super::identity::Person;
use super::messages::Messages;
use super::seed::{Rng, Seed};

/// Names a session within its simulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey(pub(super) usize);

/// Where a conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Phase {
    /// The bot talks with the user.
    Bot,
    /// A transfer to a person was asked for.
    Transfer,
    /// An agent of the customer has the conversation.
    Agent,
    /// It is over.
    Closed,
}

/// A conversation.
#[derive(Debug)]
pub(super) struct Session {
    /// The story it belongs to, if any.
    pub play: Option<u32>,
    /// The account whose call made it; nobody's if a story did.
    pub owner: Option<AccountKey>,
    /// When the user last wrote, or was taken to.
    pub last_user: Timestamp,
    /// What its user and its bot are going to say, if the simulator plays them.
    pub script: Option<Script>,
    /// Its id on the wire, 32 lower-case hexadecimal digits unless a story says otherwise; may be empty.
    pub call_id: String,
    /// `WhatsApp`, ...
    pub channel: String,
    /// The customer's channel; digits in a text.
    pub channel_id: String,
    /// The customer's company or team.
    pub company: String,
    /// The user at the other end.
    pub user: Person,
    /// Facts its texts speak of.
    pub facts: Facts,
    /// The language of its texts.
    pub locale: String,
    /// Where it stands.
    pub phase: Phase,
    /// When it began.
    pub started: Timestamp,
    /// When anybody last said anything.
    pub last_activity: Timestamp,
    /// When and why it ended.
    pub ended: Option<(Timestamp, String)>,
    /// The agent who has it; empty if nobody has.
    pub seat_id: String,
    /// What was said.
    pub(super) messages: Messages,
    /// Where all of its own randomness comes from.
    pub(super) seed: Seed,
    /// What is drawn as it goes on.
    pub(super) rng: Rng,
    /// Whether anything of it was sent yet: only then it can fall silent.
    pub(super) begun: bool,
}

impl Session {
    /// Whether an account may see it.
    pub(super) fn is_seen_by(&self, account: AccountKey) -> bool {
        self.owner.is_none_or(|owner| owner == account)
    }

    /// Whether the customer owns its channel, so that users' messages come by calls.
    pub(super) fn is_on_own_channel(&self) -> bool {
        self.script.as_ref().is_some_and(|script| script.is_on_own_channel)
    }

    /// A stream that begins anew at each call: for what must be the same however often it is drawn.
    pub(super) fn samples(&self) -> Rng {
        self.seed.stream("samples", 0)
    }
}

/// All conversations, and how calls and callbacks find theirs.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    list: Vec<Session>,
    by_call_id: HashMap<String, SessionKey>,
    by_user: HashMap<(String, String), SessionKey>,
}

impl Sessions {
    /// Adds a session.
    pub(super) fn add(&mut self, session: Session) -> SessionKey {
        let key = SessionKey(self.list.len());
        self.list.push(session);
        self.index(key);
        key
    }

    /// The session of a key. Keys come from [`Sessions::add`] and sessions are never taken out.
    pub(super) fn get(&self, key: SessionKey) -> &Session {
        &self.list[key.0]
    }

    /// The session of a key, to change. After changing `call_id`, `channel_id` or the user's id, call
    /// [`Sessions::index`].
    pub(super) fn get_mut(&mut self, key: SessionKey) -> &mut Session {
        &mut self.list[key.0]
    }

    /// Makes the session findable under its present ids. The latest session of a user is the one found.
    pub(super) fn index(&mut self, key: SessionKey) {
        let session = &self.list[key.0];
        if !session.call_id.is_empty() {
            self.by_call_id.insert(session.call_id.clone(), key);
        }
        self.by_user.insert((session.channel_id.clone(), session.user.user_id.clone()), key);
    }

    /// The session with this id on the wire.
    pub(super) fn by_call_id(&self, call_id: &str) -> Option<SessionKey> {
        self.by_call_id.get(call_id).copied()
    }

    /// The latest session of a user on a channel.
    pub(super) fn by_user(&self, channel_id: &str, user_id: &str) -> Option<SessionKey> {
        self.by_user.get(&(channel_id.to_owned(), user_id.to_owned())).copied()
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.list.len()
    }

    /// What began after so many belongs to a story, and what is said in it is the story's to say.
    pub(super) fn adopt_since(&mut self, count: usize, play: u32) {
        for session in self.list.iter_mut().skip(count) {
            session.play = Some(play);
            if let Some(script) = &mut session.script {
                script.leave();
            }
        }
    }

    /// Every session, in the order in which they began.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Session> {
        self.list.iter()
    }
}
