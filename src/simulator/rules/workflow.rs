//! How instances of workflows end by themselves. All of it is assumed.

use std::time::Duration;

/// When an instance ends before its end time: the values of `auto_finish`. That the default is 2 is documented, what
/// the values mean is assumed.
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
    /// The value of a number, if it is one.
    pub fn of(number: i64) -> Option<Self> {
        [Self::Never, Self::AtOnce, Self::AfterPause].into_iter().find(|value| *value as i64 == number)
    }
}

/// How instances end by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkflowRules {
    /// What counts for an instance whose request says nothing of it.
    pub auto_finish: AutoFinish,
    /// Where time jumps: for so long, in real time, no rows must have come before it jumps to the end of an instance.
    /// Nothing where it does not jump, or where nobody uploads from outside.
    pub quiet: Duration,
}
