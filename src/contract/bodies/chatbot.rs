//! Callbacks of the chatbot family. All are signed.
//!
//! Two of them are known: `session.transfer` (documented) and `message.send` (example). The others are assumed in the
//! style of these two: `agent.transfer` follows the former, all others the latter. In every one, `event` holds the
//! name the catalog gives, so that settings can change it.

use serde::{Deserialize, Serialize};

pub use super::conversation::{EndReason, SendError, SessionStatus, User, UserRef};
use super::Fields;
use super::message::{Message, MessageStatus, TemplateInfo};

/// `session.transfer`, *Callback agent transfer request*: the robot asks for a human agent.
///
/// Documented, complete. The receiver answers HTTP 200 with `{}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionTransfer {
    /// `session.transfer`.
    pub event: String,
    /// `WhatsApp` in the example.
    pub channel: String,
    /// A string even when it is digits, as in `"3709"`.
    pub channel_id: String,
    /// Who asks.
    pub user: UserRef,
    /// What is asked for.
    pub transfer: Transfer,
}

/// What `session.transfer` asks for (documented).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// The business unit, `Indonesia` in the example.
    pub company: String,
    /// The conversation; may be empty.
    pub call_id: String,
}

/// `agent.transfer`, *\*Callback agent transfer request*: a conversation an agent holds is to pass to another one.
///
/// Assumed, after `session.transfer` and the system messages of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentTransfer {
    /// `agent.transfer`.
    pub event: String,
    /// The channel, for example `WhatsApp`.
    pub channel: String,
    /// The channel's id, a string even when it is digits.
    pub channel_id: String,
    /// Whose conversation it is.
    pub user: UserRef,
    /// From whom to whom.
    pub transfer: SeatTransfer,
}

/// From which agent to which a conversation passes (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeatTransfer {
    /// The business unit.
    pub company: String,
    /// The conversation.
    pub call_id: String,
    /// The agent who has it.
    pub from_seat_id: String,
    /// The agent who is to get it; empty if anyone may.
    pub to_seat_id: String,
}

/// `message.send`: the robot's messages, for a customer who owns the channel. One callback may carry several.
///
/// Example.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageSend {
    /// `message.send`.
    pub event: String,
    /// The conversation, 32 hex.
    pub call_id: String,
    /// The business unit.
    pub company: String,
    /// `chatbot` in the example.
    pub channel: String,
    /// The channel's id.
    pub channel_id: String,
    /// To whom the robot speaks.
    pub user: User,
    /// What it says; `sender_type` is `robot`.
    pub messages: Vec<Message>,
}

/// `message.receive`, *Callback message sent by user*: what the user says while the robot has the conversation.
///
/// Assumed, after `message.send`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageReceive {
    /// `message.receive`.
    pub event: String,
    /// The conversation, 32 hex.
    pub call_id: String,
    /// The business unit.
    pub company: String,
    /// The channel, for example `WhatsApp`.
    pub channel: String,
    /// The channel's id.
    pub channel_id: String,
    /// Who speaks.
    pub user: User,
    /// What the user says; `sender_type` is `user`.
    pub messages: Vec<Message>,
}

/// `agent.message`, *\*Callback messages sent by the user after transferring to agent*.
///
/// Assumed, after `message.send`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentMessage {
    /// `agent.message`.
    pub event: String,
    /// The conversation, 32 hex.
    pub call_id: String,
    /// The business unit.
    pub company: String,
    /// The channel, for example `WhatsApp`.
    pub channel: String,
    /// The channel's id.
    pub channel_id: String,
    /// Who speaks.
    pub user: User,
    /// The agent who has the conversation.
    pub seat_id: String,
    /// What the user says; `sender_type` is `user`.
    pub messages: Vec<Message>,
}

/// `message.status`, *Callback status change after the message is sent*.
///
/// Assumed, after `message.send`; the words of `status` are read off examples, but for that of failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageStatusChange {
    /// `message.status`.
    pub event: String,
    /// The conversation, 32 hex.
    pub call_id: String,
    /// The business unit.
    pub company: String,
    /// The channel, for example `WhatsApp`.
    pub channel: String,
    /// The channel's id.
    pub channel_id: String,
    /// To whom the message went.
    pub user: UserRef,
    /// The message.
    pub msg_id: String,
    /// How far it has come.
    pub status: MessageStatus,
    /// When it came so far, in Unix seconds.
    pub timestamp: i64,
    /// Why it failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<SendError>,
}

/// `agent.message_status`, *\*Callback status change after the agent message is sent*.
///
/// Assumed, like [`MessageStatusChange`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentMessageStatus {
    /// `agent.message_status`.
    pub event: String,
    /// The conversation, 32 hex.
    pub call_id: String,
    /// The business unit.
    pub company: String,
    /// The channel, for example `WhatsApp`.
    pub channel: String,
    /// The channel's id.
    pub channel_id: String,
    /// To whom the message went.
    pub user: UserRef,
    /// The agent who wrote it.
    pub seat_id: String,
    /// The message.
    pub msg_id: String,
    /// How far it has come.
    pub status: MessageStatus,
    /// When it came so far, in Unix seconds.
    pub timestamp: i64,
    /// Why it failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<SendError>,
}

/// `template.result`, *Callback template message sending result*: what came of a template message to one number.
///
/// Assumed, after `message.send`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateResult {
    /// `template.result`.
    pub event: String,
    /// What the sending call answered: all numbers of one call share it. 32 hex.
    pub task_id: String,
    /// The business unit.
    pub company: String,
    /// The channel, for example `WhatsApp`.
    pub channel: String,
    /// The channel's id.
    pub channel_id: String,
    /// To whom the message went.
    pub user: UserRef,
    /// Which template it was.
    pub template: TemplateInfo,
    /// The message; empty if none was made.
    pub msg_id: String,
    /// `send` or `failed`.
    pub status: MessageStatus,
    /// When, in Unix seconds.
    pub timestamp: i64,
    /// Why it failed, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<SendError>,
}

/// `template.reply`, *Callback single template message user response*: a pressed button or a written answer.
///
/// Assumed, after `message.send`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TemplateReply {
    /// `template.reply`.
    pub event: String,
    /// The conversation the answer opens, 32 hex.
    pub call_id: String,
    /// The business unit.
    pub company: String,
    /// The channel, for example `WhatsApp`.
    pub channel: String,
    /// The channel's id.
    pub channel_id: String,
    /// Who answers.
    pub user: User,
    /// Which template is answered.
    pub template: TemplateInfo,
    /// The answer; its `reply` is the template message.
    pub messages: Vec<Message>,
}

/// `session.end`, *Callback for session end event*.
///
/// Assumed, after `message.send` and the workflow's notice of an ended session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionEnd {
    /// `session.end`.
    pub event: String,
    /// The conversation, 32 hex.
    pub call_id: String,
    /// The business unit.
    pub company: String,
    /// The channel, for example `WhatsApp`.
    pub channel: String,
    /// The channel's id.
    pub channel_id: String,
    /// Whose conversation it was.
    pub user: UserRef,
    /// The agent who had it last, empty if none did.
    pub seat_id: String,
    /// `closed`.
    pub status: SessionStatus,
    /// When it began: `2025-04-15T06:41:00Z`.
    pub session_start_time: String,
    /// When it ended: `2025-04-15T06:41:00Z`.
    pub session_end_time: String,
    /// Who or what ended it.
    pub session_end_reason: EndReason,
    /// When it ended, in Unix seconds.
    pub timestamp: i64,
}

/// `session.report`, *Report after session ends*: what the conversation came to.
///
/// Assumed, after `message.send` and the workflow's notice of an ended session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionReport {
    /// `session.report`.
    pub event: String,
    /// The conversation, 32 hex.
    pub call_id: String,
    /// The business unit.
    pub company: String,
    /// The channel, for example `WhatsApp`.
    pub channel: String,
    /// The channel's id.
    pub channel_id: String,
    /// Whose conversation it was.
    pub user: User,
    /// The robot, digits in a string.
    pub robot_id: String,
    /// The agent who had it last, empty if none did.
    pub seat_id: String,
    /// `closed`.
    pub status: SessionStatus,
    /// When it began: `2025-04-15T06:41:00Z`.
    pub session_start_time: String,
    /// When it ended: `2025-04-15T06:41:00Z`.
    pub session_end_time: String,
    /// Who or what ended it.
    pub session_end_reason: EndReason,
    /// What the user wanted, one letter.
    pub intention: String,
    /// How often user and robot took turns.
    pub talk_round: i64,
    /// What the robot understood, name to text.
    pub ner_slots: Fields,
    /// Labels the robot set, name to text.
    pub event_label: Fields,
    /// The robot's variables, name to text.
    pub variables: Fields,
    /// When the report was made, in Unix seconds.
    pub timestamp: i64,
    /// The whole conversation, oldest first.
    pub messages: Vec<Message>,
}

/// `inbound.call_completed`, *Inbound Callback*: somebody called, and the call is over.
///
/// Assumed: the head after `message.send`, the facts after the calling family, in the letter case of this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboundCallCompleted {
    /// `inbound.call_completed`.
    pub event: String,
    /// The call, 32 hex.
    pub call_id: String,
    /// The business unit.
    pub company: String,
    /// The channel, assumed `voice`.
    pub channel: String,
    /// The channel's id.
    pub channel_id: String,
    /// Who called; the id is the number in E.164.
    pub user: UserRef,
    /// The number called, in E.164.
    pub callee: String,
    /// The robot that answered, digits in a string; empty if none did.
    pub robot_id: String,
    /// The agent the call was passed to, empty if none.
    pub seat_id: String,
    /// When it rang: `2025-04-15T06:41:00Z`.
    pub call_start_time: String,
    /// When it ended: `2025-04-15T06:41:00Z`.
    pub call_end_time: String,
    /// How long both sides talked, in seconds.
    pub talk_duration: i64,
    /// How often caller and robot took turns.
    pub talk_round: i64,
    /// Who hung up.
    pub hangup_type: String,
    /// What the caller wanted, one letter; `--` if unknown.
    pub intention: String,
    /// Where the recording is; empty if nobody talked.
    pub record_link: String,
    /// When the callback was made, in Unix seconds.
    pub timestamp: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_example_is_reproduced_byte_for_byte() {
        let body = SessionTransfer {
            event: "session.transfer".to_owned(),
            channel: "WhatsApp".to_owned(),
            channel_id: "3709".to_owned(),
            user: UserRef { id: "123".to_owned() },
            transfer: Transfer { company: "Indonesia".to_owned(), call_id: String::new() },
        };
        assert_eq!(
            serde_json::to_string_pretty(&body).unwrap().replace("  ", ""),
            concat!(
                "{\n\"event\": \"session.transfer\",\n\"channel\": \"WhatsApp\",\n\"channel_id\": \"3709\",\n",
                "\"user\": {\n\"id\": \"123\"\n},\n",
                "\"transfer\": {\n\"company\": \"Indonesia\",\n\"call_id\": \"\"\n}\n}"
            )
        );
    }
}
