//! What workflows share with the departments that make their calls: the tasks of nodes, and the results of their rows.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::access::AccountKey;
use super::cause::CauseId;
use super::keys::InstanceKey;
use super::outcome::Outcome;

/// The template and node of a workflow that a callback comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowPlace {
    /// The id of the template.
    pub template: i64,
    /// The index of the node; `None` for callbacks about an instance or a row as a whole.
    pub node: Option<u16>,
}

/// The node and instance that a task belongs to, as callbacks and responses name them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) instance: InstanceKey,
    /// The id of the template.
    pub(super) template: i64,
    pub(super) node: u16,
    pub(super) workflow_id: String,
    pub(super) workflow_name: String,
    pub(super) nodetask_id: String,
    pub(super) nodetask_name: String,
}

impl Part {
    /// Returns the origin of the callbacks of its task.
    pub(super) fn place(&self) -> FlowPlace {
        FlowPlace { template: self.template, node: Some(self.node) }
    }

    /// Returns the name of the task of this node.
    pub(super) fn task_name(&self) -> String {
        format!("{} - {}", self.workflow_name, self.nodetask_name)
    }
}

/// How often a number is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Repeat {
    /// Number of attempts, including the first.
    pub(super) number: u8,
    /// The time between two attempts.
    pub(super) interval: Duration,
}

/// The order for a node's task, for any department that calls.
#[derive(Clone, Debug)]
pub(super) struct NodeOrder {
    pub(super) account: AccountKey,
    pub(super) part: Part,
    pub(super) ends: Timestamp,
    pub(super) repeat: Repeat,
    /// The request that created the instance.
    pub(super) cause: CauseId,
}

/// The result of a node for a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum CameTo {
    /// Nothing yet, or the node has no result.
    #[default]
    Nothing,
    /// The outcome of a call.
    Call(Outcome),
    /// A call that was answered, but no agent talked.
    NoAgent,
    /// A call that the dialer or the line held back.
    NotDialled,
    /// A message that could not be delivered.
    Failed,
    /// A message that was sent and never arrived.
    Sent,
    /// A message that arrived.
    Delivered,
    /// A message that was read.
    Read,
    /// A message that was answered.
    Replied,
}

impl CameTo {
    /// Parses the word of the row's variable `mock_whatsapp`.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, came_to)| *came_to)
    }

    /// The `mock_whatsapp` values that force the result of a message.
    pub(super) const WORDS: [(&'static str, Self); 4] = [
        ("replied", Self::Replied),
        ("read", Self::Read),
        ("delivered", Self::Delivered),
        ("failed", Self::Failed),
    ];
}

/// A row of a workflow whose calls at a node are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RowEnded {
    pub(super) instance: InstanceKey,
    pub(super) node: u16,
    /// The row of the instance.
    pub(super) row: u32,
    /// The result of the last call.
    pub(super) came_to: CameTo,
    /// `A` to `I`, or 0.
    pub(super) intention: u8,
}

/// The phase of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InstancePhase {
    /// No row has started.
    Created,
    /// Rows may be started and ended.
    Running,
    /// Rows do not go on to another node. Calls and sessions under way continue to their end.
    Ending {
        /// Whether it was stopped before its end time.
        stopped: bool,
    },
    /// It has finished.
    Finished,
    /// It was stopped.
    Stopped,
}

impl InstancePhase {
    /// Returns the word of `status`.
    pub(super) fn status(self) -> InstanceStatus {
        match self {
            Self::Created => InstanceStatus::Created,
            Self::Running | Self::Ending { .. } => InstanceStatus::Running,
            Self::Finished => InstanceStatus::Finished,
            Self::Stopped => InstanceStatus::Stopped,
        }
    }

    pub(super) fn is_over(self) -> bool {
        matches!(self, Self::Finished | Self::Stopped)
    }

    /// Whether rows go on from node to node.
    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::Created | Self::Running)
    }
}

/// The words of an instance's status (assumed).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum InstanceStatus {
    /// No row has begun.
    Created,
    /// Rows have begun, or calls and sessions are still under way.
    Running,
    /// It came to its end.
    Finished,
    /// It was stopped.
    Stopped,
}

/// What is still possible when a number is taken out of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// The number has been removed.
    Out,
    /// A call is under way and continues to its end.
    Calling,
}
