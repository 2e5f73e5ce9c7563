//! When instances of workflows end by themselves. All of it is assumed.

use std::time::Duration;

/// When an instance ends before its end time: the values of `auto_finish`. That the default is 2 is documented; the meaning of
/// the values is assumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AutoFinish {
    /// 0: never.
    Never = 0,
    /// 1: as soon as every row is finished.
    AtOnce = 1,
    /// 2: when every row is finished and none has been added for some minutes.
    #[default]
    AfterPause = 2,
}

impl AutoFinish {
    /// Returns the value of a number, if it is valid.
    pub fn of(number: i64) -> Option<Self> {
        [Self::Never, Self::AtOnce, Self::AfterPause].into_iter().find(|value| *value as i64 == number)
    }
}

/// When instances end by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkflowRules {
    /// The value for an instance whose request states none.
    pub auto_finish: AutoFinish,
    /// If time jumps: the real time without new rows before it jumps to the end of an instance. Zero if time does not jump, or
    /// if there are no uploads from outside.
    pub quiet: Duration,
}
