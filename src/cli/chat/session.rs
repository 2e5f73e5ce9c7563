//! A running chat: performs what is typed, and shows what arrives.

use std::cell::Cell;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::history::{Chat, ChatView, History};
use super::line::{HELP, Line, Whom};
use crate::cli::output::Output;
use crate::cli::preview::shorten;
use crate::cli::remote::{Remote, RemoteError};
use crate::cli::{CommandError, Exit, lines};
use crate::files::visible;
use crate::time::HumanDuration;

/// The interval at which new messages are fetched.
const LOOK: Duration = Duration::from_millis(200);

/// The interval while a message is awaited.
const LOOK_CLOSELY: Duration = Duration::from_millis(20);

/// How long a line from a script waits for the bot before the next one.
const BOT: Duration = Duration::from_secs(30);

/// Maximum number of conversations listed.
const LISTED: u64 = 9;

/// Typed lines longer than this may have been wrapped, and are not erased.
const SHORT: usize = 60;

/// The conversation to start with.
#[derive(Clone, Debug, Default)]
pub(super) struct Start {
    pub conversation: Option<String>,
    pub name: Option<String>,
    pub number: Option<String>,
}

/// A chat.
pub(super) struct Session {
    remote: Remote,
    output: Output,
    start: Start,
    /// The conversation, once there is one.
    conversation: Option<String>,
    history: History,
    /// The call_ids that were last listed.
    listed: Vec<String>,
    /// The text that was last written.
    written: Option<String>,
    /// Whether a person types and sees the output.
    is_terminal: bool,
    is_own_mock: bool,
    /// Whether the prompt must be shown again.
    needs_prompt: Cell<bool>,
    /// Whether a requested action failed.
    has_failed: bool,
}

impl Session {
    pub(super) fn new(remote: Remote, start: Start, is_own_mock: bool) -> Result<Self, CommandError> {
        Ok(Self {
            remote,
            output: crate::cli::standard_output()?,
            start,
            conversation: None,
            history: History::default(),
            listed: Vec::new(),
            written: None,
            is_terminal: std::io::stdin().is_terminal() && std::io::stdout().is_terminal(),
            is_own_mock,
            needs_prompt: Cell::new(true),
            has_failed: false,
        })
    }

    /// Runs until the input ends or the person leaves.
    pub(super) async fn run(mut self) -> Result<Exit, CommandError> {
        self.welcome().await?;
        let mut typed = lines::standard_input()?;
        let mut interrupted = Box::pin(crate::cli::interrupted());
        loop {
            self.prompt();
            let line = tokio::select! {
                line = typed.recv() => line,
                () = sleep(LOOK), if self.conversation.is_some() => {
                    self.look().await?;
                    continue;
                }
                () = &mut interrupted => return Ok(Exit::Interrupted),
            };
            let Some(line) = line else { break };
            let going = self.take(&line);
            let goes_on = tokio::select! {
                goes_on = going => goes_on?,
                () = &mut interrupted => return Ok(Exit::Interrupted),
            };
            if !goes_on {
                break;
            }
        }
        self.output.finish(None).map_err(crate::cli::cannot_print)?;
        // A person sees what is wrong; a script must be told by the exit code.
        Ok(if self.has_failed && !self.is_terminal { Exit::Failed } else { Exit::Ok })
    }

    async fn welcome(&mut self) -> Result<(), CommandError> {
        let of = if self.is_own_mock { "started for this chat: point your system there" } else { "running" };
        self.show(&format!("mock  {}  ({of})", self.remote.url()));
        match self.start.conversation.take() {
            Some(conversation) => self.enter(conversation).await?,
            None => {
                let chats = self.chats().await?;
                let others = match chats.len() {
                    0 => String::new(),
                    _ => "; /chats lists the existing ones".to_owned(),
                };
                self.show(&format!(
                    "Your first message begins a conversation{others}. /help lists the commands."
                ));
            }
        }
        Ok(())
    }

    /// Performs the action of a line. Returns whether the chat continues.
    async fn take(&mut self, text: &str) -> Result<bool, CommandError> {
        self.erase(text);
        let line = match Line::read(text) {
            Ok(line) => line,
            Err(error) => {
                self.wrong(&error.to_string());
                return Ok(true);
            }
        };
        match self.act(line).await {
            Ok(goes_on) => return Ok(goes_on),
            Err(RemoteError::Refused { message, .. }) => self.wrong(&message),
            Err(error) => return Err(error.into()),
        }
        Ok(true)
    }

    async fn act(&mut self, line: Line) -> Result<bool, RemoteError> {
        match line {
            Line::Nothing => {}
            Line::Quit => return Ok(false),
            Line::Help => self.show(HELP),
            Line::Write(text) => self.write(text).await?,
            Line::Again => match self.written.clone() {
                Some(text) => self.write(text).await?,
                None => self.wrong("you have not sent a message yet"),
            },
            Line::Press(option) => self.press(&option).await?,
            Line::Media { kind, name } => {
                let name = name.map(Value::from);
                let fields = json!({ "send": kind });
                self.user(name.map_or(fields.clone(), |name| json!({ "send": kind, "name": name }))).await?;
            }
            Line::Agent => self.user(json!({ "ask_for_agent": true })).await?,
            Line::OptOut => self.user(json!({ "opt_out": true })).await?,
            Line::Silent => {
                self.user(json!({ "fall_silent": true })).await?;
                self.show("                 · you do not respond any more");
            }
            Line::Chats => self.list().await?,
            Line::Chat(which) => {
                let listed = which.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
                let conversation = listed.and_then(|at| self.listed.get(at)).cloned().unwrap_or(which);
                self.enter(conversation).await?;
            }
            Line::New(name) => {
                (self.conversation, self.history) = (None, History::default());
                self.start = Start { name, ..Start::default() };
                self.show("Your next message begins another conversation.");
            }
            Line::Wait { whom, within } => self.wait(whom, within).await?,
        }
        Ok(true)
    }

    async fn write(&mut self, text: String) -> Result<(), RemoteError> {
        self.written = Some(text.clone());
        self.user(json!({ "write": text })).await
    }

    async fn press(&mut self, wanted: &str) -> Result<(), RemoteError> {
        if self.conversation.is_some() {
            self.look().await?;
        }
        let options = &self.history.options;
        let numbered = wanted.parse::<usize>().ok().and_then(|number| options.get(number.checked_sub(1)?));
        let named = || options.iter().find(|option| option.title.to_lowercase() == wanted.to_lowercase());
        let Some(option) = numbered.or_else(named).cloned() else {
            let titles: Vec<String> = (1..)
                .zip(options)
                .map(|(number, option)| format!("[{number}] {}", shorten(&option.title, 40)))
                .collect();
            let there = match titles.is_empty() {
                true => "there are no buttons or options".to_owned(),
                false => format!("choose from {}", titles.join(", ")),
            };
            self.wrong(&format!("there is no `{}` to press: {there}", shorten(wanted, 40)));
            return Ok(());
        };
        self.user(json!({ option.way: option.id })).await
    }

    /// Makes the person act. A conversation is opened if there is none.
    async fn user(&mut self, mut fields: Value) -> Result<(), RemoteError> {
        if self.history.is_over() {
            // Writing after the end opens a new conversation as the same person.
            (self.conversation, self.history) = (None, History::default());
        }
        let conversation = match &self.conversation {
            Some(conversation) => conversation.clone(),
            None => self.begin().await?,
        };
        fields["conversation"] = conversation.into();
        self.remote.ask("user", fields).await?;
        self.look().await?;
        if !self.is_terminal {
            self.wait_for_bot().await?;
        }
        Ok(())
    }

    async fn begin(&mut self) -> Result<String, RemoteError> {
        let Start { name, number, .. } = &self.start;
        let mut fields = json!({});
        for (key, value) in [("name", name), ("number", number)] {
            if let Some(value) = value {
                fields[key] = value.as_str().into();
            }
        }
        let begun = self.remote.ask("chat", fields).await?;
        let conversation = begun["conversation"].as_str().unwrap_or_default().to_owned();
        self.show(&format!(
            "conversation {}  number {}",
            visible(&conversation),
            visible(begun["number"].as_str().unwrap_or_default())
        ));
        self.start.number = begun["number"].as_str().map(str::to_owned);
        self.conversation = Some(conversation.clone());
        Ok(conversation)
    }

    async fn enter(&mut self, conversation: String) -> Result<(), RemoteError> {
        let view = self.fetch(&conversation).await?;
        let Chat { name, channel, user_id, phase, .. } = &view.chat;
        self.show(&format!(
            "conversation {}  {} ({}) on {}, {}",
            visible(&conversation),
            visible(name),
            visible(user_id),
            visible(channel),
            phase.as_str()
        ));
        self.start =
            Start { name: Some(name.clone()), number: Some(format!("+{user_id}")), conversation: None };
        (self.conversation, self.history) = (Some(conversation), History::default());
        self.show_new(&view);
        Ok(())
    }

    async fn chats(&self) -> Result<Vec<Chat>, RemoteError> {
        let listing = self.remote.ask("chats", json!({ "limit": LISTED })).await?;
        self.typed(listing["chats"].clone())
    }

    async fn list(&mut self) -> Result<(), RemoteError> {
        let chats = self.chats().await?;
        if chats.is_empty() {
            self.show("There are no conversations yet.");
        }
        for (number, chat) in (1..).zip(&chats) {
            let (name, last) = (shorten(&chat.name, 24), shorten(&chat.last, 40));
            let (user, phase) = (shorten(&chat.user_id, 20), chat.phase.as_str());
            self.show(&format!("[{number}] {name:<20} {user:<15} {phase:<8} {last}"));
        }
        self.listed = chats.into_iter().map(|chat| chat.conversation).collect();
        Ok(())
    }

    /// Fetches new messages and shows them.
    async fn look(&mut self) -> Result<(), RemoteError> {
        let Some(conversation) = self.conversation.clone() else { return Ok(()) };
        let view = match self.fetch(&conversation).await {
            // A new conversation exists once something was said in it.
            Err(RemoteError::Refused { status: 404, .. }) => return Ok(()),
            view => view?,
        };
        self.show_new(&view);
        Ok(())
    }

    fn show_new(&mut self, view: &ChatView) {
        for line in self.history.look(view) {
            self.show(&line);
        }
    }

    async fn fetch(&self, conversation: &str) -> Result<ChatView, RemoteError> {
        self.typed(self.remote.ask("chat-history", json!({ "conversation": conversation })).await?)
    }

    fn typed<T: serde::de::DeserializeOwned>(&self, value: Value) -> Result<T, RemoteError> {
        let url = || self.remote.url().to_owned();
        serde_json::from_value(value).map_err(|_| RemoteError::Other { url: url() })
    }

    /// Waits until the bot has finished replying.
    async fn wait_for_bot(&mut self) -> Result<(), RemoteError> {
        let until = Instant::now() + BOT;
        while self.history.is_awaited && Instant::now() < until {
            sleep(LOOK_CLOSELY).await;
            self.look().await?;
        }
        Ok(())
    }

    async fn wait(&mut self, whom: Whom, within: Duration) -> Result<(), RemoteError> {
        let until = Instant::now() + within;
        loop {
            self.look().await?;
            if self.history.has_come(whom) {
                return Ok(());
            }
            if Instant::now() >= until {
                let what = match whom {
                    Whom::Anybody => "there was no answer",
                    Whom::Bot => "the bot has not answered",
                    Whom::Agent => "no agent has answered",
                    Whom::End => "the conversation has not ended",
                };
                self.wrong(&format!("{what} within {}", HumanDuration(within)));
                return Ok(());
            }
            sleep(LOOK_CLOSELY).await;
        }
    }

    fn wrong(&mut self, message: &str) {
        self.has_failed = true;
        self.show(&format!("! {}", visible(message)));
    }

    /// Shows a line in place of the prompt.
    fn show(&self, line: &str) {
        let begin = if self.is_terminal { "\r\x1b[K" } else { "" };
        self.output.line(&format!("{begin}{line}"));
        self.needs_prompt.set(true);
    }

    fn prompt(&self) {
        if self.is_terminal && self.needs_prompt.take() {
            // A terminal that does not accept output is not an error.
            let _ = self.output.clone().write_all(b"\r\x1b[K> ");
        }
    }

    /// Erases the typed line, because it is shown as a message.
    fn erase(&self, text: &str) {
        self.needs_prompt.set(true);
        if self.is_terminal && text.chars().count() <= SHORT {
            let _ = self.output.clone().write_all(b"\x1b[1A\r\x1b[K");
        }
    }
}
