//! Requests about templates and instances: lists, the parts of an instance, stopping an instance, and finding one by its rows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dialers::Dialers;
use super::fields::{List, Moment, OneInstance, Page, RowNames, unknown};
use super::instance::{Instance, NodeSums, RowCounts, RowStatus};
use super::{Workflow, parts};
use crate::contract::bodies::utc_text;
use crate::contract::fields::shown;
use crate::simulator::e164::PhoneNumber;
use crate::simulator::endpoint::{Both, NoData};
use crate::simulator::ids::Kind as Id;
use crate::simulator::keys::InstanceKey;
use crate::simulator::node::{InstancePhase, InstanceStatus};
use crate::simulator::rules::retention::not_kept;
use crate::simulator::rules::template::{Kind, NodeType};
use crate::simulator::{Refusal, Request, Simulator};

/// A template in the list (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TemplateSummary {
    /// The template, a whole number.
    workflow_template_id: i64,
    /// Its name.
    workflow_template_name: String,
    /// Its nodes, in order.
    nodes: Vec<TemplateNode>,
}

/// A node of a template (assumed).
#[derive(Debug, Serialize, JsonSchema)]
struct TemplateNode {
    /// The node, 32 hex.
    node_id: String,
    /// Its name.
    node_name: String,
    /// The kind of node.
    node_type: NodeType,
}

/// `GET /service/cloud/workflow/instancelist` (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ListInstances {
    /// Only instances of this status.
    status: Option<InstanceStatus>,
}

/// An instance in the list (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct InstanceSummary {
    /// The instance, 32 hex.
    workflow_id: String,
    /// Its name.
    workflow_name: String,
    /// Its template.
    workflow_template_id: i64,
    /// Its name.
    workflow_template_name: String,
    /// What it does.
    status: InstanceStatus,
    /// When it ends on its own, as in the request that created it.
    auto_finish: i64,
    /// When it was created: `2025-04-15T06:41:00Z`.
    create_time: String,
    /// Its latest end: `2025-04-15T06:41:00Z`.
    end_time: String,
    /// When it ended: `2025-04-15T06:41:00Z`; empty before.
    finish_time: String,
    #[serde(flatten)]
    counts: RowCounts,
}

/// What a node's run does (assumed).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum NodeStatus {
    /// No row has come to it.
    Pending,
    /// Rows have come to it.
    Running,
    /// Nobody is at it or comes to it any more.
    Finished,
    /// The same, since its instance was stopped.
    Stopped,
}

/// A node's run (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct NodeTaskSummary {
    /// The node's run, 32 hex.
    nodetask_id: String,
    /// Its name.
    nodetask_name: String,
    /// The kind of node.
    node_type: NodeType,
    /// The node of the template, 32 hex.
    node_id: String,
    /// What it does.
    status: NodeStatus,
    /// The task it created, if any: a calling task, or one of the predictive dialer.
    #[serde(skip_serializing_if = "Option::is_none")]
    task_id: Option<String>,
    /// The WhatsApp task it created, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    waba_task_id: Option<String>,
    /// Number of rows that have reached it.
    total: i64,
    /// Number of rows that are at it now.
    running: i64,
}

/// `POST /service/cloud/workflow/detailinstances` (documented).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct FindInstances {
    /// The customer's own id of the rows.
    case_id: Option<String>,
    /// The number of the rows, in E.164; it or `case_id` is needed (documented; that one will do is assumed).
    callee: Option<PhoneNumber>,
    /// A time such as `2030-01-31 09:00:00+08:00`, in the account's zone without one: instances created then or later
    /// (documented; the form and the meaning are assumed).
    start_time: Moment,
    /// A time such as `2030-01-31 09:00:00+08:00`, in the account's zone without one: instances created then or earlier
    /// (documented; the form and the meaning are assumed).
    end_time: Moment,
}

/// An instance that a case or a number is in (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FoundInstance {
    /// The instance, 32 hex.
    workflow_id: String,
    /// Its name.
    workflow_name: String,
    /// The customer's own id of the row.
    case_id: String,
    /// The number, in E.164.
    callee: String,
    /// The row, 32 hex.
    wfdetail_uuid: String,
    /// What the row does.
    status: RowStatus,
}

/// `GET /service/cloud/workflow/templatelist`: lists the templates, the newest first (documented).
pub(super) fn list_templates(
    simulator: &mut Simulator,
    page: Page,
    _: &Request<'_>,
) -> Result<List<TemplateSummary>, Refusal> {
    let workflow = &simulator.workflow;
    let (skip, take) = page.skip_and_take();
    let templates = workflow.templates.iter().enumerate().rev().skip(skip).take(take);
    let list = templates.map(|(at, template)| TemplateSummary {
        workflow_template_id: template.id,
        workflow_template_name: template.name.clone(),
        nodes: (0_u16..)
            .zip(&template.nodes)
            .map(|(number, node)| TemplateNode {
                node_id: workflow.node_id(at, number),
                node_name: node.name.clone(),
                node_type: node.kind.node_type(),
            })
            .collect(),
    });
    Ok(List { total: workflow.templates.len(), list: list.collect() })
}

/// Lists instances, the newest first (assumed).
pub(super) fn list(
    simulator: &mut Simulator,
    Both(fields, page): Both<ListInstances, Page>,
    request: &Request<'_>,
) -> Result<List<InstanceSummary>, Refusal> {
    let workflow = &simulator.workflow;
    let (skip, take) = page.skip_and_take();
    let all = workflow.of_account.get(&request.account).map(Vec::as_slice).unwrap_or_default();
    let is_asked_for = |key: &&InstanceKey| {
        fields.status.is_none_or(|status| workflow.instances[**key].phase.status() == status)
    };
    let total = all.iter().filter(is_asked_for).count();
    let page = all.iter().rev().filter(is_asked_for).skip(skip).take(take);
    Ok(List { total, list: page.map(|key| workflow.summary(*key)).collect() })
}

/// `GET /service/cloud/workflow/nodetasklist`: lists the runs of an instance's nodes.
pub(super) fn subtasks(
    simulator: &mut Simulator,
    OneInstance { workflow_id }: OneInstance,
    request: &Request<'_>,
) -> Result<List<NodeTaskSummary>, Refusal> {
    let (workflow, dialers) = parts(simulator);
    let key = workflow.find_instance(&workflow_id, request)?;
    let nodes = 0..u16::try_from(workflow.instances[key].nodes.len()).unwrap_or(u16::MAX);
    Ok(List::whole(nodes.filter_map(|node| workflow.node_summary(key, node, &dialers)).collect()))
}

/// `POST /service/cloud/workflow/stopinstance`: stops an instance.
pub(super) fn stop(
    simulator: &mut Simulator,
    OneInstance { workflow_id }: OneInstance,
    request: &Request<'_>,
) -> Result<NoData, Refusal> {
    let (workflow, mut dialers) = parts(simulator);
    let key = workflow.find_instance(&workflow_id, request)?;
    workflow.open_instance(key)?;
    workflow.wind_up(key, true, &mut dialers);
    Ok(NoData)
}

/// Finds the instances that contain a case or a number.
pub(super) fn find(
    simulator: &mut Simulator,
    fields: FindInstances,
    request: &Request<'_>,
) -> Result<List<FoundInstance>, Refusal> {
    let workflow = &simulator.workflow;
    let names = RowNames::new(fields.callee, fields.case_id.as_ref())?;
    let (from, to) = (fields.start_time.in_zone(request.zone), fields.end_time.in_zone(request.zone));
    if to < from {
        return Err(Refusal::new(400, "end_time must not be before start_time"));
    }
    let mut list = Vec::new();
    for key in workflow.of_account.get(&request.account).into_iter().flatten().rev() {
        let instance = &workflow.instances[*key];
        if !(from..=to).contains(&instance.created) {
            continue;
        }
        for at in instance.find(names.number, names.case_id) {
            let Some(row) = instance.row(at) else { continue };
            list.push(FoundInstance {
                workflow_id: workflow.workflow_id(*key),
                workflow_name: instance.name.clone(),
                case_id: row.case_id.to_string(),
                callee: format!("+{}", row.number),
                wfdetail_uuid: workflow.detail_id(*key, at),
                status: row.status,
            });
        }
    }
    Ok(List::whole(list))
}

impl Workflow {
    /// Returns the instance that a request names, if it belongs to the account.
    pub(super) fn find_instance(&self, id: &str, request: &Request<'_>) -> Result<InstanceKey, Refusal> {
        let key = self.ids.open(Id::Workflow, id).map(|(at, ..)| InstanceKey(at));
        let is_own = |key: &InstanceKey| {
            self.instances.get(*key).is_some_and(|instance| instance.account == request.account)
        };
        if key.is_some_and(|key| self.instances.is_gone(key)) {
            let what = format!("the workflow with workflow_id {}", shown(&id.into()));
            return Err(Refusal::new(404, not_kept(&what)));
        }
        key.filter(is_own).ok_or_else(|| unknown("workflow with workflow_id", id))
    }

    /// Returns an instance that is still in progress.
    pub(super) fn open_instance(&self, key: InstanceKey) -> Result<&Instance, Refusal> {
        let instance = &self.instances[key];
        match instance.phase {
            InstancePhase::Created | InstancePhase::Running => Ok(instance),
            InstancePhase::Stopped => Err(Refusal::new(400, "the workflow is already stopped")),
            InstancePhase::Ending { stopped: true } => {
                let message =
                    "the workflow is already being stopped: its last calls and sessions are still going on";
                Err(Refusal::new(400, message))
            }
            InstancePhase::Ending { stopped: false } | InstancePhase::Finished => {
                Err(Refusal::new(400, "the workflow is already finished"))
            }
        }
    }

    fn summary(&self, key: InstanceKey) -> InstanceSummary {
        let instance = &self.instances[key];
        let template = &self.templates[instance.template];
        InstanceSummary {
            workflow_id: self.workflow_id(key),
            workflow_name: instance.name.clone(),
            workflow_template_id: template.id,
            workflow_template_name: template.name.clone(),
            status: instance.phase.status(),
            auto_finish: instance.auto_finish as i64,
            create_time: utc_text(instance.created),
            end_time: utc_text(instance.ends),
            finish_time: instance.ended.map(utc_text).unwrap_or_default(),
            counts: instance.counts,
        }
    }

    /// Returns the status of a node's run (assumed): it runs from its first row on, and is over as soon as no row is at it or
    /// can still arrive.
    pub(super) fn node_status(&self, key: InstanceKey, node: u16) -> NodeStatus {
        let instance = &self.instances[key];
        let NodeSums { total, running } = instance.nodes[usize::from(node)];
        match instance.phase {
            InstancePhase::Finished => NodeStatus::Finished,
            InstancePhase::Stopped => NodeStatus::Stopped,
            InstancePhase::Ending { stopped: true } if running == 0 => NodeStatus::Stopped,
            InstancePhase::Ending { stopped: false } if running == 0 => NodeStatus::Finished,
            _ if total == 0 => NodeStatus::Pending,
            _ => NodeStatus::Running,
        }
    }

    fn node_summary(&self, key: InstanceKey, at: u16, dialers: &Dialers<'_>) -> Option<NodeTaskSummary> {
        let instance = &self.instances[key];
        let node = self.node(instance.template, at)?;
        let NodeSums { total, running } = instance.nodes[usize::from(at)];
        let sends = matches!(node.kind, Kind::WhatsApp { .. }) && total > 0;
        Some(NodeTaskSummary {
            nodetask_id: self.nodetask_id(key, at),
            nodetask_name: node.name.clone(),
            node_type: node.kind.node_type(),
            node_id: self.node_id(instance.template, at),
            status: self.node_status(key, at),
            task_id: instance.tasks[usize::from(at)].map(|task| dialers.id(task)),
            waba_task_id: sends.then(|| self.waba_task_id(key, at)),
            total: i64::from(total),
            running: i64::from(running),
        })
    }
}
