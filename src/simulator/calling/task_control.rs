//! *Cancel a calling task* and *cancel a certain call*.

use schemars::JsonSchema;
use serde::Deserialize;

use super::task::TaskStatus;
use super::{Calling, TaskKey};
use crate::simulator::e164::PhoneNumber;
use crate::simulator::endpoint::NoData;
use crate::simulator::{Refusal, Request, Simulator};

/// `POST /service/cloud/operation` (client).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct OperateTask {
    /// The id of a task, 32 hex digits; either it or `PlanID` is needed.
    #[serde(rename = "TaskID")]
    task_id: Option<String>,
    /// The id of a plan instead of a task: the action applies to the plan, also while it waits for its next round
    /// (assumed).
    #[serde(rename = "PlanID")]
    plan_id: Option<String>,
    /// What to do with the task (client).
    #[serde(rename = "Action")]
    action: Action,
}

/// What is done with a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
enum Action {
    /// Nothing new is dialled, and the task ends with its last call (client).
    Stop,
    /// Nothing new is dialled until it is resumed (assumed).
    Pause,
    /// A paused task goes on (assumed).
    Resume,
}

/// Stops, pauses or resumes a task.
pub(super) fn operate_task(
    simulator: &mut Simulator,
    asked: OperateTask,
    request: &Request<'_>,
) -> Result<NoData, Refusal> {
    let Simulator { calling, context, .. } = simulator;
    let (what, key, status) = match (&asked.task_id, &asked.plan_id) {
        (Some(id), None) => {
            let key = calling.find_own_task(id, request)?;
            ("task", key, calling.tasks[key].status)
        }
        (None, Some(id)) => {
            let plan = calling.find_plan(id, request.account)?;
            let latest = calling.plans[plan].rounds.last().map(|run| run.task);
            let latest = latest.ok_or_else(|| Refusal::new(400, "the plan has no round yet"))?;
            ("plan", latest, calling.plan_status(plan))
        }
        (Some(_), Some(_)) => {
            return Err(Refusal::new(400, "TaskID and PlanID are both given: give only one of them"));
        }
        (None, None) => return Err(Refusal::new(400, "TaskID is missing: the id of a task, 32 hex digits")),
    };
    // A plan is stopped, paused and resumed through its tasks, even while it waits for its next round.
    let task = &calling.tasks[key];
    if let (true, Some((plan, _))) = (task.status.is_over(), task.order.plan) {
        let done = match asked.action {
            Action::Stop => calling.stop_between_rounds(context, plan, key).then_some(true),
            Action::Pause => calling.pause_between_rounds(plan, key),
            Action::Resume => calling.resume_between_rounds(context, plan, key),
        };
        match (done, asked.action) {
            (Some(true), _) => return Ok(NoData),
            (Some(false), Action::Pause) => return Err(Refusal::new(400, "the plan is already paused")),
            (Some(false), _) => return Err(Refusal::new(400, "the plan is not paused")),
            (None, _) => {}
        }
    }
    let refuse = |why: &str| Err(Refusal::new(400, format!("the {what} {why}")));
    match (asked.action, status) {
        (_, TaskStatus::Finished) => return refuse("is already finished"),
        (_, TaskStatus::Cancelled) => return refuse("is already stopped"),
        (_, TaskStatus::Stopping) => {
            return refuse("is already being stopped: its last calls are still going on");
        }
        (Action::Stop, _) => calling.stop_task(context, key),
        (Action::Pause, TaskStatus::Running) => calling.pause_task(key),
        (Action::Pause, TaskStatus::Paused) => return refuse("is already paused"),
        (Action::Pause, _) => return refuse("is not running"),
        (Action::Resume, TaskStatus::Paused) => calling.resume_task(context, key),
        (Action::Resume, _) => return refuse("is not paused"),
    }
    Ok(NoData)
}

/// `POST /service/cloud/cancelphonecall` (client).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct CancelCall {
    /// The id of a task, 32 hex digits.
    #[serde(rename = "TaskID")]
    task_id: String,
    /// A number in E.164 such as `+6281112345678`.
    #[serde(rename = "CalleeNumber")]
    number: PhoneNumber,
}

/// Takes a number out of a task: its rows that are still to be called become `cancelled`.
pub(super) fn cancel_call(
    simulator: &mut Simulator,
    asked: CancelCall,
    request: &Request<'_>,
) -> Result<NoData, Refusal> {
    let Simulator { calling, context, .. } = simulator;
    let key = calling.find_own_task(&asked.task_id, request)?;
    let rows = calling.rows_of(key, asked.number)?;
    let mut is_cancelled = false;
    for row in &rows {
        is_cancelled |= calling.cancel_row(context, key, *row);
    }
    match rows.first().and_then(|row| calling.tasks[key].row(*row)) {
        Some(row) if !is_cancelled => {
            let status = row.status.as_str();
            Err(Refusal::new(400, format!("{} cannot be cancelled: it is {status}", asked.number)))
        }
        _ => Ok(NoData),
    }
}

impl Calling {
    /// Returns the rows of a task with this number; there must be at least one.
    pub(super) fn rows_of(&mut self, key: TaskKey, number: PhoneNumber) -> Result<Vec<u32>, Refusal> {
        let rows = self.tasks[key].rows_of(number.digits());
        match rows.is_empty() {
            true => Err(Refusal::new(404, format!("{number} is not in this task"))),
            false => Ok(rows),
        }
    }

    /// Returns the task of this id, unless it belongs to a workflow: the workflow's own requests stop its tasks and take their
    /// numbers out (assumed, as the dialer refuses it too).
    fn find_own_task(&self, id: &str, request: &Request<'_>) -> Result<TaskKey, Refusal> {
        let key = self.find_task(id, request)?;
        match self.tasks[key].order.workflow {
            Some(_) => {
                Err(Refusal::new(400, "the task belongs to a workflow: use the workflow's own requests"))
            }
            None => Ok(key),
        }
    }
}
