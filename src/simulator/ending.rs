//! The endings of calls of the predictive dialer, and their words on the wire.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::outcome::Outcome;

/// The number of `hangupReason`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(in crate::simulator) struct HangupReason(u8);

/// The known numbers and their meanings (client).
const HANGUP_REASONS: [(u8, &str); 19] = [
    (0, "unknown"),
    (1, "no agent after the answer"),
    (2, "normal"),
    (3, "busy"),
    (4, "not in use"),
    (5, "on hold"),
    (6, "switched off"),
    (7, "out of area"),
    (8, "invalid"),
    (9, "wrong number"),
    (12, "talked"),
    (13, "the agent rejected"),
    (14, "the user hung up"),
    (15, "fusing"),
    (16, "a machine answered"),
    (17, "the agent's network failed"),
    (18, "attempt limit"),
    (19, "abandoned shortly after contact"),
    (20, "do not call"),
];

impl JsonSchema for HangupReason {
    fn schema_name() -> Cow<'static, str> {
        "HangupReason".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let numbers =
            HANGUP_REASONS.map(|(number, meaning)| json!({ "const": number, "description": meaning }));
        json_schema!({ "type": "integer", "oneOf": numbers })
    }
}

/// The words of `callResultType` (client).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(in crate::simulator) enum CallResultType {
    /// The call has not ended.
    #[default]
    #[serde(rename = "", skip_deserializing)]
    Open,
    Dnc,
    Overrun,
    NoRinging,
    Fusing,
    Voicemail,
    NoAnswered,
    AgentBusy,
    UserHangupBeforeAssign,
    AgentReject,
    AgentNetworkError,
    UserHangup,
    SuccUserHangup,
    SuccAgentHangup,
}

/// The ending of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum Ending {
    /// The number must not be dialled.
    DoNotCall,
    /// The number was dialled too often that day.
    Overrun,
    /// The line cut the call before it rang.
    Fusing,
    Busy,
    SwitchedOff,
    OutOfArea,
    Invalid,
    /// It rang, and no person answered in time.
    NoAnswer,
    /// A machine answered and was recognized.
    Machine,
    /// The person hung up at once.
    Abandoned,
    /// No agent was free in time.
    NoAgent,
    /// The person did not want to wait for an agent any longer.
    Left,
    /// The agent rejected the call.
    Rejected,
    /// The agent's network failed.
    Network,
    /// The person hung up while the agent's phone rang.
    HungUp,
    /// They talked, and the person hung up.
    TalkedByUser,
    /// They talked, and the agent hung up.
    TalkedByAgent,
}

impl Ending {
    /// Returns `hangupReason`. The values are known from clients; which ending has which value is assumed if the words differ:
    /// a call that is not answered has 2, a normal end.
    pub(in crate::simulator) fn reason(self) -> HangupReason {
        HangupReason(match self {
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
        })
    }

    /// Returns `callResultType`; as above.
    pub(in crate::simulator) fn result_type(self) -> CallResultType {
        match self {
            Self::DoNotCall => CallResultType::Dnc,
            Self::Overrun => CallResultType::Overrun,
            Self::Fusing => CallResultType::Fusing,
            Self::Busy | Self::SwitchedOff | Self::OutOfArea | Self::Invalid => CallResultType::NoRinging,
            Self::NoAnswer => CallResultType::NoAnswered,
            Self::Machine => CallResultType::Voicemail,
            Self::NoAgent => CallResultType::AgentBusy,
            Self::Abandoned | Self::Left => CallResultType::UserHangupBeforeAssign,
            Self::Rejected => CallResultType::AgentReject,
            Self::Network => CallResultType::AgentNetworkError,
            Self::HungUp => CallResultType::UserHangup,
            Self::TalkedByUser => CallResultType::SuccUserHangup,
            Self::TalkedByAgent => CallResultType::SuccAgentHangup,
        }
    }

    /// Returns the ending of an outcome without an answer.
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

    /// Returns the outcome in the words of calling tasks; `None` if an agent or the dialer itself was the obstacle.
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

    /// Whether another number of the same person is worth a try: the person was neither reached nor has objected.
    pub(in crate::simulator) fn leads_to_next_number(self) -> bool {
        let is_silence = matches!(self, Self::Busy | Self::SwitchedOff | Self::OutOfArea | Self::NoAnswer);
        is_silence || self.was_held_back() || matches!(self, Self::Invalid | Self::Machine)
    }

    /// Whether dialling again makes no sense (assumed): the person was reached, or may not or cannot be reached. A call that
    /// was lost on this side is worth another try.
    pub(in crate::simulator) fn is_final(self, redials_machines: bool) -> bool {
        match self {
            Self::Machine => !redials_machines,
            Self::Fusing | Self::Busy | Self::SwitchedOff | Self::OutOfArea | Self::NoAnswer => false,
            Self::NoAgent | Self::Rejected | Self::Network => false,
            _ => true,
        }
    }
}
