//! The call tasks of an instance, and the calls in them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Workflow;
use super::dialers::{Dialers, NodeTask};
use super::fields::{List, OneInstance, RowNames, unknown};
use super::parts;
use crate::contract::fields::shown;
use crate::simulator::calling::{TaskKey, TaskSummary, WorkflowCallFacts, WorkflowTaskDetail};
use crate::simulator::e164::PhoneNumber;
use crate::simulator::endpoint::MaybeLong;
use crate::simulator::keys::InstanceKey;
use crate::simulator::{Refusal, Request, Simulator};

/// A call task in the list of an instance, as the calling API lists it, and the node (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CallTaskSummary {
    #[serde(flatten)]
    task: TaskSummary,
    /// The node's run, 32 hex.
    nodetask_id: String,
    /// Its name.
    nodetask_name: String,
}

/// `POST /service/cloud/workflow/taskdetail`, as *task detail* (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct CallTask {
    /// The id of a task, 32 hex digits; it or `task_id` is needed.
    #[serde(rename = "TaskID")]
    task_id: Option<String>,
    /// The same field in the letter case of workflows.
    #[serde(rename = "task_id")]
    snake_task_id: Option<String>,
}

/// The calls to a number or case (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct CallsOfRow {
    /// The number of the rows, in E.164; it or `case_id` is needed.
    callee: Option<PhoneNumber>,
    /// The customer's own id of the rows.
    case_id: Option<String>,
    /// The id of a task, 32 hex digits: only its calls. It or `workflow_id` is needed.
    #[serde(rename = "TaskID")]
    task_id: Option<String>,
    /// The same field in the letter case of workflows.
    #[serde(rename = "task_id")]
    snake_task_id: Option<String>,
    /// The id of an instance, 32 hex digits: the calls of all its tasks. It or `task_id` is needed.
    workflow_id: Option<String>,
}

/// `POST /service/cloud/workflow/tasklist`: lists the call tasks of an instance.
pub(super) fn call_tasks(
    simulator: &mut Simulator,
    OneInstance { workflow_id }: OneInstance,
    request: &Request<'_>,
) -> Result<List<CallTaskSummary>, Refusal> {
    let (workflow, dialers) = parts(simulator);
    let key = workflow.find_instance(&workflow_id, request)?;
    let instance = &workflow.instances[key];
    let nodes = (0_u16..).zip(workflow.nodes(instance.template)).zip(instance.tasks.iter().copied());
    let list = nodes.filter_map(|((at, node), task)| {
        Some(CallTaskSummary {
            task: dialers.calling.summary(task?.voice()?, request),
            nodetask_id: workflow.nodetask_id(key, at),
            nodetask_name: node.name.clone(),
        })
    });
    Ok(List::whole(list.collect()))
}

/// Returns the results of a call task and of each of its numbers.
pub(super) fn call_task_detail(
    simulator: &mut Simulator,
    fields: CallTask,
    request: &Request<'_>,
) -> Result<MaybeLong<WorkflowTaskDetail>, Refusal> {
    let (_, dialers) = parts(simulator);
    let id = named_task(fields.task_id.as_deref(), fields.snake_task_id.as_deref());
    let id = id.ok_or_else(|| Refusal::new(400, "TaskID is missing: the id of a task, 32 hex digits"))?;
    let (task, _) = find_task(id, request, &dialers)?;
    dialers.calling.voice_detail(task).ok_or_else(|| unknown(id.0, id.1))
}

/// `GET /service/cloud/workflow/callinfo`: the facts of a row's calls and links to their recordings.
pub(super) fn call_info(
    simulator: &mut Simulator,
    fields: CallsOfRow,
    request: &Request<'_>,
) -> Result<List<WorkflowCallFacts>, Refusal> {
    let (workflow, dialers) = parts(simulator);
    workflow.calls_of(&fields, request, &dialers).map(List::whole)
}

/// `GET /service/cloud/workflow/recordings`: the calls to a row that were recorded.
pub(super) fn recordings(
    simulator: &mut Simulator,
    fields: CallsOfRow,
    request: &Request<'_>,
) -> Result<List<WorkflowCallFacts>, Refusal> {
    let (workflow, dialers) = parts(simulator);
    let mut calls = workflow.calls_of(&fields, request, &dialers)?;
    calls.retain(WorkflowCallFacts::is_recorded);
    Ok(List::whole(calls))
}

/// Returns the task that a request names by a field in either letter case: a description for messages, and the id.
fn named_task<'a>(
    task_id: Option<&'a str>,
    snake_task_id: Option<&'a str>,
) -> Option<(&'static str, &'a str)> {
    let named = task_id.map(|id| ("task of a workflow with TaskID", id));
    named.or_else(|| snake_task_id.map(|id| ("task of a workflow with task_id", id)))
}

/// Returns the call task with this id, and the instance that it belongs to.
fn find_task(
    (what, id): (&str, &str),
    request: &Request<'_>,
    dialers: &Dialers<'_>,
) -> Result<(TaskKey, InstanceKey), Refusal> {
    match dialers.calling.find_voice(id, request.account) {
        Some((task, part)) => Ok((task, part.instance)),
        None if dialers.dialer.is_of_workflow(id, request.account) => {
            let id = shown(&id.into());
            let message = format!("{id} is a task of the predictive dialer: ask its own querytaskdetail");
            Err(Refusal::new(400, message))
        }
        None => Err(unknown(what, id)),
    }
}

impl Workflow {
    /// Returns the calls of the rows that a request names, in all call tasks of an instance or in one of them.
    fn calls_of(
        &self,
        fields: &CallsOfRow,
        request: &Request<'_>,
        dialers: &Dialers<'_>,
    ) -> Result<Vec<WorkflowCallFacts>, Refusal> {
        let names = RowNames::new(fields.callee, fields.case_id.as_ref())?;
        let task_id = named_task(fields.task_id.as_deref(), fields.snake_task_id.as_deref());
        let (only, key) = match (task_id, &fields.workflow_id) {
            (Some(id), _) => {
                let (task, key) = find_task(id, request, dialers)?;
                (Some(task), key)
            }
            (None, Some(id)) => (None, self.find_instance(id, request)?),
            (None, None) => {
                let message = "workflow_id is missing: the id of an instance, or a task_id";
                return Err(Refusal::new(400, message));
            }
        };
        let instance = &self.instances[key];
        let mut found = Vec::new();
        for at in self.named_rows(key, names)? {
            for visit in instance.row(at).map(|row| row.visits.as_slice()).unwrap_or_default() {
                let task = instance.tasks[usize::from(visit.node)].and_then(NodeTask::voice);
                let asked = task.filter(|task| only.is_none_or(|only| only == *task));
                let facts = |task| dialers.calling.voice_facts(task, visit.work, request.now);
                found.extend(asked.into_iter().flat_map(facts));
            }
        }
        Ok(found)
    }
}
