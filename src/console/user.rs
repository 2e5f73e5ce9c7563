//! `/_mock/chats` and `/_mock/user`: a test or a person plays the end user, and sees what the end user sees. The agent of a
//! chat is the customer's, and only passes it on here.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::World;
use super::endpoint::{Answered, Done};
use super::refused::Refused;
use crate::contract::fields::Whole;
use crate::simulator::{AccountKey, Chat, ChatAct, ChatError, ChatHistory, FileKind, NewChat};

/// Default for the number of chats listed.
const CHATS: usize = 20;

/// A new chat.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct BeginAsk {
    /// The person's number, with country code: `+6281234567890`. Default: a new one.
    number: Option<String>,
    /// The person's name. Default: one that fits.
    name: Option<String>,
    /// The channel to write to, of one of the account's WhatsApp business accounts. Default: the first one.
    channel_id: Option<String>,
    /// The APPKey of the account. Default: the first.
    app_key: Option<String>,
    /// The person's first message. Default: none.
    write: Option<String>,
}

/// A chat that was started.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Begun {
    /// The conversation: its `call_id`.
    conversation: String,
    /// The person's number.
    number: String,
}

/// Opens a chat.
pub(super) async fn begin(world: World, ask: BeginAsk) -> Result<Answered<Begun>, Refused> {
    let given = ask.number.as_deref().map(|text| {
        let digits = text.strip_prefix('+').unwrap_or(text);
        let is_number = (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.parse().ok().filter(|_| is_number);
        number.ok_or_else(|| {
            Refused::wrong(format!(
                "number is `{text}`, expected a number with its country code: +6281234567890"
            ))
        })
    });
    let given: Option<u64> = given.transpose()?;
    world.change(|engine, now| {
        let number = given.unwrap_or_else(|| engine.new_number());
        let account = match &ask.app_key {
            None => AccountKey::default(),
            Some(key) => {
                let known = engine.simulator().access().by_app_key(key);
                known.ok_or_else(|| Refused::missing("app_key names no account"))?
            }
        };
        let chat = NewChat { account, channel_id: ask.channel_id, number, name: ask.name };
        let conversation = engine.simulator().begin_chat(chat, now).map_err(refused)?;
        if let Some(text) = ask.write {
            engine.simulator().act(&conversation, &ChatAct::Write(text), now).map_err(refused)?;
        }
        Ok(Answered::Json(201, Begun { conversation, number: format!("+{number}") }))
    })
}

/// Which chats.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ChatsAsk {
    /// Maximum number of chats, the newest ones. Default: 20.
    limit: Option<Whole<1, 1_000>>,
}

/// The chats.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Chats {
    /// The chats that have messages, newest first.
    chats: Vec<Chat>,
    /// How many there are, listed or not.
    total: usize,
}

/// Lists chats.
pub(super) async fn list(world: World, ask: ChatsAsk) -> Result<Answered<Chats>, Refused> {
    let limit = ask.limit.map_or(CHATS, Whole::count);
    Ok(Answered::ok(world.driver.look(|engine, _| {
        let simulator = engine.simulator();
        Chats { chats: simulator.chats(limit), total: simulator.count_chats() }
    })))
}

/// Which chat.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct HistoryAsk {
    /// The conversation: its `call_id`.
    conversation: String,
}

/// Shows the messages of a chat.
pub(super) async fn history(world: World, ask: HistoryAsk) -> Result<Answered<ChatHistory>, Refused> {
    let id = &ask.conversation;
    let found = world.driver.look(|engine, now| engine.simulator().chat(id, now));
    let missing =
        || Refused::missing(format!("there is no conversation `{id}`; GET /_mock/chats lists some"));
    found.map(Answered::ok).ok_or_else(missing)
}

/// An action of the person, exactly one.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ActAsk {
    /// The conversation: its `call_id`. It may be one that you did not start, such as that of a campaign: the mock then no
    /// longer plays its user.
    conversation: String,
    /// Writes this.
    write: Option<String>,
    /// Presses the button with this label of a template message.
    press: Option<String>,
    /// Chooses the option with this title or id of the question that was asked last.
    choose: Option<String>,
    /// Sends a file of this kind.
    send: Option<Kind>,
    /// With `send`: the URL of the file. Default: a file of the mock.
    url: Option<String>,
    /// With `send`: the name of the file.
    name: Option<String>,
    /// Asks for a human agent (`true`), in the language of the conversation.
    ask_for_agent: Option<bool>,
    /// Stops writing (`true`), until the next action.
    fall_silent: Option<bool>,
    /// Opts out of messages (`true`).
    opt_out: Option<bool>,
}

/// The type of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// A picture.
    Image,
    /// A film.
    Video,
    /// A voice note or music.
    Audio,
    /// A document.
    File,
}

impl From<Kind> for FileKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Image => Self::Image,
            Kind::Video => Self::Video,
            Kind::Audio => Self::Audio,
            Kind::File => Self::File,
        }
    }
}

impl ActAsk {
    /// Returns the one action that is requested.
    fn act(self) -> Result<(String, ChatAct), Refused> {
        let Self { conversation, write, press, choose, send, url, name, ask_for_agent, fall_silent, opt_out } =
            self;
        if send.is_none() && (url.is_some() || name.is_some()) {
            return Err(Refused::wrong(
                "`url` and `name` describe a file: give its type with `send`, for example \"image\"",
            ));
        }
        let wants = |given: Option<bool>, act: ChatAct| (given == Some(true)).then_some(act);
        let acts = [
            write.map(ChatAct::Write),
            press.map(ChatAct::Press),
            choose.map(ChatAct::Choose),
            send.map(|kind| ChatAct::Send { kind: kind.into(), url, name }),
            wants(ask_for_agent, ChatAct::AskForAgent),
            wants(fall_silent, ChatAct::FallSilent),
            wants(opt_out, ChatAct::OptOut),
        ];
        let mut acts = acts.into_iter().flatten();
        match (acts.next(), acts.next()) {
            (Some(act), None) => Ok((conversation, act)),
            _ => Err(Refused::wrong(
                "give exactly one action of the person: `write`, `press`, `choose`, `send`, \
                `ask_for_agent`, `fall_silent` or `opt_out`",
            )),
        }
    }
}

/// Acts in a chat.
pub(super) async fn act(world: World, ask: ActAsk) -> Result<Answered<Done>, Refused> {
    let (conversation, act) = ask.act()?;
    world.change(|engine, now| engine.simulator().act(&conversation, &act, now).map_err(refused))?;
    Ok(Answered::ok(Done {}))
}

/// To whom a conversation is passed on.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct PassOnAsk {
    /// The conversation: its `call_id`. An agent must have it.
    conversation: String,
    /// The agent who should get it; empty if any agent can. Default: a random one.
    to_seat_id: Option<String>,
}

/// Passes a conversation on to another agent.
pub(super) async fn pass_on(world: World, ask: PassOnAsk) -> Result<Answered<Done>, Refused> {
    let to = ask.to_seat_id.as_deref();
    world.change(|engine, now| engine.simulator().pass_on(&ask.conversation, to, now).map_err(refused))?;
    Ok(Answered::ok(Done {}))
}

/// Returns why it cannot be done.
fn refused(error: ChatError) -> Refused {
    let status = match &error {
        ChatError::NoConversation(_) => 404,
        ChatError::Ended | ChatError::NoAgent => 409,
        ChatError::NoChannel(..)
        | ChatError::OwnChannel
        | ChatError::NoButton(..)
        | ChatError::NoOption(..) => 400,
    };
    Refused::new(status, error.to_string())
}
