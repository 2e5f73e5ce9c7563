//! Conversations: their people, their phase, their messages.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::messages::{Message, Messages};
use super::script::Script;
use crate::content::facts::Facts;
use crate::content::{Country, Gender, Person};
use crate::contract::bodies::Fields;
use crate::contract::bodies::conversation::EndReason;
use crate::seed::{self, Resting, Rng, Seed};
use crate::simulator::access::AccountKey;
use crate::simulator::cause::CauseId;
use crate::simulator::keys::{CampaignKey, ConversationKey, InstanceKey};
use crate::simulator::outcome::ChatOutcome;
use crate::simulator::shelf::{Keep, Shelf};
use crate::simulator::wire_id::WireId;

/// A conversation to open.
#[derive(Clone, Debug)]
pub struct Opening {
    /// The story that it belongs to, if any.
    pub story: Option<u32>,
    /// The seed of its people, ids and texts.
    pub seed: Seed,
    /// The user's country.
    pub country: Country,
    /// The language of its texts, if it differs from the country's.
    pub locale: Option<String>,
    /// The current time.
    pub now: Timestamp,
}

/// Where a conversation stands (assumed).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::simulator) enum Phase {
    /// The bot talks with the user.
    Bot,
    /// A transfer to a person was asked for.
    Transfer,
    /// An agent of the customer has the conversation.
    Agent,
    /// It is over.
    Closed,
}

/// A conversation. Campaigns open very many, and most of them stay as they are. Therefore values that follow from the seed are
/// drawn again when they are needed, and only differences from them are stored.
#[derive(Clone, Debug)]
pub(in crate::simulator) struct Conversation {
    /// The request or the story that opened it.
    pub cause: CauseId,
    /// The account whose request opened it; `None` if a story did.
    pub owner: Option<AccountKey>,
    /// Its phase.
    pub phase: Phase,
    /// Whether the latest transfer request has been answered.
    pub(in crate::simulator) is_transfer_answered: bool,
    /// Whether the latest transfer request was an agent's, who keeps the conversation if no other agent takes it.
    pub(in crate::simulator) is_passed_on: bool,
    /// The forced result of messages to its user, if a test asks for one.
    pub(in crate::simulator) reach: Option<ChatOutcome>,
    /// Whether any message was sent: only then it can fall silent.
    pub(in crate::simulator) begun: bool,
    /// Whether a story controls it.
    pub(in crate::simulator) is_led: bool,
    /// Whether the customer owns its channel, so that users' messages come as requests and the bot's go out as callbacks.
    pub is_on_own_channel: bool,
    /// The random stream of its further course.
    pub(in crate::simulator) rng: Resting,
    /// When the user last wrote, or was assumed to have written. `Timestamp::MIN` if the user never did.
    pub last_user: Timestamp,
    /// When either side last said anything.
    pub last_activity: Timestamp,
    /// The agent who has it; empty if there is none.
    pub seat_id: Arc<str>,
    /// Its messages.
    pub(in crate::simulator) messages: Messages,
    /// The latest template message that was sent to its user: the campaign and the row in it.
    pub(in crate::simulator) latest_template: Option<(CampaignKey, u32)>,
    /// The planned turns of its user and its bot, if the simulator plays them.
    pub script: Option<Box<Script>>,
    /// The scheduled messages of a workflow's conversation in progress.
    pub(in crate::simulator) scheduled: Option<Box<ScheduledMessages>>,
    /// Its id on the wire, 32 lower-case hexadecimal digits unless a story says otherwise; may be empty.
    pub call_id: WireId,
    /// The channel, such as `WhatsApp`.
    pub channel: Cow<'static, str>,
    /// The customer's channel; digits in a text.
    pub channel_id: WireId,
    /// The id of the user.
    pub user_id: WireId,
    /// When it began.
    pub started: Timestamp,
    /// The values that differ from those of the seed.
    pub overrides: Overrides,
    /// The language of its texts.
    pub locale: &'static str,
    /// When and why it ended.
    pub ended: Option<Box<(Timestamp, String)>>,
    /// The seed and language of its user and facts.
    pub(in crate::simulator) seed_source: SeedSource,
}

/// Facts about a conversation's user that replace those drawn from its seed.
#[derive(Clone, Debug, Default)]
pub(in crate::simulator) struct Overrides {
    /// The customer's company or team.
    pub company: Option<Arc<str>>,
    /// The company of its texts.
    pub text_company: Option<Arc<str>>,
    /// The user's name.
    pub name: Option<Box<str>>,
    /// The user's name in the texts.
    pub text_name: Option<Box<str>>,
    /// The user's gender.
    pub gender: Option<Gender>,
    /// The digits of the user's phone number.
    pub phone: Option<u64>,
    /// The robot's variables, name to text: from a workflow's row, a template, or an answer of the settings.
    pub variables: Option<Box<Fields>>,
}

impl Overrides {
    /// Adds variables of the robot. A variable of the same name is replaced.
    pub(in crate::simulator) fn add_variables(&mut self, more: impl IntoIterator<Item = (String, Value)>) {
        let mut more = more.into_iter().peekable();
        if more.peek().is_some() {
            self.variables.get_or_insert_default().extend(more);
        }
    }
}

/// The scheduled messages in the conversation of a workflow's row.
#[derive(Clone, Debug)]
pub(in crate::simulator) struct ScheduledMessages {
    /// The instance that it belongs to.
    pub instance: InstanceKey,
    /// The row of the instance.
    pub row: u32,
    /// The messages in order.
    pub messages: VecDeque<Message>,
    /// When the bot asks for an agent afterwards, if it does.
    pub asks_for_agent: Option<Timestamp>,
    /// The reason for its end.
    pub reason: EndReason,
}

/// The source of a conversation's user and facts.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulator) struct SeedSource {
    country: Country,
    /// The language in which the user writes.
    locale: &'static str,
    at: Timestamp,
}

impl Conversation {
    /// Creates a conversation: its user, facts and ids are drawn from its seed.
    pub(in crate::simulator) fn open(opening: &Opening, cause: CauseId) -> Self {
        let mut rng = Resting::new(opening.seed, "session");
        let (user, call_id, channel_id) = {
            let rng = &mut *rng.draw();
            let user = Person::draw(rng, opening.country, opening.locale.as_deref());
            Facts::of(rng, &user, opening.now);
            let call_id = seed::hex32(rng);
            (user, call_id, super::channel_id(rng))
        };
        Self {
            cause,
            owner: None,
            last_user: opening.now,
            script: None,
            call_id: call_id.into(),
            channel: super::DEFAULT_CHANNEL.into(),
            channel_id: channel_id.into(),
            user_id: user.user_id.into(),
            overrides: Overrides::default(),
            locale: user.locale,
            phase: Phase::Bot,
            started: opening.now,
            last_activity: opening.now,
            ended: None,
            seat_id: Arc::default(),
            messages: Messages::default(),
            latest_template: None,
            scheduled: None,
            seed_source: SeedSource { country: opening.country, locale: user.locale, at: opening.now },
            rng,
            begun: false,
            is_led: opening.story.is_some(),
            is_on_own_channel: false,
            is_transfer_answered: false,
            is_passed_on: false,
            reach: None,
        }
    }

    /// Returns its id on the wire, by which its callbacks keep their order.
    pub(in crate::simulator) fn order_key(&self) -> String {
        if self.call_id.is_empty() {
            format!("{}/{}", self.channel_id, self.user_id)
        } else {
            self.call_id.to_string()
        }
    }

    /// Adds the messages that are due. An agent who takes the conversation does the talking from then on.
    pub(in crate::simulator) fn say(&mut self, now: Timestamp) {
        let Some(scheduled) = &mut self.scheduled else { return };
        if self.phase != Phase::Bot {
            scheduled.messages.clear();
        }
        while scheduled.messages.front().is_some_and(|next| next.timestamp <= now.as_second()) {
            let Some(message) = scheduled.messages.pop_front() else { break };
            self.last_activity = now;
            if message.sender_type == "user" {
                self.last_user = now;
                self.messages.read_by_user();
            }
            self.messages.put(message);
        }
    }

    /// Returns when the next message is due.
    pub(in crate::simulator) fn next_message(&self) -> Option<Timestamp> {
        let scheduled = self.scheduled.as_ref()?;
        match scheduled.messages.front() {
            Some(next) => Timestamp::from_second(next.timestamp).ok(),
            None => scheduled.asks_for_agent,
        }
    }

    /// Returns, once, whether the bot asks for an agent after the last scheduled message.
    pub(in crate::simulator) fn take_ask(&mut self, now: Timestamp) -> bool {
        let is_bot = self.phase == Phase::Bot;
        let Some(scheduled) = self.scheduled.as_mut().filter(|scheduled| scheduled.messages.is_empty())
        else {
            return false;
        };
        scheduled.asks_for_agent.take_if(|at| !is_bot || *at <= now).is_some() && is_bot
    }

    /// Returns the user, and the facts for the texts.
    pub(in crate::simulator) fn people(&self) -> (Person, Facts) {
        let SeedSource { country, locale, at } = self.seed_source;
        let rng = &mut self.rng.seed().stream("session", 0);
        let mut user = Person::draw(rng, country, Some(locale));
        let mut facts = Facts::of(rng, &user, at);
        let known = &self.overrides;
        user.user_id = self.user_id.to_string();
        if let Some(name) = &known.name {
            user.name = name.to_string();
        }
        if let Some(phone) = known.phone {
            user.phone = format!("+{phone}");
        }
        if let Some(gender) = known.gender {
            user.gender = gender;
            facts.gender = gender;
        }
        if let Some(name) = &known.text_name {
            facts.name = name.to_string();
        }
        if let Some(company) = &known.text_company {
            facts.company = company.to_string();
        }
        (user, facts)
    }

    /// Whether its user has the id that was drawn from the seed: a number without meaning.
    pub(in crate::simulator) fn is_user_drawn(&self) -> bool {
        let SeedSource { country, locale, .. } = self.seed_source;
        let rng = &mut self.rng.seed().stream("session", 0);
        Person::draw(rng, country, Some(locale)).user_id == self.user_id.to_string()
    }

    /// Returns the user's name.
    pub(in crate::simulator) fn name(&self) -> String {
        match &self.overrides.name {
            Some(name) => name.to_string(),
            None => {
                let rng = &mut self.rng.seed().stream("session", 0);
                Person::draw_name(rng, self.seed_source.locale).1
            }
        }
    }

    /// Returns the facts for the texts.
    pub(in crate::simulator) fn facts(&self) -> Facts {
        self.people().1
    }

    /// Returns the customer's company or team.
    pub(in crate::simulator) fn company(&self) -> String {
        self.overrides.company.as_deref().map_or_else(|| self.facts().company, str::to_owned)
    }

    /// Whether its user is played from outside.
    pub(in crate::simulator) fn is_played(&self) -> bool {
        self.script.as_ref().is_some_and(|script| script.is_played)
    }

    /// Whether an account may see it.
    pub(in crate::simulator) fn is_seen_by(&self, account: AccountKey) -> bool {
        self.owner.is_none_or(|owner| owner == account)
    }

    /// Returns the stream for the labels of a message's options, by the place of the message.
    pub(in crate::simulator) fn options(&self, place: usize) -> Rng {
        self.rng.seed().stream("options", u64::try_from(place).unwrap_or(u64::MAX))
    }

    /// Returns a stream that starts anew each time, for values that must be the same however often they are drawn.
    pub(in crate::simulator) fn samples(&self) -> Rng {
        self.rng.seed().stream("samples", 0)
    }
}

/// All conversations, with the indexes by which requests and callbacks find them.
#[derive(Clone, Debug, Default)]
pub(in crate::simulator) struct Conversations {
    pub(in crate::simulator) list: Shelf<ConversationKey, Conversation>,
    by_call_id: HashMap<WireId, ConversationKey>,
    /// The latest conversation by channel and user.
    by_user: HashMap<(WireId, WireId), ConversationKey>,
    /// Number of conversations with messages, by owner.
    begun: HashMap<Option<AccountKey>, usize>,
}

impl Conversations {
    /// Adds a conversation.
    pub(in crate::simulator) fn add(&mut self, conversation: Conversation) -> ConversationKey {
        if conversation.begun {
            *self.begun.entry(conversation.owner).or_default() += 1;
        }
        let key = self.list.add(conversation, 1);
        self.index(key);
        key
    }

    /// Records that something of a conversation was sent. Returns whether it was the first time.
    pub(in crate::simulator) fn begin(&mut self, key: ConversationKey) -> bool {
        let conversation = &mut self.list[key];
        let begins = !std::mem::replace(&mut conversation.begun, true);
        if begins {
            *self.begun.entry(conversation.owner).or_default() += 1;
        }
        begins
    }

    /// Returns the number of begun conversations that an account sees.
    pub(in crate::simulator) fn count_begun(&self, account: AccountKey) -> usize {
        let count = |owner| self.begun.get(&owner).copied().unwrap_or_default();
        count(None) + count(Some(account))
    }

    /// Returns the begun conversations that an account sees, newest first: those before one of them, or all. `None` if that one
    /// does not exist.
    pub(in crate::simulator) fn begun(
        &self,
        account: AccountKey,
        before: Option<&str>,
    ) -> Option<impl Iterator<Item = &Conversation>> {
        let is_seen =
            move |conversation: &Conversation| conversation.begun && conversation.is_seen_by(account);
        let end = match before {
            Some(call_id) => self.by_call_id(call_id).filter(|key| is_seen(self.get(*key)))?,
            None => self.list.next_key(),
        };
        let all = self.list.before(end).rev().map(|(_, conversation)| conversation);
        Some(all.filter(move |conversation| is_seen(conversation)))
    }

    /// Returns the number of all begun conversations.
    pub(in crate::simulator) fn count_all_begun(&self) -> usize {
        self.begun.values().sum()
    }

    /// Returns all begun conversations, newest first.
    pub(in crate::simulator) fn all_begun(&self) -> impl Iterator<Item = &Conversation> {
        self.list.objects().rev().filter(|conversation| conversation.begun)
    }

    /// Returns the first of the latest conversations that a cause opened.
    pub(in crate::simulator) fn opened_by(&self, cause: CauseId) -> Option<ConversationKey> {
        let opened = self.list.iter().rev().take_while(|(_, conversation)| conversation.cause == cause);
        opened.last().map(|(key, _)| key)
    }

    /// Returns the conversation of a key. It is kept while anything is planned for it, while a story has it, or while a kept
    /// campaign refers to it.
    pub(in crate::simulator) fn get(&self, key: ConversationKey) -> &Conversation {
        &self.list[key]
    }

    /// Returns the same, mutable. After changing `call_id`, `channel_id` or the user's id, call [`Conversations::index`].
    pub(in crate::simulator) fn get_mut(&mut self, key: ConversationKey) -> &mut Conversation {
        &mut self.list[key]
    }

    /// Makes the conversation findable under its present ids. Of several conversations with a user, the latest is found.
    pub(in crate::simulator) fn index(&mut self, key: ConversationKey) {
        let conversation = &self.list[key];
        if !conversation.call_id.is_empty() {
            self.by_call_id.insert(conversation.call_id.clone(), key);
        }
        self.by_user.insert((conversation.channel_id.clone(), conversation.user_id.clone()), key);
    }

    /// Evicts conversations that have ended or were never begun. `needed` says which ones are still in use.
    pub(in crate::simulator) fn put_away(
        &mut self,
        keep: Keep,
        needed: impl Fn(ConversationKey, &Conversation) -> bool,
    ) {
        let finished = |key: ConversationKey, conversation: &Conversation| {
            let is_over = conversation.ended.is_some() || conversation.scheduled.is_none();
            (is_over && !needed(key, conversation)).then_some(conversation.last_activity)
        };
        for (key, gone) in self.list.put_away(keep, finished) {
            if gone.begun
                && let Some(count) = self.begun.get_mut(&gone.owner)
            {
                *count -= 1;
            }
            if self.by_call_id.get(&gone.call_id) == Some(&key) {
                self.by_call_id.remove(&gone.call_id);
            }
            let place = (gone.channel_id, gone.user_id);
            if self.by_user.get(&place) == Some(&key) {
                self.by_user.remove(&place);
            }
        }
    }

    /// Finds the conversation with this id on the wire.
    pub(in crate::simulator) fn by_call_id(&self, call_id: &str) -> Option<ConversationKey> {
        // An evicted conversation may still be indexed under an id that it had earlier.
        self.by_call_id.get(call_id).copied().filter(|key| self.list.get(*key).is_some())
    }

    /// Returns the latest conversation of a user on a channel.
    pub(in crate::simulator) fn of_user(
        &self,
        channel_id: &WireId,
        user_id: &WireId,
    ) -> Option<ConversationKey> {
        let found = self.by_user.get(&(channel_id.clone(), user_id.clone())).copied();
        found.filter(|key| self.list.get(*key).is_some())
    }

    /// Finds the conversation that a request or callback refers to: by `call_id`, or by user and channel if that is empty.
    pub(in crate::simulator) fn find(&self, fields: &Value) -> Option<ConversationKey> {
        fn text<'a>(within: Option<&'a Value>, name: &str) -> Option<&'a str> {
            within?.get(name)?.as_str().filter(|text| !text.is_empty())
        }
        let call_id = text(Some(fields), "call_id").or_else(|| text(fields.get("transfer"), "call_id"));
        match call_id {
            Some(call_id) => self.by_call_id(call_id),
            None => {
                let (channel_id, user_id) =
                    (text(Some(fields), "channel_id")?, text(fields.get("user"), "id")?);
                self.of_user(&channel_id.into(), &user_id.into())
            }
        }
    }
}
