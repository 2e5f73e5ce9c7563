//! How a call of the predictive dialer ended.

use super::outcome::Outcome;

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
    pub(in crate::simulator) fn reason(self) -> i64 {
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
    pub(in crate::simulator) fn result_type(self) -> &'static str {
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
    pub(in crate::simulator) fn of_silence(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Busy => Self::Busy,
            Outcome::SwitchedOff => Self::SwitchedOff,
            Outcome::OutOfArea => Self::OutOfArea,
            Outcome::InvalidNumber => Self::Invalid,
            Outcome::DoNotCall => Self::DoNotCall,
            Outcome::NoAnswer | Outcome::Talked | Outcome::HungUp | Outcome::Voicemail => Self::NoAnswer,
        }
    }

    pub(in crate::simulator) fn talked(self) -> bool {
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
    pub(in crate::simulator) fn leads_to_next_number(self) -> bool {
        let is_silence = matches!(self, Self::Busy | Self::SwitchedOff | Self::OutOfArea | Self::NoAnswer);
        is_silence || self.was_held_back() || matches!(self, Self::Invalid | Self::Machine)
    }

    /// Whether dialling again makes no sense (assumed): the person was reached, or may not or cannot be. A call that was
    /// lost on this side is worth another try.
    pub(in crate::simulator) fn is_final(self, redials_machines: bool) -> bool {
        match self {
            Self::Machine => !redials_machines,
            Self::Fusing | Self::Busy | Self::SwitchedOff | Self::OutOfArea | Self::NoAnswer => false,
            Self::NoAgent | Self::Rejected | Self::Network => false,
            _ => true,
        }
    }
}
