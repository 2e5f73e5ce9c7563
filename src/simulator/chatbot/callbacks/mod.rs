//! The callbacks of conversations: the type of each body, and the code that generates it. All are signed.
//!
//! Two of them are known: `session.transfer` (documented) and `message.send` (example). The others are assumed in the style of
//! these two: `agent.transfer` is modelled on the former, all others on the latter. In each of them `event` holds the name from
//! the catalog.

mod inbound;
mod messages;
mod sessions;
mod statuses;

use rand::RngExt;
use schemars::JsonSchema;
use serde::Serialize;

use super::conversation::Conversation;
use super::four_digits;
use crate::content::asks;
use crate::content::dialogue::Dialogue;
use crate::contract::bodies::conversation::{User, UserRef};
use crate::contract::bodies::message::TemplateInfo;
use crate::simulator::endpoint::{CallbackShape, callbacks};

pub(super) use messages::{AgentMessage, MessageReceive, MessageSend, TemplateReply};
pub(super) use statuses::{MessageStatusChange, TemplateResult};

/// The callbacks of this family.
pub(in crate::simulator) const CALLBACKS: &[CallbackShape] = callbacks! {
    "template.result" => statuses::TemplateResult,
    "template.reply" => messages::TemplateReply,
    "session.transfer" => sessions::SessionTransfer,
    "message.status" => statuses::MessageStatusChange,
    "message.receive" => messages::MessageReceive,
    "agent.transfer" => sessions::AgentTransfer,
    "agent.message_status" => statuses::AgentMessageStatus,
    "agent.message" => messages::AgentMessage,
    "session.end" => sessions::SessionEnd,
    "session.report" => sessions::SessionReport,
    "message.send" => messages::MessageSend,
    "inbound.call_completed" => inbound::InboundCallCompleted,
};

/// Whether callbacks of an event belong to a chat. Those of inbound calls are of a call, whatever chatbot takes it.
pub(super) fn are_of_chats(event: &str) -> bool {
    event != "inbound.call_completed" && CALLBACKS.iter().any(|shape| shape.id == event)
}

/// The channel that a customer owns.
pub(super) const OWN_CHANNEL: &str = "chatbot";

/// What most callbacks of a conversation begin with.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct Head {
    /// The event.
    event: &'static str,
    /// The conversation: 32 hexadecimal digits.
    call_id: String,
    /// The business unit.
    company: String,
    /// The channel, for example `WhatsApp`; `chatbot` for one that the customer owns.
    channel: String,
    /// The id of the channel, a string even if it consists of digits.
    channel_id: String,
}

impl Head {
    fn of(event: &'static str, conversation: &Conversation) -> Self {
        Self {
            event,
            call_id: conversation.call_id.to_string(),
            company: conversation.company(),
            channel: conversation.channel.to_string(),
            channel_id: conversation.channel_id.to_string(),
        }
    }
}

/// Returns the template of a message if the account has none that may be sent.
fn unknown_template(conversation: &Conversation) -> TemplateInfo {
    TemplateInfo { id: 35, name: "payment_reminder".to_owned(), language: conversation.locale.to_owned() }
}

fn user(conversation: &Conversation) -> User {
    User { id: conversation.user_id.to_string(), name: conversation.name() }
}

fn user_ref(conversation: &Conversation) -> UserRef {
    UserRef { id: conversation.user_id.to_string() }
}

/// Returns the robot that has the conversation, as digits in a text (example).
fn robot_id(conversation: &Conversation) -> String {
    four_digits(&mut conversation.samples())
}

/// Returns the user's intention: the letter that the dialogue led to, or else that of the user's last clear statement.
fn intention(conversation: &mut Conversation) -> String {
    if let Some(script) = &conversation.script {
        return script.intention.as_deref().unwrap_or("--").to_owned();
    }
    let locale = conversation.locale;
    let wrote = conversation.messages.iter().rev().filter(|message| message.sender_type == "user");
    let topics = wrote.filter_map(|message| {
        let content = message.content.value();
        let text = content.get("text")?.as_str()?;
        asks::topic(text, asks::language(text, locale))
    });
    let bot = Dialogue::chat("bot");
    if let Some(letter) = topics.filter_map(|topic| bot?.intention(topic)).next() {
        return letter.to_owned();
    }
    // Nothing is known of the conversation.
    char::from(b'A' + conversation.rng.draw().random_range(0..5)).to_string()
}
