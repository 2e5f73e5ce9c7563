//! Callbacks about rows and nodes: pushed data, the end of a row's flow, the status of an instance.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::{shown, shown_name};
use crate::contract::bodies::Fields;
use crate::seed::hex32;
use crate::simulator::Simulator;
use crate::simulator::case::Case;
use crate::simulator::endpoint::{Generate, Wanted};
use crate::simulator::keys::{ConversationKey, InstanceKey, PushKey};
use crate::simulator::node::{InstancePhase, InstanceStatus};
use crate::simulator::rules::template::{Node, NodeType};
use crate::simulator::workflow::Workflow;
use crate::simulator::workflow::dialers::{Dialers, NodeTask};
use crate::simulator::workflow::instance::Push;
use crate::simulator::workflow::instances::NodeStatus;
use crate::simulator::workflow::row;

/// `workflow.api_push`, *Custom API Node Data Push*: a Custom API node pushes a row's data. It is not signed: the
/// receiver asks `workflow.verify_push` (documented).
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(in crate::simulator) struct ApiPush {
    /// The instance, 32 hex.
    workflow_id: String,
    /// Its name.
    workflow_name: String,
    /// The node, 32 hex.
    node_id: String,
    /// Its name.
    node_name: String,
    /// The row; further fields of the vendor are not known.
    callee: Callee,
}

/// A row as a Custom API node pushes it (documented).
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
struct Callee {
    /// The customer's own id of the row.
    case_id: String,
    /// The person's name.
    callee_name: String,
    /// `male` or `female`, or empty if the row does not say so (documented; the words are assumed).
    callee_gender: String,
    /// The number, in E.164.
    callee_number: String,
    /// The customer's platform that the row concerns.
    platform_name: String,
    /// A field of the customer's own.
    extra_a: String,
    /// The row's other variables.
    #[serde(flatten)]
    more: Fields,
}

/// `workflow.contact_completed`, *Notification for Workflow List Completion*: a row has come to the end of its flow
/// (documented).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(in crate::simulator) struct ContactCompleted {
    /// The instance, 32 hex.
    workflow_id: String,
    /// Its name.
    workflow_name: String,
    /// The customer's own id of the row.
    case_id: String,
    /// The number, in E.164.
    callee_number: String,
    /// The nodes the row went through, in order.
    rows: Vec<NodeRow>,
}

/// A node a row went through (documented).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
struct NodeRow {
    /// The node's run, 32 hex.
    nodetask_id: String,
    /// Its name.
    nodetask_name: String,
    /// The kind of node (documented; the words are assumed).
    node_type: NodeType,
    /// The task the node made, if it made one: a calling task, or one of the predictive dialer.
    #[serde(skip_serializing_if = "Option::is_none")]
    task_id: Option<String>,
}

/// `workflow.status_changed`, *Notification of Workflow Status Change*: an instance has changed its status, or a run of one of
/// its nodes has begun or is over (documented).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(in crate::simulator) struct StatusChanged {
    /// The instance, 32 hex.
    workflow_id: String,
    /// Its name.
    workflow_name: String,
    /// The status of the instance (documented; the words are assumed).
    status: InstanceStatus,
    /// Its nodes, in order.
    actions: Vec<NodeAction>,
}

/// What a node of an instance does (documented).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
struct NodeAction {
    #[serde(flatten)]
    node: NodeRow,
    /// The status of the node's run, as in the subtask list (documented; the words are assumed).
    task_status: NodeStatus,
}

impl Workflow {
    fn node_row(
        &self,
        key: InstanceKey,
        at: u16,
        node: &Node,
        task: Option<NodeTask>,
        dialers: &Dialers<'_>,
    ) -> NodeRow {
        NodeRow {
            nodetask_id: self.nodetask_id(key, at),
            nodetask_name: node.name.clone(),
            node_type: node.kind.node_type(),
            task_id: task.map(|task| dialers.id(task)),
        }
    }

    /// Reports that an instance or the run of one of its nodes has changed its status.
    pub(in crate::simulator::workflow) fn emit_status(
        &mut self,
        key: InstanceKey,
        phase: InstancePhase,
        dialers: &mut Dialers<'_>,
    ) {
        self.instances[key].has_news = false;
        if self.is_silent(key, dialers) {
            return;
        }
        let instance = &self.instances[key];
        let nodes = self.nodes(instance.template).iter();
        let actions = (0_u16..).zip(nodes).map(|(at, node)| {
            let task = instance.tasks[usize::from(at)];
            NodeAction {
                node: self.node_row(key, at, node, task, dialers),
                task_status: self.node_status(key, at),
            }
        });
        let body = StatusChanged {
            workflow_id: self.workflow_id(key),
            workflow_name: instance.name.clone(),
            status: phase.status(),
            actions: actions.collect(),
        };
        let order = self.workflow_id(key);
        self.send((key, None), "workflow.status_changed", &body, order, None, dialers);
    }

    /// Reports that a row has reached the end of its flow.
    pub(in crate::simulator::workflow) fn emit_contact_completed(
        &mut self,
        key: InstanceKey,
        at: u32,
        dialers: &mut Dialers<'_>,
    ) {
        if self.is_silent(key, dialers) {
            return;
        }
        let instance = &self.instances[key];
        let Some(row) = instance.row(at) else { return };
        let passed = row.visits.iter().filter_map(|visit| {
            let node = self.node(instance.template, visit.node)?;
            let task = instance.tasks[usize::from(visit.node)];
            Some(self.node_row(key, visit.node, node, task, dialers))
        });
        let body = ContactCompleted {
            workflow_id: self.workflow_id(key),
            workflow_name: instance.name.clone(),
            case_id: row.case_id.to_string(),
            callee_number: format!("+{}", row.number),
            rows: passed.collect(),
        };
        let order = self.detail_id(key, at);
        self.send((key, None), "workflow.contact_completed", &body, order, None, dialers);
    }

    /// Lets a Custom API node push a row's data: the values in the list, and empty values otherwise.
    pub(in crate::simulator::workflow) fn emit_push(
        &mut self,
        key: InstanceKey,
        at: u32,
        node: u16,
        dialers: &mut Dialers<'_>,
    ) {
        if self.is_silent(key, dialers) {
            return;
        }
        let instance = &self.instances[key];
        let Some(row) = instance.row(at) else { return };
        let mut more = row::own_variables(&row.variables);
        let mut take = |name: &str| match more.shift_remove(name) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        let body = ApiPush {
            workflow_id: self.workflow_id(key),
            workflow_name: instance.name.clone(),
            node_id: self.node_id(instance.template, node),
            node_name: self.nodes(instance.template)[usize::from(node)].name.clone(),
            callee: Callee {
                case_id: row.case_id.to_string(),
                callee_name: take("callee_name"),
                callee_gender: take("callee_gender"),
                callee_number: format!("+{}", row.number),
                platform_name: take("platform_name"),
                extra_a: take("extra_a"),
                more: {
                    for own in ["case_id", "callee_number"] {
                        more.shift_remove(own);
                    }
                    more
                },
            },
        };
        // A push that the receiver does not accept must not hold up other callbacks about its row.
        let order = format!("{}/push", self.detail_id(key, at));
        let push = PushKey { instance: key, row: at, node };
        let body = self.send((key, Some(node)), "workflow.api_push", &body, order, Some(push), dialers);
        self.instances[key].pushes.insert((at, node), Push { body, reach: None });
    }
}

impl NodeRow {
    /// Returns the nodes of generated bodies.
    fn shown(simulator: &Simulator, case: &Case) -> Vec<Self> {
        let nodes = shown(&simulator.workflow).map(|template| template.nodes.as_slice()).unwrap_or_default();
        let first = |kind: NodeType| nodes.iter().position(|node| node.kind.node_type() == kind);
        let (voice, message) = (first(NodeType::Voice), first(NodeType::Waba));
        let row = |(at, node): (usize, &Node)| Self {
            nodetask_id: match Some(at) {
                at if at == voice => case.nodetask_id.clone(),
                at if at == message => case.waba_nodetask_id.clone(),
                _ => hex32(&mut case.nodes.stream("node", at as u64)),
            },
            nodetask_name: node.name.clone(),
            node_type: node.kind.node_type(),
            task_id: (Some(at) == voice).then(|| case.task_id.clone()),
        };
        nodes.iter().enumerate().map(row).collect()
    }
}

impl Generate for ApiPush {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        let case = Case::wanted(simulator, key, wanted);
        Self {
            workflow_id: case.workflow_id,
            workflow_name: case.workflow_name,
            node_id: case.node_id,
            node_name: shown_name(&simulator.workflow, NodeType::Api).unwrap_or_default(),
            callee: Callee {
                case_id: case.case_id,
                callee_name: case.name,
                callee_gender: case.gender,
                callee_number: case.phone,
                platform_name: simulator.chatbot.conversations.get(key).facts().company,
                extra_a: String::new(),
                more: Fields::new(),
            },
        }
    }
}

impl Generate for ContactCompleted {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        let case = Case::wanted(simulator, key, wanted);
        Self {
            rows: NodeRow::shown(simulator, &case),
            workflow_id: case.workflow_id,
            workflow_name: case.workflow_name,
            case_id: case.case_id,
            callee_number: case.phone,
        }
    }
}

impl Generate for StatusChanged {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        let case = Case::wanted(simulator, key, wanted);
        let action = |node: NodeRow| NodeAction {
            task_status: if node.task_id.is_some() { NodeStatus::Running } else { NodeStatus::Pending },
            node,
        };
        Self {
            actions: NodeRow::shown(simulator, &case).into_iter().map(action).collect(),
            workflow_id: case.workflow_id,
            workflow_name: case.workflow_name,
            status: InstanceStatus::Running,
        }
    }
}
