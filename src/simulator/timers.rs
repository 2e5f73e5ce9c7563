//! What the simulator will do by itself, ordered by time and, at the same moment, by when it was planned.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::chatbot::Step;
use super::detection::Detection;
use super::session::SessionKey;
use super::sms::Receipt;
use super::wire_id::WireId;

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
    Status { session: SessionKey, msg_id: WireId, status: &'static str, by_agent: bool },
    /// A conversation ends.
    End { session: SessionKey, reason: &'static str },
    /// The report after a conversation's end.
    Report { session: SessionKey },
    /// Whoever has the next turn in a conversation takes it.
    Turn { session: SessionKey },
    /// What is to be said next in a workflow's conversation is said.
    Word { session: SessionKey },
    /// A template message gets on.
    Template { task: u32, row: u32, step: Step },
    /// A conversation may have fallen silent.
    Silence { session: SessionKey },
}

/// The timers.
#[derive(Debug, Default)]
pub(super) struct Timers {
    queue: BTreeMap<(Timestamp, u64), Timer>,
    planned: u64,
    background: usize,
}

impl Timer {
    /// Whether a run need not wait for it.
    fn is_background(&self) -> bool {
        matches!(self, Self::Chat(ChatTimer::Silence { .. }))
    }
}

impl Timers {
    pub(super) fn plan(&mut self, at: Timestamp, timer: impl Into<Timer>) {
        let timer = timer.into();
        self.planned += 1;
        self.background += usize::from(timer.is_background());
        self.queue.insert((at, self.planned), timer);
    }

    /// How many were ever planned.
    pub(super) fn planned(&self) -> u64 {
        self.planned
    }

    /// Drops what was planned after so many; a conversation's silence stays watched.
    pub(super) fn cancel_since(&mut self, planned: u64) {
        self.queue.retain(|(_, number), timer| *number <= planned || timer.is_background());
    }

    /// What was planned after so many and belongs to no conversation is a story's doing.
    pub(super) fn adopt_since(&mut self, planned: u64, play: u32) {
        for ((_, number), timer) in &mut self.queue {
            match timer {
                _ if *number <= planned => {}
                Timer::Receipt(receipt) => receipt.play = Some(play),
                Timer::Detected(detection) => detection.play = Some(play),
                Timer::Chat(_) => {}
            }
        }
    }

    /// Takes the first timer that is due, with its moment.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<(Timestamp, Timer)> {
        let entry = self.queue.first_entry()?;
        if entry.key().0 > now {
            return None;
        }
        let at = entry.key().0;
        let timer = entry.remove();
        self.background -= usize::from(timer.is_background());
        Some((at, timer))
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.queue.keys().next().map(|(at, _)| *at)
    }

    /// Whether anything is planned that a run has to wait for.
    pub(super) fn has_foreground(&self) -> bool {
        self.queue.len() > self.background
    }
}
