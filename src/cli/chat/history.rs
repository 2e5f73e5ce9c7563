//! The content of the phone's screen: which lines are new since the last look at a conversation.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use serde::Deserialize;

use super::line::Whom;
use crate::cli::preview::shorten;
use crate::cli::terminal;
use crate::files::visible;

const DIM: Style = Style::new().dimmed();
const YOU: Style = AnsiColor::Green.on_default();
const BOT: Style = AnsiColor::Cyan.on_default();
const AGENT: Style = AnsiColor::Magenta.on_default().bold();
const READ: Style = AnsiColor::Blue.on_default();
const BAD: Style = AnsiColor::Red.on_default();

/// The indentation of further lines of a message.
const INDENT: &str = "                 ";

/// Maximum number of messages shown of a conversation that is entered.
const LATEST: usize = 20;

/// Maximum length of a line, in characters: a phone does not show a megabyte.
const LONGEST: usize = 2_000;

/// A conversation as the control surface returns it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ChatView {
    pub chat: Chat,
    pub ended: Option<String>,
    pub next: Option<String>,
    pub messages: Vec<Message>,
}

/// A conversation in short form.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Chat {
    pub conversation: String,
    pub channel: String,
    pub user_id: String,
    pub name: String,
    pub phase: Phase,
    pub seat_id: String,
    pub last: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Phase {
    #[default]
    Bot,
    Transfer,
    Agent,
    Closed,
}

impl Phase {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Bot => "bot",
            Self::Transfer => "asks for an agent",
            Self::Agent => "agent",
            Self::Closed => "ended",
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Message {
    pub msg_id: String,
    pub at: String,
    pub sender_type: String,
    pub seat_id: String,
    pub status: String,
    pub text: String,
    pub options: Vec<Choice>,
}

/// An option that can be pressed or chosen under a message.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Choice {
    /// The field of `user` that does it.
    pub way: String,
    pub id: String,
    pub title: String,
}

/// What was shown of a conversation so far.
#[derive(Debug, Default)]
pub(super) struct History {
    /// The last shown status of each message, by its id.
    shown: BTreeMap<String, String>,
    phase: Phase,
    /// The options that can be pressed.
    pub(super) options: Vec<Choice>,
    last_sender: Option<String>,
    /// Whether the bot, or the user played by the mock, will say something next.
    pub(super) is_awaited: bool,
}

impl History {
    /// Returns the new lines.
    pub(super) fn look(&mut self, view: &ChatView) -> Vec<String> {
        let mut lines = Vec::new();
        let known: Vec<&Message> =
            view.messages.iter().filter(|message| !self.shown.contains_key(&message.msg_id)).collect();
        let first = if self.shown.is_empty() { known.len().saturating_sub(LATEST) } else { 0 };
        if first > 0 {
            lines.push(format!("{DIM}… {first} earlier messages{DIM:#}"));
        }
        lines.extend(self.got_on(view));
        let passed = (self.phase != view.chat.phase).then(|| Self::passed(view));
        self.phase = view.chat.phase;
        let mut passed = passed.into_iter();
        for message in &known[first..] {
            // An agent takes over the conversation before the agent's first message.
            if self.phase == Phase::Agent && message.sender_type == "seat" {
                lines.extend(passed.next());
            }
            lines.push(drawn(message));
        }
        lines.extend(passed);
        for message in &view.messages {
            self.shown.insert(message.msg_id.clone(), message.status.clone());
        }
        self.is_awaited = view.next.is_some();
        self.last_sender = view.messages.last().map(|message| message.sender_type.clone());
        let offers = view.messages.iter().rev().find(|message| !message.options.is_empty());
        self.options = offers.map(|message| message.options.clone()).unwrap_or_default();
        lines
    }

    /// Whether the awaited message has arrived.
    pub(super) fn has_come(&self, whom: Whom) -> bool {
        let is = |sender: &str| self.last_sender.as_deref() == Some(sender);
        match whom {
            Whom::Anybody => self.last_sender.is_some() && !is("user"),
            Whom::Bot => is("robot"),
            Whom::Agent => is("seat"),
            Whom::End => self.phase == Phase::Closed,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// Returns a line for each new status of the messages shown before.
    fn got_on(&self, view: &ChatView) -> Vec<String> {
        let mut by_status: Vec<(&str, Vec<&Message>)> = Vec::new();
        for message in &view.messages {
            let Some(before) = self.shown.get(&message.msg_id) else { continue };
            if *before == message.status {
                continue;
            }
            match by_status.iter_mut().find(|(status, _)| *status == message.status) {
                Some((_, messages)) => messages.push(message),
                None => by_status.push((&message.status, vec![message])),
            }
        }
        let line = |(status, messages): (&str, Vec<&Message>)| {
            let what = match messages.as_slice() {
                [one] => format!("\"{}\"", shorten(&one.text, 40)),
                several => format!("{} messages", several.len()),
            };
            format!("{INDENT}{} {DIM}{what}{DIM:#}", tick(status))
        };
        by_status.into_iter().map(line).collect()
    }

    /// Describes who has the conversation now.
    fn passed(view: &ChatView) -> String {
        let text = match view.chat.phase {
            Phase::Transfer => {
                "an agent is requested: your system reports the agent with chatbot.agent_transfer_result"
                    .to_owned()
            }
            Phase::Agent => format!("agent {} has the conversation", visible(&view.chat.seat_id)),
            Phase::Bot => "no agent has the conversation any more: the bot continues".to_owned(),
            Phase::Closed => {
                let why = view.ended.as_deref().map(|why| format!(" ({})", visible(why))).unwrap_or_default();
                format!("the conversation has ended{why}; /new starts another one")
            }
        };
        format!("{INDENT}{DIM}· {text}{DIM:#}")
    }
}

/// Returns a message with its time, its author, its status, and its options.
fn drawn(message: &Message) -> String {
    let time = message.at.parse::<Timestamp>().map(|at| terminal::time_of_day(at, false));
    let time = time.unwrap_or_default();
    let (style, who) = match message.sender_type.as_str() {
        "user" => (YOU, "you"),
        "robot" | "chatbot" => (BOT, "bot"),
        "seat" => (AGENT, "agent"),
        other => (DIM, other),
    };
    let seat = match message.seat_id.as_str() {
        "" => String::new(),
        seat => format!("{DIM}({}){DIM:#} ", shorten(seat, 40)),
    };
    let who = shorten(who, 8);
    let mut text: String = message.text.chars().take(LONGEST).collect();
    if text.len() < message.text.len() {
        let _ = write!(text, "… ({} more characters)", message.text.chars().count() - LONGEST);
    }
    let text = visible(&text).replace('\n', &format!("\n{INDENT}"));
    let mut line =
        format!("{DIM}{time}{DIM:#}  {style}{who:<5}{style:#}  {seat}{text}  {}", tick(&message.status));
    for (number, option) in (1..).zip(&message.options) {
        let _ = write!(line, "\n{INDENT}[{number}] {}", shorten(&option.title, 80));
    }
    line
}

/// Returns the mark of a message's status.
fn tick(status: &str) -> String {
    match status {
        "send" => format!("{DIM}✓{DIM:#}"),
        "delivery" => format!("{DIM}✓✓{DIM:#}"),
        "read" => format!("{READ}✓✓ read{READ:#}"),
        other => format!("{BAD}✗ {}{BAD:#}", visible(other)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn message(msg_id: &str, sender: &str, status: &str, text: &str) -> Value {
        json!({
            "msg_id": msg_id, "at": "2030-01-01T10:00:05Z", "sender_type": sender, "seat_id": "", "status": status,
            "text": text, "options": [],
        })
    }

    fn view(phase: &str, messages: &[Value]) -> ChatView {
        let chat = json!({
            "conversation": "c", "channel": "WhatsApp", "user_id": "62", "name": "Dinda", "phase": phase,
            "seat_id": "s7", "last": "",
        });
        let view = json!({ "chat": chat, "ended": null, "next": null, "messages": messages });
        serde_json::from_value(view).unwrap()
    }

    /// Returns the new lines without colours.
    fn looked(history: &mut History, view: &ChatView) -> Vec<String> {
        let lines = history.look(view);
        lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn a_look_shows_what_is_new() {
        let mut history = History::default();
        let mut question = message("2", "robot", "send", "Well?\nTell me");
        question["options"] = json!([{ "way": "choose", "id": "x", "title": "Tea" }]);
        let hello = message("1", "user", "delivery", "hello");
        assert_eq!(
            looked(&mut history, &view("bot", &[hello.clone(), question])),
            [
                "10:00:05  you    hello  ✓✓",
                "10:00:05  bot    Well?\n                 Tell me  ✓\n                 [1] Tea"
            ]
        );
        assert_eq!((history.options.len(), history.has_come(Whom::Bot)), (1, true));
        let question = message("2", "robot", "read", "Well?");
        let mut agent = message("3", "seat", "failed", "Hi");
        agent["seat_id"] = "s7".into();
        assert_eq!(
            looked(&mut history, &view("agent", &[hello, question, agent])),
            [
                "                 ✓✓ read \"Well?\"",
                "                 · agent s7 has the conversation",
                "10:00:05  agent  (s7) Hi  ✗ failed"
            ]
        );
        assert!(
            history.has_come(Whom::Agent) && history.has_come(Whom::Anybody) && !history.has_come(Whom::End)
        );
    }

    #[test]
    fn what_a_terminal_obeys_is_shown_and_long_texts_are_cut() {
        let mut history = History::default();
        let bad = message("1", "\u{1b}[2J", "\u{7}", "\u{1b}]0;title\u{7}\u{202e}a");
        let long = message("2", "user", "read", &"x".repeat(1 << 20));
        let lines = history.look(&view("bot", &[bad, long])).join("\n");
        // The only remaining escapes are the colours.
        assert!(!lines.contains("\u{1b}]") && !lines.contains("\u{1b}[2J") && !lines.contains('\u{202e}'));
        assert!(
            lines.contains("\\u{1b}]0;title\\u{7}\\u{202e}a") && lines.contains("(1046576 more characters)")
        );
    }

    #[test]
    fn of_a_long_conversation_the_end_is_shown() {
        let messages: Vec<Value> =
            (0..50).map(|number| message(&number.to_string(), "user", "read", "m")).collect();
        let lines = looked(&mut History::default(), &view("bot", &messages));
        assert_eq!((lines.len(), lines[0].as_str()), (21, "… 30 earlier messages"));
    }
}
