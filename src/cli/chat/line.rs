//! The meaning of a typed line.

use std::time::Duration;

use crate::files::suggest::{did_you_mean, nearest};
use crate::time::HumanDuration;

/// Default duration of `/wait`.
const WAIT: Duration = Duration::from_secs(10);

/// The text of `/help`.
pub(super) const HELP: &str = "\
Every line you type is sent as a message. Commands:
  /press 1        press the button, or choose the option, with this number or label
  /media          send a picture; /media video, audio or file NAME
  /agent          ask for an agent
  /silent         do not respond any more, until your next input
  /optout         opt out of further messages
  /again          send the last message again
  /chats          list the conversations; /chat 2 switches to the second
  /new            start another conversation; /new NAME with this user name
  /wait           wait up to 10s for an answer; /wait bot, /wait agent, /wait end 30s
  /help, /quit    show this help; leave (or Ctrl-D)
To send a message that begins with a slash, type two: //hello.";

/// All commands, which begin with a slash.
const COMMANDS: [&str; 12] = [
    "/press", "/media", "/agent", "/silent", "/optout", "/again", "/chats", "/chat", "/new", "/wait",
    "/quit", "/help",
];

/// A typed line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    Write(String),
    /// A number or a label.
    Press(String),
    Media {
        kind: String,
        name: Option<String>,
    },
    Agent,
    Silent,
    OptOut,
    Again,
    Chats,
    /// A number of the list, or a call_id.
    Chat(String),
    New(Option<String>),
    Wait {
        whom: Whom,
        within: Duration,
    },
    Help,
    Quit,
    /// An empty line.
    Nothing,
}

/// Whose message is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whom {
    Anybody,
    Bot,
    Agent,
    /// The end of the conversation.
    End,
}

/// Why a typed line is invalid.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LineError {
    #[error("there is no {command}{near} (/help lists the commands; /{command} sends it as a message)")]
    Unknown { command: String, near: String },
    #[error("{0} needs {1}")]
    Needs(&'static str, &'static str),
    #[error("/media sends image, video, audio or file, not {0}")]
    Kind(String),
    #[error("/wait takes bot, agent or end, and a time: /wait agent 30s, not {0}")]
    Wait(String),
}

impl Line {
    pub(super) fn read(text: &str) -> Result<Self, LineError> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self::Nothing);
        }
        if let Some(written) = text.strip_prefix("//") {
            return Ok(Self::Write(format!("/{written}")));
        }
        if !text.starts_with('/') {
            return Ok(Self::Write(text.to_owned()));
        }
        let (command, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rest = Some(rest.trim()).filter(|rest| !rest.is_empty()).map(str::to_owned);
        Ok(match command {
            "/press" => Self::Press(rest.ok_or(LineError::Needs("/press", "a number or a label: /press 1"))?),
            "/media" => media(rest.as_deref().unwrap_or("image"))?,
            "/agent" => Self::Agent,
            "/silent" => Self::Silent,
            "/optout" => Self::OptOut,
            "/again" => Self::Again,
            "/chats" => Self::Chats,
            "/chat" => {
                Self::Chat(rest.ok_or(LineError::Needs("/chat", "a number of /chats or a call_id: /chat 1"))?)
            }
            "/new" => Self::New(rest),
            "/wait" => wait(rest.as_deref().unwrap_or_default())?,
            "/quit" | "/q" | "/exit" => Self::Quit,
            "/help" | "/h" | "/?" => Self::Help,
            other => {
                let near = did_you_mean(nearest(other, COMMANDS));
                return Err(LineError::Unknown { command: other.to_owned(), near });
            }
        })
    }
}

fn media(words: &str) -> Result<Line, LineError> {
    let (kind, name) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
    if !["image", "video", "audio", "file"].contains(&kind) {
        return Err(LineError::Kind(kind.to_owned()));
    }
    let name = Some(name.trim()).filter(|name| !name.is_empty()).map(str::to_owned);
    Ok(Line::Media { kind: kind.to_owned(), name })
}

fn wait(words: &str) -> Result<Line, LineError> {
    let (mut whom, mut within) = (Whom::Anybody, WAIT);
    for word in words.split_whitespace() {
        match word {
            "bot" => whom = Whom::Bot,
            "agent" => whom = Whom::Agent,
            "end" => whom = Whom::End,
            other => {
                let length: HumanDuration = other.parse().map_err(|_| LineError::Wait(other.to_owned()))?;
                within = length.0;
            }
        }
    }
    Ok(Line::Wait { whom, within })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_messages_unless_they_begin_with_a_slash() {
        for (text, line) in [
            (" hello there ", Line::Write("hello there".into())),
            ("//press 1", Line::Write("/press 1".into())),
            ("", Line::Nothing),
            ("/press 1", Line::Press("1".into())),
            ("/press Track my order", Line::Press("Track my order".into())),
            ("/media", Line::Media { kind: "image".into(), name: None }),
            ("/media file a b.pdf", Line::Media { kind: "file".into(), name: Some("a b.pdf".into()) }),
            ("/new Dinda", Line::New(Some("Dinda".into()))),
            ("/new", Line::New(None)),
            ("/wait", Line::Wait { whom: Whom::Anybody, within: WAIT }),
            ("/wait agent 2s", Line::Wait { whom: Whom::Agent, within: Duration::from_secs(2) }),
            ("/q", Line::Quit),
        ] {
            assert_eq!(Line::read(text), Ok(line), "{text}");
        }
        for (text, says) in [
            (
                "/pres 1",
                "there is no /pres, did you mean `/press`? (/help lists the commands; //pres sends it as a message)",
            ),
            ("/press", "/press needs a number or a label: /press 1"),
            ("/wait long", "/wait takes bot, agent or end, and a time: /wait agent 30s, not long"),
            ("/media cat", "/media sends image, video, audio or file, not cat"),
        ] {
            assert_eq!(Line::read(text).unwrap_err().to_string(), says);
        }
        for command in COMMANDS {
            let words = HELP.split(|letter: char| letter.is_whitespace() || [';', ','].contains(&letter));
            assert!(words.into_iter().any(|word| word == command), "/help says nothing of {command}");
        }
    }
}
