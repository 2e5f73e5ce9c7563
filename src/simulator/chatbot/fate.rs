//! What becomes of a template message and what its user does about it: as a test wishes, or drawn. All of it is assumed.

use rand::RngExt;

use crate::contract::bodies::chatbot::SendError;
use crate::contract::bodies::message::MessageStatus;
use crate::seed::Rng;
use crate::simulator::outcome::ChatOutcome;

/// How a user replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// By a button, counted from 0; in words if there is none.
    Button(usize),
    Text,
    Agent,
    Media,
    Stop,
}

/// Why a message fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    NotOnWhatsApp,
    OptedOut,
}

impl Failure {
    /// What callbacks and queries say of it.
    pub(super) fn error(self) -> SendError {
        let (code, reason) = match self {
            Self::NotOnWhatsApp => (1001, "the number is not on WhatsApp"),
            Self::OptedOut => (1002, "the user wants no messages"),
        };
        SendError { code, reason: reason.to_owned() }
    }
}

/// What will become of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    pub(super) fails: Option<Failure>,
    /// How far it comes.
    pub(super) until: MessageStatus,
    pub(super) reply: Option<Reply>,
    pub(super) is_late: bool,
    pub(super) is_once: bool,
}

/// What becomes of a message: as a test wishes, or drawn.
pub(super) fn fate(mock_outcome: Option<ChatOutcome>, rng: &mut Rng) -> Fate {
    use MessageStatus::{Delivery, Read, Send};
    let usual = Fate { fails: None, until: Read, reply: None, is_late: false, is_once: false };
    let replies = |reply| Fate { reply: Some(reply), ..usual };
    match mock_outcome {
        Some(ChatOutcome::Unregistered) => Fate { fails: Some(Failure::NotOnWhatsApp), ..usual },
        Some(ChatOutcome::OptedOut) => Fate { fails: Some(Failure::OptedOut), ..usual },
        Some(ChatOutcome::Blocked) => Fate { until: Send, ..usual },
        Some(ChatOutcome::Unread) => Fate { until: Delivery, ..usual },
        Some(ChatOutcome::Silent) => usual,
        Some(ChatOutcome::Button(number)) => replies(Reply::Button(usize::from(number.max(1) - 1))),
        Some(ChatOutcome::Agent) => replies(Reply::Agent),
        Some(ChatOutcome::Media) => replies(Reply::Media),
        Some(ChatOutcome::Late) => Fate { is_late: true, ..replies(Reply::Text) },
        Some(ChatOutcome::OptsOut) => replies(Reply::Stop),
        Some(ChatOutcome::Text) => replies(Reply::Text),
        Some(ChatOutcome::Once) => Fate { is_once: true, ..replies(Reply::Text) },
        // The everyday mix, in hundredths.
        None => match rng.random_range(0..100) {
            0..3 => Fate { fails: Some(Failure::NotOnWhatsApp), ..usual },
            3..5 => Fate { until: Send, ..usual },
            5..15 => Fate { until: Delivery, ..usual },
            15..65 => usual,
            65..80 => replies(Reply::Button(0)),
            80..86 => replies(Reply::Button(1)),
            86..93 => replies(Reply::Text),
            93..95 => replies(Reply::Agent),
            95..97 => replies(Reply::Media),
            97..98 => replies(Reply::Stop),
            98..99 => Fate { is_once: true, ..replies(Reply::Text) },
            _ => Fate { is_late: true, ..replies(Reply::Text) },
        },
    }
}
