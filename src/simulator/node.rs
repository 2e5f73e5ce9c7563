//! What workflows share with the departments that call for them: the tasks of nodes, and what became of their rows.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::access::AccountKey;
use super::cause::CauseId;
use super::keys::InstanceKey;
use super::outcome::Outcome;

/// Which part of a workflow template a callback comes of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowPlace {
    /// The id of the template.
    pub template: i64,
    /// The node, by its place among the nodes; none of what is said of an instance or of a row as a whole.
    pub node: Option<u16>,
}

/// Which node of which instance a task belongs to, as callbacks and responses name it.
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
    /// Where the callbacks of its task come from.
    pub(super) fn place(&self) -> FlowPlace {
        FlowPlace { template: self.template, node: Some(self.node) }
    }

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
    /// The gap between two attempts.
    pub(super) interval: Duration,
}

/// What a node's task is made of, whoever calls.
#[derive(Clone, Debug)]
pub(super) struct NodeOrder {
    pub(super) account: AccountKey,
    pub(super) part: Part,
    pub(super) ends: Timestamp,
    pub(super) repeat: Repeat,
    /// The request that made the instance.
    pub(super) cause: CauseId,
}

/// What a node came to for a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum CameTo {
    /// Nothing yet, or the node is none that comes to anything.
    #[default]
    Nothing,
    /// A call.
    Call(Outcome),
    /// A call that was answered, and in which no agent talked.
    NoAgent,
    /// A call that the dialer or the line held back.
    NotDialled,
    /// A message that could not be delivered.
    Failed,
    /// A message that left and never arrived.
    Sent,
    /// A message that arrived.
    Delivered,
    /// A message that was read.
    Read,
    /// A message that was answered.
    Replied,
}

impl CameTo {
    /// The word of the row's variable `mock_whatsapp`.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(known, _)| *known == word).map(|(_, came_to)| *came_to)
    }

    /// The `mock_whatsapp` values that force what a message comes to.
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
    pub(super) at: Timestamp,
    /// What the last call came to.
    pub(super) came_to: CameTo,
    /// `A` to `I`, or 0.
    pub(super) intention: u8,
}

/// What an instance does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InstancePhase {
    /// No row has begun.
    Created,
    /// Rows may come and go.
    Running,
    /// No row goes on to another node; calls and sessions under way go on to their end.
    Ending {
        /// Whether it was stopped, and has not come to its end time.
        stopped: bool,
    },
    /// It came to its end.
    Finished,
    /// It was stopped.
    Stopped,
}

impl InstancePhase {
    /// The word of `status`.
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

/// What can still be done about a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is out.
    Out,
    /// A call is under way and goes on to its end.
    Calling,
}
