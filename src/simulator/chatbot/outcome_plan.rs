//! The result of a template message, and its user's reaction: forced by a test, or drawn. All of it is assumed.

use rand::RngExt;

use crate::contract::bodies::conversation::SendError;
use crate::contract::bodies::message::MessageStatus;
use crate::seed::Rng;
use crate::simulator::outcome::ChatOutcome;
pub(super) use crate::simulator::outcome::MessageFailure as Failure;

/// The way in which a user replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// A press of a button, counted from 0, or words if there is no such button.
    Button(usize),
    Text,
    Agent,
    Media,
    Stop,
}

impl Failure {
    /// Returns the error for callbacks and queries.
    pub(super) fn error(self) -> SendError {
        error_of(self)
    }
}

/// Returns the error of a failed message for callbacks and queries.
pub(in crate::simulator) fn error_of(failure: Failure) -> SendError {
    let (code, reason) = match failure {
        Failure::NotOnWhatsApp => (1001, "the number is not on WhatsApp"),
        Failure::OptedOut => (1002, "the user wants no messages"),
    };
    SendError { code, reason: reason.to_owned() }
}

/// The planned result of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct OutcomePlan {
    pub(super) fails: Option<Failure>,
    /// The last status that it reaches.
    pub(super) until: MessageStatus,
    pub(super) reply: Option<Reply>,
    pub(super) is_late: bool,
    pub(super) is_once: bool,
}

/// Returns how far an agent's message gets: as forced by a test, or else all the way.
pub(super) fn reach(mock_outcome: Option<ChatOutcome>) -> (Option<Failure>, MessageStatus) {
    match mock_outcome {
        Some(ChatOutcome::Unregistered) => (Some(Failure::NotOnWhatsApp), MessageStatus::Failed),
        Some(ChatOutcome::OptedOut) => (Some(Failure::OptedOut), MessageStatus::Failed),
        Some(ChatOutcome::Blocked) => (None, MessageStatus::Send),
        Some(ChatOutcome::Unread) => (None, MessageStatus::Delivery),
        _ => (None, MessageStatus::Read),
    }
}

/// Returns the result of a message: forced by a test, or drawn.
pub(super) fn outcome_plan(mock_outcome: Option<ChatOutcome>, rng: &mut Rng) -> OutcomePlan {
    use MessageStatus::{Delivery, Read, Send};
    let usual = OutcomePlan { fails: None, until: Read, reply: None, is_late: false, is_once: false };
    let replies = |reply| OutcomePlan { reply: Some(reply), ..usual };
    match mock_outcome {
        Some(ChatOutcome::Unregistered) => OutcomePlan { fails: Some(Failure::NotOnWhatsApp), ..usual },
        Some(ChatOutcome::OptedOut) => OutcomePlan { fails: Some(Failure::OptedOut), ..usual },
        Some(ChatOutcome::Blocked) => OutcomePlan { until: Send, ..usual },
        Some(ChatOutcome::Unread) => OutcomePlan { until: Delivery, ..usual },
        Some(ChatOutcome::Silent) => usual,
        Some(ChatOutcome::Button(number)) => replies(Reply::Button(usize::from(number.max(1) - 1))),
        Some(ChatOutcome::Agent) => replies(Reply::Agent),
        Some(ChatOutcome::Media) => replies(Reply::Media),
        Some(ChatOutcome::Late) => OutcomePlan { is_late: true, ..replies(Reply::Text) },
        Some(ChatOutcome::OptsOut) => replies(Reply::Stop),
        Some(ChatOutcome::Text) => replies(Reply::Text),
        Some(ChatOutcome::Once) => OutcomePlan { is_once: true, ..replies(Reply::Text) },
        // The usual mix, in hundredths.
        None => match rng.random_range(0..100) {
            0..3 => OutcomePlan { fails: Some(Failure::NotOnWhatsApp), ..usual },
            3..5 => OutcomePlan { until: Send, ..usual },
            5..15 => OutcomePlan { until: Delivery, ..usual },
            15..65 => usual,
            65..80 => replies(Reply::Button(0)),
            80..86 => replies(Reply::Button(1)),
            86..93 => replies(Reply::Text),
            93..95 => replies(Reply::Agent),
            95..97 => replies(Reply::Media),
            97..98 => replies(Reply::Stop),
            98..99 => OutcomePlan { is_once: true, ..replies(Reply::Text) },
            _ => OutcomePlan { is_late: true, ..replies(Reply::Text) },
        },
    }
}
