//! What workflows and those who call for them tell each other: the tasks of nodes, and what became of their rows.

use std::time::Duration;

use jiff::Timestamp;

use super::access::AccountKey;

/// Which node of which instance a task belongs to, as notices and answers tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) instance: u32,
    pub(super) node: u16,
    pub(super) workflow_id: String,
    pub(super) workflow_name: String,
    pub(super) nodetask_id: String,
    pub(super) nodetask_name: String,
}

impl Part {
    /// The name of the task of this node.
    pub(super) fn task_name(&self) -> String {
        format!("{} - {}", self.workflow_name, self.nodetask_name)
    }
}

/// How often a number is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Repeat {
    /// The first time included.
    pub(super) number: u8,
    /// The gap between two tries.
    pub(super) interval: Duration,
}

/// What a node's task is made of, whoever calls.
#[derive(Clone, Debug)]
pub(super) struct NodeOrder {
    pub(super) account: AccountKey,
    pub(super) part: Part,
    pub(super) ends: Timestamp,
    pub(super) repeat: Repeat,
    pub(super) story: Option<u32>,
    pub(super) is_muted: bool,
}

/// A row of a workflow whose calls at a node are through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended<T> {
    pub(super) instance: u32,
    pub(super) node: u16,
    /// The row of the instance.
    pub(super) row: u32,
    pub(super) at: Timestamp,
    /// What the last call came to.
    pub(super) came_to: T,
    /// `A` to `I`, or 0.
    pub(super) intention: u8,
}

impl<T> Ended<T> {
    /// The same, in other words for what it came to.
    pub(super) fn map<U>(self, words: impl FnOnce(T) -> U) -> Ended<U> {
        let Self { instance, node, row, at, came_to, intention } = self;
        Ended { instance, node, row, at, came_to: words(came_to), intention }
    }
}

/// What can still be done about a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is out.
    Out,
    /// A call is under way and goes on to its end.
    Calling,
}
