//! Callbacks about a conversation as a whole: its transfer, its end, its result.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Head, intention, robot_id, user, user_ref};
use crate::contract::bodies::conversation::{EndReason, SessionStatus, User, UserRef};
use crate::contract::bodies::message::Message;
use crate::contract::bodies::{Fields, utc_text};
use crate::contract::fields::Given;
use crate::simulator::Simulator;
use crate::simulator::chatbot::conversation::{Conversation, Phase};
use crate::simulator::chatbot::lead_up;
use crate::simulator::chatbot::seat::{next_seat, seat};
use crate::simulator::endpoint::{Generate, Wanted};
use crate::simulator::keys::ConversationKey;

/// `session.transfer`, *Callback agent transfer request*: a user needs a human agent. The receiver answers HTTP 200
/// with `{}` (documented).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct SessionTransfer {
    /// The event.
    event: &'static str,
    /// The channel, `WhatsApp` in the example.
    channel: String,
    /// The id of the channel, a string even if it consists of digits, as in `3709`.
    channel_id: String,
    /// Who asks.
    user: UserRef,
    /// The request for an agent.
    transfer: Transfer,
}

/// What `session.transfer` asks for (documented).
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Transfer {
    /// The business unit, `Indonesia` in the example.
    company: String,
    /// The conversation; may be empty.
    call_id: String,
}

impl Generate for SessionTransfer {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        let conversation = simulator.chatbot.conversations.get(key);
        Self {
            event: wanted.event,
            channel: conversation.channel.to_string(),
            channel_id: conversation.channel_id.to_string(),
            user: user_ref(conversation),
            transfer: Transfer { company: conversation.company(), call_id: conversation.call_id.to_string() },
        }
    }
}

/// `agent.transfer`, *\*Callback agent transfer request*: a conversation an agent holds is to pass to another one
/// (assumed).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct AgentTransfer {
    /// The event.
    event: &'static str,
    /// The channel, for example `WhatsApp`.
    channel: String,
    /// The id of the channel, a string even if it consists of digits.
    channel_id: String,
    /// The user of the conversation.
    user: UserRef,
    /// The previous and the next agent.
    transfer: SeatTransfer,
}

/// From which agent to which a conversation passes (assumed).
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct SeatTransfer {
    /// The business unit.
    company: String,
    /// The conversation: 32 hexadecimal digits.
    call_id: String,
    /// The agent who has it.
    from_seat_id: String,
    /// The agent who should get it; empty if any agent can.
    to_seat_id: String,
}

impl Generate for AgentTransfer {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        let conversation = simulator.chatbot.conversations.get(key);
        Self {
            event: wanted.event,
            channel: conversation.channel.to_string(),
            channel_id: conversation.channel_id.to_string(),
            user: user_ref(conversation),
            transfer: SeatTransfer {
                company: conversation.company(),
                call_id: conversation.call_id.to_string(),
                from_seat_id: seat(conversation),
                to_seat_id: next_seat(conversation),
            },
        }
    }
}

/// `session.end`, *Callback for session end event* (assumed).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct SessionEnd {
    #[serde(flatten)]
    head: Head,
    /// The user of the conversation.
    user: UserRef,
    /// The agent who had it last, empty if none did.
    seat_id: String,
    /// Its status: `closed`.
    status: SessionStatus,
    /// When it began: `2025-04-15T06:41:00Z`.
    session_start_time: String,
    /// When it ended: `2025-04-15T06:41:00Z`.
    session_end_time: String,
    /// Who or what ended it.
    session_end_reason: EndReason,
    /// When it ended, in Unix seconds.
    timestamp: i64,
}

impl Generate for SessionEnd {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        lead_up::chat(simulator, key, wanted.now);
        let conversation = simulator.chatbot.conversations.get(key);
        Self {
            head: Head::of(wanted.event, conversation),
            user: user_ref(conversation),
            seat_id: conversation.seat_id.to_string(),
            status: SessionStatus::Closed,
            session_start_time: utc_text(conversation.started),
            session_end_time: utc_text(wanted.now),
            session_end_reason: usual_end(conversation),
            timestamp: wanted.now.as_second(),
        }
    }
}

/// `session.report`, *Report after session ends*: what the conversation came to (assumed).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(super) struct SessionReport {
    #[serde(flatten)]
    head: Head,
    /// The user of the conversation.
    user: User,
    /// The robot, digits in a string.
    robot_id: String,
    /// The agent who had it last, empty if none did.
    seat_id: String,
    /// Its status: `closed`.
    status: SessionStatus,
    /// When it began: `2025-04-15T06:41:00Z`.
    session_start_time: String,
    /// When it ended: `2025-04-15T06:41:00Z`.
    session_end_time: String,
    /// Who or what ended it.
    session_end_reason: Given<EndReason>,
    /// What the user wanted: the letter that the dialogue led to, or `--` if unclear.
    intention: String,
    /// Number of turns of user and robot.
    talk_round: usize,
    /// What the robot understood, name to text.
    ner_slots: Fields,
    /// Labels the robot set, name to text.
    event_label: Fields,
    /// The robot's variables, name to text: from a workflow's row, from the texts of a template (`1`, `2`, ...) in a
    /// request, or from an answer of your own.
    variables: Fields,
    /// When the report was created, in Unix seconds.
    timestamp: i64,
    /// The whole conversation, oldest first.
    messages: Vec<Given<Message>>,
}

impl Generate for SessionReport {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        lead_up::chat(simulator, key, wanted.now);
        let conversation = simulator.chatbot.conversations.get_mut(key);
        let intention = intention(conversation);
        let (ner_slots, event_label) = match &conversation.script {
            Some(script) => (script.slots.clone(), script.labels.clone()),
            None => (Fields::new(), Fields::new()),
        };
        let messages = &conversation.messages;
        let (ended, reason) = match conversation.ended.as_deref() {
            // A story may have ended it for a reason of its own.
            Some((at, reason)) => (*at, Given::new(reason.as_str().into())),
            None => (wanted.now, usual_end(conversation).into()),
        };
        Self {
            head: Head::of(wanted.event, conversation),
            user: user(conversation),
            robot_id: robot_id(conversation),
            seat_id: conversation.seat_id.to_string(),
            status: SessionStatus::Closed,
            session_start_time: utc_text(conversation.started),
            session_end_time: utc_text(ended),
            session_end_reason: reason,
            intention,
            talk_round: messages.iter().filter(|message| message.sender_type == "user").count(),
            ner_slots,
            event_label,
            variables: conversation.overrides.variables.as_deref().cloned().unwrap_or_default(),
            timestamp: wanted.now.as_second(),
            messages: messages.iter().map(|message| messages.whole(message)).collect(),
        }
    }
}

fn usual_end(conversation: &Conversation) -> EndReason {
    if conversation.phase == Phase::Agent { EndReason::Seat } else { EndReason::Robot }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_example_is_reproduced_byte_for_byte() {
        let body = SessionTransfer {
            event: "session.transfer",
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
