//! What the simulator will do by itself, ordered by time and, at the same moment, by when it was planned.

use jiff::Timestamp;

use super::agenda::{Agenda, Later};
use super::chatbot::Step;
use super::detection::Detection;
use super::session::ConversationKey;
use super::sms::Receipt;
use crate::contract::bodies::message::MessageStatus;

/// Something the simulator will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// In a conversation.
    Chat(ChatTimer),
    /// The receipt of a text message goes out.
    Receipt(Box<Receipt>),
    /// The result of number detection goes out.
    Detected(Box<Detection>),
}

impl From<ChatTimer> for Timer {
    fn from(timer: ChatTimer) -> Self {
        Self::Chat(timer)
    }
}

/// Something the simulator will do in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ChatTimer {
    /// A message reaches its next status; the event that tells it depends on who wrote the message.
    Status { session: ConversationKey, place: u32, status: MessageStatus, by_agent: bool },
    /// A conversation ends.
    End { session: ConversationKey, reason: &'static str },
    /// The report after a conversation's end.
    Report { session: ConversationKey },
    /// Whoever has the next turn in a conversation takes it.
    Turn { session: ConversationKey },
    /// What is to be said next in a workflow's conversation is said.
    Word { session: ConversationKey },
    /// A template message gets on.
    Template { task: u32, row: u32, step: Step },
    /// A conversation may have fallen silent.
    Silence { session: ConversationKey },
}

impl Later for Timer {
    fn is_work(&self) -> bool {
        !matches!(self, Self::Chat(ChatTimer::Silence { .. }))
    }
}

/// The timers.
#[derive(Debug, Default)]
pub(super) struct Timers {
    agenda: Agenda<Timer>,
    /// Until when things go on that need nobody to do them.
    rest: Option<Timestamp>,
}

impl Timers {
    pub(super) fn plan(&mut self, at: Timestamp, timer: impl Into<Timer>) {
        self.agenda.plan(at, timer.into());
    }

    /// Something goes on by itself until then, which a run has to wait for.
    pub(super) fn rest(&mut self, until: Timestamp) {
        self.rest = self.rest.max(Some(until));
    }

    /// How many were ever planned.
    pub(super) fn planned(&self) -> u64 {
        self.agenda.planned()
    }

    /// Drops what was planned after so many; a conversation's silence stays watched.
    pub(super) fn cancel_since(&mut self, planned: u64) {
        self.agenda.forget_since(planned, |timer| !timer.is_work());
    }

    /// What was planned after so many and belongs to no conversation is a story's doing.
    pub(super) fn assign_since(&mut self, planned: u64, story: u32) {
        for timer in self.agenda.since(planned) {
            match timer {
                Timer::Receipt(receipt) => receipt.story = Some(story),
                Timer::Detected(detection) => detection.story = Some(story),
                Timer::Chat(_) => {}
            }
        }
    }

    /// Takes the first timer that is due, with its moment.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<(Timestamp, Timer)> {
        self.rest = self.rest.filter(|until| *until > now);
        self.agenda.take(now)
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        [self.agenda.next(), self.rest].into_iter().flatten().min()
    }

    /// Whether anything is planned that a run has to wait for.
    pub(super) fn is_busy(&self) -> bool {
        self.agenda.is_busy() || self.rest.is_some()
    }
}
