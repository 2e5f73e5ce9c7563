//! A call: when each thing happened, and how it ended.

use jiff::Timestamp;

use crate::simulator::calling::Outcome;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum Ending {
    /// The number must not be dialled.
    DoNotCall,
    /// The number was dialled too often today.
    Overrun,
    /// The line cut it before it rang.
    Fusing,
    Busy,
    SwitchedOff,
    OutOfArea,
    Invalid,
    /// It rang, and nobody answered in time.
    NoAnswer,
    /// A machine answered, and was noticed.
    Machine,
    /// The person hung up at once.
    Abandoned,
    /// No agent was free in time.
    NoAgent,
    /// The person did not want to wait for an agent any longer.
    Left,
    /// The agent did not want it.
    Rejected,
    /// The agent's network failed.
    Network,
    /// The person hung up while it rang at the agent.
    HungUp,
    /// They talked, and the person hung up.
    TalkedByUser,
    /// They talked, and the agent hung up.
    TalkedByAgent,
}

impl Ending {
    /// `hangupReason`. The values are known from clients, which ending has which is assumed where the words differ: nobody
    /// answered is 2, a normal end.
    pub(super) fn reason(self) -> i64 {
        match self {
            Self::NoAgent => 1,
            Self::NoAnswer => 2,
            Self::Busy => 3,
            Self::SwitchedOff => 6,
            Self::OutOfArea => 7,
            Self::Invalid => 8,
            Self::TalkedByUser | Self::TalkedByAgent => 12,
            Self::Rejected => 13,
            Self::Left | Self::HungUp => 14,
            Self::Fusing => 15,
            Self::Machine => 16,
            Self::Network => 17,
            Self::Overrun => 18,
            Self::Abandoned => 19,
            Self::DoNotCall => 20,
        }
    }

    /// `callResultType`; as above.
    pub(super) fn result_type(self) -> &'static str {
        match self {
            Self::DoNotCall => "Dnc",
            Self::Overrun => "Overrun",
            Self::Fusing => "Fusing",
            Self::Busy | Self::SwitchedOff | Self::OutOfArea | Self::Invalid => "NoRinging",
            Self::NoAnswer => "NoAnswered",
            Self::Machine => "Voicemail",
            Self::NoAgent => "AgentBusy",
            Self::Abandoned | Self::Left => "UserHangupBeforeAssign",
            Self::Rejected => "AgentReject",
            Self::Network => "AgentNetworkError",
            Self::HungUp => "UserHangup",
            Self::TalkedByUser => "SuccUserHangup",
            Self::TalkedByAgent => "SuccAgentHangup",
        }
    }

    /// Of an outcome that comes to nothing before anybody answers.
    pub(super) fn of_silence(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Busy => Self::Busy,
            Outcome::SwitchedOff => Self::SwitchedOff,
            Outcome::OutOfArea => Self::OutOfArea,
            Outcome::InvalidNumber => Self::Invalid,
            Outcome::DoNotCall => Self::DoNotCall,
            Outcome::NoAnswer | Outcome::Talked | Outcome::HungUp | Outcome::Voicemail => Self::NoAnswer,
        }
    }

    pub(super) fn talked(self) -> bool {
        matches!(self, Self::TalkedByUser | Self::TalkedByAgent)
    }

    /// What it comes to in the words of calling tasks; nothing where an agent or the dialer itself was in the way.
    pub(in crate::simulator) fn outcome(self) -> Option<Outcome> {
        match self {
            Self::TalkedByUser | Self::TalkedByAgent => Some(Outcome::Talked),
            Self::Abandoned => Some(Outcome::HungUp),
            Self::Machine => Some(Outcome::Voicemail),
            Self::NoAnswer => Some(Outcome::NoAnswer),
            Self::Busy => Some(Outcome::Busy),
            Self::SwitchedOff => Some(Outcome::SwitchedOff),
            Self::OutOfArea => Some(Outcome::OutOfArea),
            Self::Invalid => Some(Outcome::InvalidNumber),
            Self::DoNotCall => Some(Outcome::DoNotCall),
            Self::NoAgent | Self::Left | Self::Rejected | Self::Network | Self::HungUp => None,
            Self::Overrun | Self::Fusing => None,
        }
    }

    /// Whether the call never reached the network, or was cut by the line.
    pub(in crate::simulator) fn was_held_back(self) -> bool {
        matches!(self, Self::Overrun | Self::Fusing)
    }

    /// Whether another number of the same person is worth a try: nobody was reached, and nobody has objected.
    pub(super) fn leads_to_next_number(self) -> bool {
        let is_silence = matches!(self, Self::Busy | Self::SwitchedOff | Self::OutOfArea | Self::NoAnswer);
        is_silence || self.was_held_back() || matches!(self, Self::Invalid | Self::Machine)
    }

    /// Whether dialling again makes no sense (assumed): the person was reached, or may not or cannot be. A call that was
    /// lost on this side is worth another try.
    pub(super) fn is_final(self, redials_machines: bool) -> bool {
        match self {
            Self::Machine => !redials_machines,
            Self::Fusing | Self::Busy | Self::SwitchedOff | Self::OutOfArea | Self::NoAnswer => false,
            Self::NoAgent | Self::Rejected | Self::Network => false,
            _ => true,
        }
    }
}

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
    /// The agent it went to, by position in the group; `u16::MAX` if to none.
    agent: u16,
    /// The free agent for whom it was dialled.
    pub(super) slot: u16,
    /// Which call to the contact it is, from 1.
    pub(super) nth: u8,
    /// Which of the task's columns its number stands in; `u8::MAX` if the task names none.
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

    /// Whole seconds between two moments that both happened.
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

    /// Which of the task's columns its number stands in.
    pub(super) fn column(&self) -> Option<usize> {
        (self.column != u8::MAX).then_some(usize::from(self.column))
    }

    /// When it was dialled, or would have been.
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

    /// How long they talked, in seconds; 0 before it is over.
    pub(super) fn talk_seconds(&self) -> i64 {
        Self::seconds(self.talked, self.ended)
    }

    /// How long the person waited until an agent took the call or it ended.
    pub(super) fn waiting_seconds(&self) -> i64 {
        let until = if self.talked == After::NEVER { self.ended } else { self.talked };
        Self::seconds(self.answered, until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_small() {
        assert_eq!(size_of::<CallRow>(), 40);
    }

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
