//! A call, with the time of each of its events.

use jiff::Timestamp;

use crate::simulator::ending::Ending;

/// A moment after the start of a call, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct After(u32);

impl After {
    const NEVER: Self = Self(u32::MAX);
}

/// A call.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallRow {
    /// When it was dialled, in Unix milliseconds.
    started: i64,
    rang: After,
    answered: After,
    talked: After,
    ended: After,
    pub(super) contact: u32,
    /// The agent who got it, as an index in the group; `u16::MAX` if none did.
    agent: u16,
    /// The free agent for whom it was dialled.
    pub(super) slot: u16,
    /// The number of the call to the contact, from 1.
    pub(super) nth: u8,
    /// The index of its number's column in the task; `u8::MAX` if the task names none.
    column: u8,
    pub(super) ending: Option<Ending>,
    /// Whether its number was really dialled.
    pub(super) was_dialled: bool,
    /// Whether it still counts against the free agents: no agent has it yet, and it has not ended.
    pub(super) is_open: bool,
    /// Whether it waits for an agent.
    pub(super) waits: bool,
    /// Whether the agent has saved the result.
    pub(super) is_saved: bool,
}

impl CallRow {
    pub(super) fn new(contact: u32, nth: u8, column: Option<u8>, slot: u16, now: Timestamp) -> Self {
        Self {
            started: now.as_millisecond(),
            rang: After::NEVER,
            answered: After::NEVER,
            talked: After::NEVER,
            ended: After::NEVER,
            contact,
            agent: u16::MAX,
            slot,
            nth,
            column: column.unwrap_or(u8::MAX),
            ending: None,
            was_dialled: true,
            is_open: true,
            waits: false,
            is_saved: false,
        }
    }

    fn after(&self, now: Timestamp) -> After {
        let passed = now.as_millisecond().saturating_sub(self.started);
        After(u32::try_from(passed.max(0)).unwrap_or(u32::MAX - 1))
    }

    fn moment(&self, after: After) -> Option<Timestamp> {
        let at = self.started.saturating_add(i64::from(after.0));
        (after != After::NEVER).then(|| Timestamp::from_millisecond(at).unwrap_or(Timestamp::MAX))
    }

    /// Returns the whole seconds between two moments that both happened.
    fn seconds(from: After, to: After) -> i64 {
        match (from, to) {
            (After::NEVER, _) | (_, After::NEVER) => 0,
            (from, to) => i64::from(to.0.saturating_sub(from.0) / 1_000),
        }
    }

    pub(super) fn ring(&mut self, now: Timestamp) {
        self.rang = self.after(now);
    }

    pub(super) fn answer(&mut self, now: Timestamp) {
        self.answered = self.after(now);
    }

    pub(super) fn talk(&mut self, now: Timestamp) {
        self.talked = self.after(now);
    }

    pub(super) fn end(&mut self, ending: Ending, now: Timestamp) {
        self.ended = self.after(now);
        self.ending = Some(ending);
        self.waits = false;
    }

    pub(super) fn assign(&mut self, agent: usize) {
        self.agent = u16::try_from(agent).unwrap_or(u16::MAX);
        self.waits = false;
    }

    pub(super) fn agent(&self) -> Option<usize> {
        (self.agent != u16::MAX).then_some(usize::from(self.agent))
    }

    /// Whether it rings at an agent, who has neither taken nor rejected it.
    pub(super) fn rings_at_agent(&self) -> bool {
        self.agent().is_some() && self.talked == After::NEVER && self.ending.is_none()
    }

    /// Whether an agent talks.
    pub(super) fn is_talking(&self) -> bool {
        self.talked != After::NEVER && self.ending.is_none()
    }

    /// Returns the index of its number's column in the task.
    pub(super) fn column(&self) -> Option<usize> {
        (self.column != u8::MAX).then_some(usize::from(self.column))
    }

    /// Returns when it was dialled, or would have been.
    pub(super) fn started_at(&self) -> Timestamp {
        Timestamp::from_millisecond(self.started).unwrap_or(Timestamp::MAX)
    }

    pub(super) fn rang_at(&self) -> Option<Timestamp> {
        self.moment(self.rang)
    }

    pub(super) fn answered_at(&self) -> Option<Timestamp> {
        self.moment(self.answered)
    }

    pub(super) fn talked_at(&self) -> Option<Timestamp> {
        self.moment(self.talked)
    }

    pub(super) fn ended_at(&self) -> Option<Timestamp> {
        self.moment(self.ended)
    }

    /// Returns the length of the talk in seconds; 0 before it is over.
    pub(super) fn talk_seconds(&self) -> i64 {
        Self::seconds(self.talked, self.ended)
    }

    /// Returns how long the person waited until an agent took the call or it ended.
    pub(super) fn waiting_seconds(&self) -> i64 {
        let until = if self.talked == After::NEVER { self.ended } else { self.talked };
        Self::seconds(self.answered, until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_come_back_to_the_millisecond() {
        let at = |milliseconds: i64| Timestamp::from_millisecond(1_893_456_000_000 + milliseconds).unwrap();
        let mut row = CallRow::new(0, 1, None, 0, at(0));
        row.ring(at(1_250));
        row.answer(at(9_250));
        row.talk(at(12_250));
        assert_eq!((row.rang_at(), row.ended_at(), row.talk_seconds()), (Some(at(1_250)), None, 0));
        row.end(Ending::TalkedByUser, at(72_250));
        assert_eq!((row.talk_seconds(), row.waiting_seconds()), (60, 3));
    }
}
