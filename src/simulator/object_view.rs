//! The views of the vendor's objects that the control surface shows.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// An object: a task, a plan, an instance of a workflow, a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ObjectView {
    /// Its kind: `task`, `plan`, `dialer_task`, `workflow` (an instance), `campaign`.
    pub(super) kind: &'static str,
    /// Its id on the wire.
    pub(super) id: String,
    /// Its name.
    pub(super) name: String,
    /// Its status, in the vendor's word.
    pub(super) status: String,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created: Option<String>,
    /// Its number of phone numbers, contacts, rows or messages.
    pub(super) total: u64,
    /// How many of them are finished.
    pub(super) done: u64,
    /// Their numbers by status.
    pub(super) sums: Vec<Sum>,
    /// Its parts: the rounds of a plan, the nodes of a workflow.
    pub(super) parts: Vec<PartView>,
}

/// A number by status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Sum {
    /// The status.
    name: &'static str,
    /// The number.
    count: u64,
}

/// A part of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PartView {
    /// Its id on the wire, for example of the task that calls a round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    /// Its name.
    pub(super) name: String,
    /// Its kind: the type of a node.
    pub(super) kind: String,
    /// Its status.
    pub(super) status: String,
    /// How many have reached it.
    pub(super) total: u64,
    /// How many of them are finished.
    pub(super) done: u64,
    /// The next nodes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) next: Vec<WayView>,
    /// The numbers of the first few rows at this node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) rows: Vec<String>,
}

/// A way from a node of a workflow to another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WayView {
    /// The target, by its position among the parts, counted from 0.
    pub(super) to: u16,
    /// The required results of the last call or message, any of these; if empty, any other result.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) when: Vec<String>,
}

/// An agent of the dialer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AgentView {
    /// The name.
    pub(super) name: String,
    /// Whether the agent has a call.
    pub(super) busy: bool,
    /// Whether the agent is on a break.
    pub(super) on_break: bool,
    /// What the agent does: `free`, `break`, `ringing` (a call rings), `talking`, `result` (has to be saved).
    pub(super) doing: &'static str,
    /// The number of the person of that call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) number: Option<String>,
    /// Number of calls of the agent today.
    pub(super) calls: i64,
}

/// Returns the sums by name, without zeros.
pub(super) fn sums<const N: usize>(all: [(&'static str, u64); N]) -> Vec<Sum> {
    all.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| Sum { name, count }).collect()
}

/// Returns a status as its word on the wire.
pub(super) fn word(status: impl Serialize) -> String {
    match serde_json::to_value(status) {
        Ok(Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}
