//! Callbacks that report the status of a message.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Head, unknown_template, user_ref};
use crate::contract::bodies::conversation::{SendError, UserRef};
use crate::contract::bodies::message::{MessageStatus, TemplateInfo};
use crate::seed;
use crate::simulator::Simulator;
use crate::simulator::chatbot::conversation::Conversation;
use crate::simulator::chatbot::lead_up;
use crate::simulator::chatbot::seat::seat;
use crate::simulator::endpoint::{Generate, Wanted};
use crate::simulator::keys::ConversationKey;

/// `message.status`, *Callback status change after the message is sent* (assumed).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::simulator::chatbot) struct MessageStatusChange {
    #[serde(flatten)]
    head: Head,
    /// The recipient.
    user: UserRef,
    /// The message.
    msg_id: String,
    /// Its status; all words except `failed` are taken from examples.
    status: MessageStatus,
    /// When it reached this status, in Unix seconds.
    timestamp: i64,
    /// Why it failed, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<SendError>,
}

impl MessageStatusChange {
    pub(in crate::simulator::chatbot) fn of(
        conversation: &Conversation,
        msg_id: String,
        status: MessageStatus,
        at: Timestamp,
    ) -> Self {
        Self {
            head: Head::of("message.status", conversation),
            user: user_ref(conversation),
            msg_id,
            status,
            timestamp: at.as_second(),
            error: None,
        }
    }
}

impl Generate for MessageStatusChange {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        let conversation = simulator.chatbot.conversations.get_mut(key);
        let (msg_id, status) = next_status(conversation);
        Self::of(conversation, msg_id, status, wanted.now)
    }
}

/// `agent.message_status`, *\*Callback status change after the agent message is sent* (assumed).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct AgentMessageStatus {
    #[serde(flatten)]
    head: Head,
    /// The recipient.
    user: UserRef,
    /// The agent who wrote it.
    seat_id: String,
    /// The message.
    msg_id: String,
    /// Its status; all words except `failed` are taken from examples.
    status: MessageStatus,
    /// When it reached this status, in Unix seconds.
    timestamp: i64,
    /// Why it failed, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<SendError>,
}

impl Generate for AgentMessageStatus {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        let conversation = simulator.chatbot.conversations.get_mut(key);
        let (msg_id, status) = next_status(conversation);
        Self {
            head: Head::of(wanted.event, conversation),
            user: user_ref(conversation),
            seat_id: seat(conversation),
            msg_id,
            status,
            timestamp: wanted.now.as_second(),
            error: None,
        }
    }
}

/// `template.result`, *Callback template message sending result*: what came of a template message to one number
/// (assumed).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(in crate::simulator::chatbot) struct TemplateResult {
    /// The event.
    pub(in crate::simulator::chatbot) event: &'static str,
    /// The task id from the response to the send request; all numbers of one request share it. 32 hexadecimal digits.
    pub(in crate::simulator::chatbot) task_id: String,
    /// The business unit.
    pub(in crate::simulator::chatbot) company: String,
    /// The channel, for example `WhatsApp`.
    pub(in crate::simulator::chatbot) channel: String,
    /// The id of the channel, a string even if it consists of digits.
    pub(in crate::simulator::chatbot) channel_id: String,
    /// The recipient.
    pub(in crate::simulator::chatbot) user: UserRef,
    /// The template.
    pub(in crate::simulator::chatbot) template: TemplateInfo,
    /// The message; empty if none was created.
    pub(in crate::simulator::chatbot) msg_id: String,
    /// Its status: `send` or `failed`.
    pub(in crate::simulator::chatbot) status: MessageStatus,
    /// When it reached this status, in Unix seconds.
    pub(in crate::simulator::chatbot) timestamp: i64,
    /// Why it failed, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::simulator::chatbot) error: Option<SendError>,
}

impl Generate for TemplateResult {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        let chosen = lead_up::template(simulator, simulator.chatbot.conversations.get(key));
        let conversation = simulator.chatbot.conversations.get_mut(key);
        let task_id = seed::hex32(&mut conversation.rng.draw());
        let template = chosen.map_or_else(|| unknown_template(conversation), |chosen| chosen.info());
        let msg_id = seed::hex32(&mut conversation.rng.draw());
        Self {
            event: wanted.event,
            task_id,
            company: conversation.company(),
            channel: conversation.channel.to_string(),
            channel_id: conversation.channel_id.to_string(),
            user: user_ref(conversation),
            template,
            msg_id,
            status: MessageStatus::Send,
            timestamp: wanted.now.as_second(),
            error: None,
        }
    }
}

/// Returns the next status of the last message to the user, or of a made-up one.
fn next_status(conversation: &mut Conversation) -> (String, MessageStatus) {
    match conversation.messages.iter().rev().find(|message| message.sender_type != "user") {
        Some(message) => {
            let next = match &*message.status {
                "send" => MessageStatus::Delivery,
                "delivery" | "read" => MessageStatus::Read,
                _ => MessageStatus::Send,
            };
            (message.msg_id.to_string(), next)
        }
        None => (seed::hex32(&mut conversation.rng.draw()), MessageStatus::Delivery),
    }
}
