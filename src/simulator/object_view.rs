//! The views of the vendor's objects that the control surface shows.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// An object: a task, a plan, an instance of a workflow, a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ObjectView {
    /// What it is: `task`, `plan`, `dialer_task`, `workflow` (an instance), `campaign`.
    pub(super) kind: &'static str,
    /// Its id on the wire.
    pub(super) id: String,
    /// Its name.
    pub(super) name: String,
    /// Where it stands, in the vendor's word.
    pub(super) status: String,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created: Option<String>,
    /// How many numbers, contacts, rows or messages it has.
    pub(super) total: u64,
    /// How many of them are over.
    pub(super) done: u64,
    /// How many stand where.
    pub(super) sums: Vec<Sum>,
    /// What it consists of: the rounds of a plan, the nodes of a workflow.
    pub(super) parts: Vec<PartView>,
}

/// How many stand somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Sum {
    /// Where.
    name: &'static str,
    /// How many.
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
    /// What it is: the type of a node.
    pub(super) kind: String,
    /// Where it stands.
    pub(super) status: String,
    /// How many have come to it.
    pub(super) total: u64,
    /// How many of them are over.
    pub(super) done: u64,
    /// Where rows go from here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) next: Vec<WayView>,
    /// The rows that are here, the first few of them: their numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) rows: Vec<String>,
}

/// A way from a node of a workflow to another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WayView {
    /// To which, by its place among the parts, counted from 0.
    pub(super) to: u16,
    /// What the last call or message has to have come to: one of these. Of nothing else where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) when: Vec<String>,
}

/// An agent of the dialer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AgentView {
    /// The name.
    pub(super) name: String,
    /// Whether a call is with the agent.
    pub(super) busy: bool,
    /// Whether the agent is on a break.
    pub(super) on_break: bool,
    /// What the agent does: `free`, `break`, `ringing` (a call rings), `talking`, `result` (is to be saved).
    pub(super) doing: &'static str,
    /// The number of the person of that call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) number: Option<String>,
    /// How many calls the agent has had today.
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
