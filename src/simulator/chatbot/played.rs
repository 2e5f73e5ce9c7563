//! A person played from outside, by a test or a page, in place of the user that the mock plays: the person's actions in a chat
//! on WhatsApp. The consequences are the same as for any user: callbacks, the bot's answers, transfers.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::callbacks::{AgentMessage, MessageReceive, TemplateReply};
use super::campaign::{self, Thread};
use super::conversation::{Conversation, Overrides, Phase};
use super::messages::Reply;
use super::recipients::country;
use super::script::Script;
use super::{DEFAULT_CHANNEL, channel, question, turns, waba};
use crate::content::dialogue::Dialogue;
use crate::contract::fields::{Given, shown};
use crate::simulator::keys::ConversationKey;
use crate::simulator::{AccountKey, Simulator};

/// A person who begins a chat with a customer.
#[derive(Clone, Debug)]
pub struct NewChat {
    /// The customer's account.
    pub account: AccountKey,
    /// The customer's channel: one of its WhatsApp business accounts. Default: the first one.
    pub channel_id: Option<String>,
    /// The digits of the person's number, which determine the person's country.
    pub number: u64,
    /// The person's name. Default: drawn.
    pub name: Option<String>,
}

/// An action of a person in a chat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatAct {
    /// Writes a text.
    Write(String),
    /// Presses the button with this label of a template message.
    Press(String),
    /// Chooses the option with this title or id of the question that was asked last.
    Choose(String),
    /// Sends a file.
    Send {
        /// The kind of file.
        kind: FileKind,
        /// Its URL. Default: a picture of the mock.
        url: Option<String>,
        /// Its name.
        name: Option<String>,
    },
    /// Asks for a person, in the language of the conversation.
    AskForAgent,
    /// Says nothing more until the next action.
    FallSilent,
    /// Opts out of messages.
    OptOut,
}

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A picture.
    Image,
    /// A video.
    Video,
    /// A voice note or music.
    Audio,
    /// A document.
    File,
}

impl FileKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::File => "file",
        }
    }
}

/// Why an action is not possible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChatError {
    /// The account has no such channel.
    #[error("the account has no channel {0}; its channels are {1}")]
    NoChannel(String, String),
    /// There is no such conversation.
    #[error("there is no conversation with call_id {0}")]
    NoConversation(String),
    /// The conversation is over.
    #[error("the conversation has ended: start another one")]
    Ended,
    /// No agent has the conversation.
    #[error("no agent has the conversation: one has it after a transfer was requested and accepted")]
    NoAgent,
    /// The customer owns the channel and sends the users' messages.
    #[error("on a channel that the customer owns, the customer's system sends what users write")]
    OwnChannel,
    /// No template message has such a button.
    #[error("no template message of this conversation has a button {0}, {1}")]
    NoButton(String, String),
    /// The last question has no such option.
    #[error("the last message offers no option {0}, {1}")]
    NoOption(String, String),
}

/// Lists the existing ones in place of what was named.
fn known<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for name in names {
        let _ = write!(text, "{}{}", if text.is_empty() { "there are " } else { ", " }, shown(&name.into()));
    }
    if text.is_empty() { "there is none".to_owned() } else { text }
}

/// A statement of a person: its content, and what it replies to.
type Said = (Value, Option<Reply>);

impl Simulator {
    /// Lets a person begin a chat, which starts with the first message. Returns the id of the conversation.
    ///
    /// # Errors
    ///
    /// If the account has no such channel.
    pub fn begin_chat(&mut self, chat: NewChat, now: Timestamp) -> Result<String, ChatError> {
        self.context.begin(None, now);
        let channels = waba::of_account(&self.context, chat.account);
        let wanted = |waba: &&waba::Waba| chat.channel_id.as_ref().is_none_or(|id| *id == waba.channel_id);
        let Some(waba) = channels.iter().find(wanted) else {
            let named = shown(&chat.channel_id.unwrap_or_default().into());
            let known = channels.iter().map(|waba| waba.channel_id.as_str()).collect::<Vec<_>>().join(", ");
            return Err(ChatError::NoChannel(named, known));
        };
        let name: Option<Box<str>> = chat.name.map(Into::into);
        let overrides = Overrides {
            company: Some(waba.company.as_str().into()),
            text_company: Some(waba.company.as_str().into()),
            phone: Some(chat.number),
            text_name: name.clone(),
            name,
            ..Overrides::default()
        };
        let thread = Thread {
            account: chat.account,
            country: country(chat.number),
            channel: DEFAULT_CHANNEL.into(),
            channel_id: waba.channel_id.as_str().into(),
            user_id: chat.number.into(),
            overrides,
        };
        let key = thread.begin(self, now);
        let conversation = self.chatbot.conversations.get_mut(key);
        take_over(conversation);
        Ok(conversation.call_id.to_string())
    }

    /// Lets a person act in a chat, from now on in place of the user that the mock plays.
    ///
    /// # Errors
    ///
    /// If there is no such conversation, if it has ended, or if there is nothing to press or choose.
    pub fn act(&mut self, call_id: &str, act: &ChatAct, now: Timestamp) -> Result<(), ChatError> {
        self.context.begin(None, now);
        let key = self.chatbot.conversations.by_call_id(call_id);
        let key = key.ok_or_else(|| ChatError::NoConversation(shown(&call_id.into())))?;
        let conversation = self.chatbot.conversations.get_mut(key);
        if conversation.phase == Phase::Closed {
            return Err(ChatError::Ended);
        }
        if conversation.is_on_own_channel {
            return Err(ChatError::OwnChannel);
        }
        let said = match act {
            ChatAct::Press(label) => Some(pressed(conversation, label)?),
            ChatAct::Choose(option) => {
                Some(question::chosen_by(conversation, option).map_err(|offered| {
                    ChatError::NoOption(
                        shown(&option.as_str().into()),
                        known(offered.iter().map(String::as_str)),
                    )
                })?)
            }
            _ => None,
        };
        take_over(conversation);
        let text = |text: String| (json!({ "type": "text", "text": text }), None);
        let said: Said = match (act, said) {
            (_, Some(said)) => said,
            (ChatAct::FallSilent, _) => return Ok(()),
            (ChatAct::Send { kind, url, name }, _) => {
                let public_url = &self.context.behaviour.public_url;
                let media = &mut self.chatbot.media;
                let url = url.clone().unwrap_or_else(|| format!("{public_url}{}", media.picture()));
                let mut media = json!({ "origin_url": url });
                if let Some(name) = name {
                    media["name"] = name.as_str().into();
                }
                (json!({ "type": kind.as_str(), "media": media }), None)
            }
            (ChatAct::AskForAgent, _) => text(turns::text(conversation, "ask_for_agent")),
            (ChatAct::OptOut, _) => text(turns::text(conversation, "opt_out")),
            (ChatAct::Write(words) | ChatAct::Press(words) | ChatAct::Choose(words), _) => {
                text(words.clone())
            }
        };
        say(self, key, said, *act == ChatAct::OptOut, now);
        Ok(())
    }
}

/// Lets the person say something, and the bot or the agent answers.
fn say(
    simulator: &mut Simulator,
    key: ConversationKey,
    (content, reply): Said,
    opts_out: bool,
    now: Timestamp,
) {
    let body = json!({ "messages": [{ "content": content, "sender_type": "user" }] });
    let conversation = simulator.chatbot.conversations.get(key);
    let opts_out = opts_out || super::apply_event::opts_out(conversation, "message.receive", &body);
    let (phase, channel_id, user_id) =
        (conversation.phase, conversation.channel_id.clone(), conversation.user_id.clone());
    if opts_out {
        simulator.chatbot.campaigns.opt_out(&channel_id, &user_id);
    }
    let replied = campaign::replied(simulator, key);
    let message = turns::user_writes(simulator, key, content.clone(), reply, now);
    let callback = match (phase, replied) {
        (Phase::Agent, _) => turns::emit_message(simulator, key, "agent.message", message, AgentMessage::of),
        (_, Some(info)) => {
            turns::emit_message(simulator, key, "template.reply", message, |conversation, messages| {
                TemplateReply::of(conversation, info, messages)
            })
        }
        (_, None) => turns::emit_message(simulator, key, "message.receive", message, MessageReceive::of),
    };
    if let Some(callback) = callback {
        simulator.context.send_of_conversation(callback);
    }
    if opts_out {
        return turns::take(simulator, key, "stop", now);
    }
    channel::answer(simulator, key, &[Given::new(content)], now);
}

/// Silences the mock's user, since the person speaks instead.
fn take_over(conversation: &mut Conversation) {
    if let Some(scheduled) = &mut conversation.scheduled {
        scheduled.messages.clear();
        scheduled.asks_for_agent = None;
    }
    if conversation.is_played() {
        return;
    }
    let intention = conversation.script.take().and_then(|script| script.intention);
    conversation.script = Dialogue::chat("bot").map(|dialogue| {
        let script = Script::new(dialogue, 0);
        Box::new(Script { is_played: true, intention, ..script })
    });
}

/// Returns the press of a button of the latest template message that has it.
fn pressed(conversation: &Conversation, label: &str) -> Result<Said, ChatError> {
    let mut labels = Vec::new();
    for (place, message) in conversation.messages.iter().enumerate().rev() {
        let content = message.content.value();
        let buttons = content.pointer("/template/content/button").and_then(Value::as_array);
        let of_message = buttons.into_iter().flatten().filter_map(|button| button["text"].as_str());
        labels.extend(of_message.map(str::to_owned));
        if labels.iter().any(|known| known == label) {
            let reply = u32::try_from(place).ok().map(Reply::Whole);
            return Ok((json!({ "type": "button", "text": label }), reply));
        }
    }
    Err(ChatError::NoButton(shown(&label.into()), known(labels.iter().map(String::as_str))))
}
