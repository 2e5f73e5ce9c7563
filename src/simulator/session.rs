//! Conversations: who talks, where it stands, what was said.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::Opening;
use super::access::AccountKey;
use super::chatbot::{self, Script};
use super::messages::{Message, Messages};
use super::wire_id::WireId;
use crate::content::facts::Facts;
use crate::content::{Country, Person};
use crate::contract::bodies::chatbot::EndReason;
use crate::seed::{self, Resting, Rng};

/// Names a session within its simulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConversationKey(pub(super) usize);

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

impl Phase {
    /// Its word in answers.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Bot => "bot",
            Self::Transfer => "transfer",
            Self::Agent => "agent",
            Self::Closed => "closed",
        }
    }
}

/// A conversation. Campaigns open very many, and most of them stay as they are: what comes out of the seed is drawn anew
/// when it is needed, and only what differs from it is kept.
///
/// Among very many, most of the cost of a call is to bring its conversation into the cache: what calls need stands together
/// at the beginning.
#[derive(Debug)]
#[repr(C)]
pub(super) struct Session {
    /// The story it belongs to, if any.
    pub story: Option<u32>,
    /// The account whose call made it; nobody's if a story did.
    pub owner: Option<AccountKey>,
    /// Where it stands.
    pub phase: Phase,
    /// Whether anything of it was sent yet: only then it can fall silent.
    pub(super) begun: bool,
    /// Whether the customer owns its channel, so that users' messages come by calls and the bot's go out as callbacks.
    pub is_on_own_channel: bool,
    /// What is drawn as it goes on.
    pub(super) rng: Resting,
    /// When the user last wrote, or was taken to.
    pub last_user: Timestamp,
    /// When anybody last said anything.
    pub last_activity: Timestamp,
    /// The agent who has it; empty if nobody has.
    pub seat_id: Arc<str>,
    /// What was said.
    pub(super) messages: Messages,
    /// What its user and its bot are going to say, if the simulator plays them.
    pub script: Option<Box<Script>>,
    /// What is going to be said, if it is a workflow's and goes on.
    pub(super) coming: Option<Box<Coming>>,
    /// Its id on the wire, 32 lower-case hexadecimal digits unless a story says otherwise; may be empty.
    pub call_id: WireId,
    /// `WhatsApp`, ...
    pub channel: Cow<'static, str>,
    /// The customer's channel; digits in a text.
    pub channel_id: WireId,
    /// The user at the other end.
    pub user_id: WireId,
    /// When it began.
    pub started: Timestamp,
    /// What differs from what the seed says.
    pub known: Known,
    /// The language of its texts.
    pub locale: &'static str,
    /// When and why it ended.
    pub ended: Option<Box<(Timestamp, String)>>,
    /// Where its user and facts come from.
    pub(super) origin: Origin,
}

/// What is known of a conversation's user and facts otherwise than by its seed.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// The customer's company or team.
    pub company: Option<Arc<str>>,
    /// The company of its texts.
    pub text_company: Option<Arc<str>>,
    /// The user's name.
    pub name: Option<Box<str>>,
    /// The user's name in its texts.
    pub text_name: Option<Box<str>>,
    /// The digits of the user's phone number.
    pub phone: Option<u64>,
}

/// What is going to be said in the conversation of a workflow's row.
#[derive(Debug)]
pub(super) struct Coming {
    /// Which instance it belongs to.
    pub instance: u32,
    /// Which of its rows.
    pub row: u32,
    /// In order.
    pub messages: VecDeque<Message>,
    /// How it ends.
    pub reason: EndReason,
}

/// Where a conversation's user and facts come from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    country: Country,
    /// The language that the user writes.
    locale: &'static str,
    at: Timestamp,
}

impl Session {
    /// A conversation as it is opened: its user, facts and ids are drawn from its seed.
    pub(super) fn open(opening: &Opening) -> Self {
        let mut rng = Resting::new(opening.seed, "session");
        let (user, call_id, channel_id) = {
            let rng = &mut *rng.draw();
            let user = Person::draw(rng, opening.country, opening.locale.as_deref());
            Facts::of(rng, &user, opening.now);
            let call_id = seed::hex32(rng);
            (user, call_id, chatbot::channel_id(rng))
        };
        Self {
            story: opening.story,
            owner: None,
            last_user: opening.now,
            script: None,
            call_id: call_id.into(),
            channel: chatbot::DEFAULT_CHANNEL.into(),
            channel_id: channel_id.into(),
            user_id: user.user_id.into(),
            known: Known::default(),
            locale: user.locale,
            phase: Phase::Bot,
            started: opening.now,
            last_activity: opening.now,
            ended: None,
            seat_id: Arc::default(),
            messages: Messages::default(),
            coming: None,
            origin: Origin { country: opening.country, locale: user.locale, at: opening.now },
            rng,
            begun: false,
            is_on_own_channel: false,
        }
    }

    /// Says what is due. An agent who takes the conversation has the word from then on.
    pub(super) fn say(&mut self, now: Timestamp) {
        let Some(coming) = &mut self.coming else { return };
        if self.phase != Phase::Bot {
            coming.messages.clear();
        }
        while coming.messages.front().is_some_and(|next| next.timestamp <= now.as_second()) {
            let Some(message) = coming.messages.pop_front() else { break };
            self.last_activity = now;
            if message.sender_type == "user" {
                self.last_user = now;
                self.messages.read_by_user();
            }
            self.messages.put(message);
        }
    }

    /// When something is to be said next.
    pub(super) fn next_word(&self) -> Option<Timestamp> {
        let next = self.coming.as_ref()?.messages.front()?;
        Timestamp::from_second(next.timestamp).ok()
    }

    /// The user at the other end, and the facts its texts speak of.
    pub(super) fn people(&self) -> (Person, Facts) {
        let Origin { country, locale, at } = self.origin;
        let rng = &mut self.rng.seed().stream("session", 0);
        let mut user = Person::draw(rng, country, Some(locale));
        let mut facts = Facts::of(rng, &user, at);
        let known = &self.known;
        user.user_id = self.user_id.to_string();
        if let Some(name) = &known.name {
            user.name = name.to_string();
        }
        if let Some(phone) = known.phone {
            user.phone = format!("+{phone}");
        }
        if let Some(name) = &known.text_name {
            facts.name = name.to_string();
        }
        if let Some(company) = &known.text_company {
            facts.company = company.to_string();
        }
        (user, facts)
    }

    /// The user's name.
    pub(super) fn name(&self) -> String {
        match &self.known.name {
            Some(name) => name.to_string(),
            None => {
                let rng = &mut self.rng.seed().stream("session", 0);
                Person::draw_name(rng, self.origin.locale).1
            }
        }
    }

    /// The user's name, kept for the next time: whoever lists conversations does it again and again.
    pub(super) fn kept_name(&mut self) -> &str {
        if self.known.name.is_none() {
            self.known.name = Some(self.name().into());
        }
        self.known.name.as_deref().unwrap_or_default()
    }

    /// The facts its texts speak of.
    pub(super) fn facts(&self) -> Facts {
        self.people().1
    }

    /// The customer's company or team.
    pub(super) fn company(&self) -> String {
        self.known.company.as_deref().map_or_else(|| self.facts().company, str::to_owned)
    }

    /// Whether an account may see it.
    pub(super) fn is_seen_by(&self, account: AccountKey) -> bool {
        self.owner.is_none_or(|owner| owner == account)
    }

    /// Where the labels of the options of a message come from, by its place.
    pub(super) fn options(&self, place: usize) -> Rng {
        self.rng.seed().stream("options", u64::try_from(place).unwrap_or(u64::MAX))
    }

    /// A stream that begins anew at each call: for what must be the same however often it is drawn.
    pub(super) fn samples(&self) -> Rng {
        self.rng.seed().stream("samples", 0)
    }
}

/// All conversations, and how calls and callbacks find theirs.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    list: Vec<Session>,
    by_call_id: HashMap<WireId, ConversationKey>,
    /// By channel and user.
    by_user: HashMap<(WireId, WireId), ConversationKey>,
    /// How many have begun, by whose they are.
    begun: HashMap<Option<AccountKey>, usize>,
}

impl Sessions {
    /// Adds a session.
    pub(super) fn add(&mut self, session: Session) -> ConversationKey {
        let key = ConversationKey(self.list.len());
        if session.begun {
            *self.begun.entry(session.owner).or_default() += 1;
        }
        self.list.push(session);
        self.index(key);
        key
    }

    /// Something of a session was sent. Whether it is the first.
    pub(super) fn begin(&mut self, key: ConversationKey) -> bool {
        let session = &mut self.list[key.0];
        let begins = !std::mem::replace(&mut session.begun, true);
        if begins {
            *self.begun.entry(session.owner).or_default() += 1;
        }
        begins
    }

    /// How many that an account sees have begun.
    pub(super) fn count_begun(&self, account: AccountKey) -> usize {
        let count = |owner| self.begun.get(&owner).copied().unwrap_or_default();
        count(None) + count(Some(account))
    }

    /// Those that an account sees and that have begun, newest first, before one of them or all. Nothing if that is none.
    pub(super) fn begun(
        &mut self,
        account: AccountKey,
        before: Option<&str>,
    ) -> Option<impl Iterator<Item = &mut Session>> {
        let is_seen = move |session: &Session| session.begun && session.is_seen_by(account);
        let end = match before {
            Some(call_id) => self.by_call_id(call_id).filter(|key| is_seen(self.get(*key)))?.0,
            None => self.list.len(),
        };
        Some(self.list[..end].iter_mut().rev().filter(move |session| is_seen(session)))
    }

    /// The session of a key. Keys come from [`Sessions::add`] and sessions are never taken out.
    pub(super) fn get(&self, key: ConversationKey) -> &Session {
        &self.list[key.0]
    }

    /// The session of a key, to change. After changing `call_id`, `channel_id` or the user's id, call
    /// [`Sessions::index`].
    pub(super) fn get_mut(&mut self, key: ConversationKey) -> &mut Session {
        &mut self.list[key.0]
    }

    /// Makes the session findable under its present ids. The latest session of a user is the one found.
    pub(super) fn index(&mut self, key: ConversationKey) {
        let session = &self.list[key.0];
        if !session.call_id.is_empty() {
            self.by_call_id.insert(session.call_id.clone(), key);
        }
        self.by_user.insert((session.channel_id.clone(), session.user_id.clone()), key);
    }

    /// The session with this id on the wire.
    pub(super) fn by_call_id(&self, call_id: &str) -> Option<ConversationKey> {
        self.by_call_id.get(&call_id.into()).copied()
    }

    /// The latest session of a user on a channel.
    pub(super) fn of_user(&self, channel_id: &WireId, user_id: &WireId) -> Option<ConversationKey> {
        self.by_user.get(&(channel_id.clone(), user_id.clone())).copied()
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.list.len()
    }

    /// What began after so many belongs to a story, and what is said in it is the story's to say.
    pub(super) fn assign_since(&mut self, count: usize, story: u32) {
        for session in self.list.iter_mut().skip(count) {
            session.story = Some(story);
            if let Some(script) = &mut session.script {
                script.leave();
            }
        }
    }
}
