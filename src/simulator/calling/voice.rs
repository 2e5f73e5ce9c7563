//! Call tasks of workflows: their rows come one by one while they run, and the result of a number goes to the workflow instead
//! of ending a list.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::call_detail::CallDetail;
use super::callbacks::CallCompleted;
use super::recordings::CallFacts;
use super::rows::{RowStatus, Rows};
use super::task::{TaskOrder, TaskStatus};
use super::{Calling, TaskKey};
use crate::simulator::access::AccountKey;
use crate::simulator::case::Case;
use crate::simulator::context::Context;
use crate::simulator::endpoint::{Generate, MaybeLong, Wanted};
use crate::simulator::ids::Kind;
use crate::simulator::node::{CameTo, NodeOrder, Part, RowEnded, Taken};
use crate::simulator::outcome::MockOutcome;
use crate::simulator::{ConversationKey, Simulator};

/// *Call completion in workflow*: a voice node has finished with a number. Sent once per number (assumed).
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(in crate::simulator) struct WorkflowCallCompleted {
    /// The call, as `call.completed` reports it.
    #[serde(flatten)]
    call: CallCompleted,
    /// The instance, 32 hex (documented).
    workflow_id: String,
    /// Its name (documented).
    workflow_name: String,
    /// The node's run, 32 hex (documented).
    nodetask_id: String,
    /// Its name (documented).
    nodetask_name: String,
    /// The customer's own id of the row (documented).
    case_id: String,
}

impl WorkflowCallCompleted {
    fn new(call: CallCompleted, part: &Part, case_id: String) -> Self {
        Self {
            call,
            workflow_id: part.workflow_id.clone(),
            workflow_name: part.workflow_name.clone(),
            nodetask_id: part.nodetask_id.clone(),
            nodetask_name: part.nodetask_name.clone(),
            case_id,
        }
    }
}

impl Generate for WorkflowCallCompleted {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        let case = Case::wanted(simulator, key, wanted);
        Self {
            call: CallCompleted::of_case(&case),
            workflow_id: case.workflow_id,
            workflow_name: case.workflow_name,
            nodetask_id: case.nodetask_id,
            nodetask_name: "Voice call".to_owned(),
            case_id: case.case_id,
        }
    }
}

/// A call task of a workflow and each of its numbers (documented).
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(in crate::simulator) struct WorkflowTaskDetail {
    /// The task, 32 hex (client).
    #[serde(rename = "TaskID")]
    task_id: String,
    /// Its status (client).
    #[serde(rename = "Status")]
    status: TaskStatus,
    /// The instance, 32 hex.
    workflow_id: String,
    /// Its name.
    workflow_name: String,
    /// The node's run, 32 hex.
    nodetask_id: String,
    /// Its name.
    nodetask_name: String,
    /// One element per number (documented; its name is from a client).
    detail: Vec<WorkflowCallDetail>,
}

/// What became of a number of a workflow (client).
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(in crate::simulator) struct WorkflowCallDetail {
    /// What *task detail* reports.
    #[serde(flatten)]
    call: CallDetail,
    /// The customer's own id of the row (documented; its place is assumed).
    case_id: String,
}

/// The facts of a number's call in a workflow (assumed).
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(in crate::simulator) struct WorkflowCallFacts {
    /// The call, and the link to its recording.
    #[serde(flatten)]
    facts: CallFacts,
    /// The instance, 32 hex.
    workflow_id: String,
    /// Its name.
    workflow_name: String,
    /// The node's run, 32 hex.
    nodetask_id: String,
    /// Its name.
    nodetask_name: String,
    /// The customer's own id of the row.
    case_id: String,
}

impl WorkflowCallFacts {
    /// Whether it has a recording.
    pub(in crate::simulator) fn is_recorded(&self) -> bool {
        self.facts.is_recorded()
    }
}

impl Calling {
    /// Adds a task without rows for a voice node.
    pub(in crate::simulator) fn add_voice(
        &mut self,
        context: &mut Context,
        order: NodeOrder,
        (robot, line): (&str, &str),
    ) -> TaskKey {
        let part = order.part;
        let task = TaskOrder {
            account: order.account,
            name: part.task_name(),
            plan: None,
            workflow: Some(Arc::new(part)),
            robot: robot.to_owned(),
            line: line.to_owned(),
            starts: context.now,
            ends: Some(order.ends),
            repeat_number: order.repeat.number,
            repeat_interval: order.repeat.interval,
        };
        let key = self.add_task(context, task, Rows::default(), 0);
        let task = &mut self.tasks[key];
        task.is_open = true;
        task.cause = order.cause;
        key
    }

    /// Adds a row to a voice node. Returns its index in the node's task.
    pub(in crate::simulator) fn append_row(
        &mut self,
        context: &mut Context,
        key: TaskKey,
        (number, mock_outcome): (u64, MockOutcome),
        text: Bytes,
        origin: u32,
    ) -> Option<u32> {
        let row = self.tasks[key].append(number, mock_outcome, text, origin)?;
        if self.tasks[key].status == TaskStatus::Running {
            self.queue(key);
            self.fill(context, self.tasks[key].line);
        }
        Some(row)
    }

    /// Declares that no more rows come: the task ends with its last number.
    pub(in crate::simulator) fn seal(&mut self, context: &mut Context, key: TaskKey) {
        let task = &mut self.tasks[key];
        task.is_open = false;
        if task.is_finished() {
            self.finish(context, key);
        }
    }

    /// Stops a task: nothing new is dialled, and unfinished numbers are cancelled.
    pub(in crate::simulator) fn stop_voice(&mut self, context: &mut Context, key: TaskKey) {
        if !self.tasks[key].status.is_over() {
            self.stop_task(context, key);
        }
    }

    /// Takes a number out, unless it is being called: then that call is its last.
    pub(in crate::simulator) fn take_out(&mut self, context: &mut Context, key: TaskKey, row: u32) -> Taken {
        match self.tasks[key].row(row).map(|row| row.status) {
            Some(RowStatus::Calling) => {
                self.tasks[key].let_go.insert(row);
                Taken::Calling
            }
            _ => {
                self.cancel_row(context, key, row);
                Taken::Out
            }
        }
    }

    pub(super) fn note_ended(&mut self, context: &mut Context, key: TaskKey, at: u32) {
        let task = &self.tasks[key];
        let Some(part) = &task.order.workflow else { return };
        let (Some(row), Some(origin)) = (task.row(at), task.origins.get(at as usize)) else { return };
        context.rows_ended.push(RowEnded {
            instance: part.instance,
            node: part.node,
            row: *origin,
            came_to: CameTo::Call(row.outcome),
            intention: row.intention,
        });
    }

    /// Returns the workflow task with this id, if it belongs to the account.
    pub(in crate::simulator) fn find_voice(&self, id: &str, account: AccountKey) -> Option<(TaskKey, &Part)> {
        let key = self.ids.open(Kind::Task, id).map(|(at, ..)| TaskKey(at))?;
        let task = self.tasks.get(key).filter(|task| task.order.account == account)?;
        Some((key, task.order.workflow.as_deref()?))
    }

    /// Returns the result of a workflow's number, and the key that orders its callback.
    pub(super) fn workflow_call_completed(
        &self,
        key: TaskKey,
        at: u32,
    ) -> Option<(WorkflowCallCompleted, String)> {
        let task = &self.tasks[key];
        let part = task.order.workflow.as_deref()?;
        let origin = *task.origins.get(at as usize)?;
        let call = self.call_completed(key, at)?;
        let body = WorkflowCallCompleted::new(call, part, self.call_reports(key).case_id(at));
        Some((body, self.ids.seal(Kind::Detail, (part.instance.0, origin, 0))))
    }

    /// Returns the data of *workflow task detail*: what *task detail* reports, and the workflow's own fields. `None` if the
    /// task belongs to no workflow.
    pub(in crate::simulator) fn voice_detail(
        &mut self,
        key: TaskKey,
    ) -> Option<MaybeLong<WorkflowTaskDetail>> {
        let part = Arc::clone(self.tasks[key].order.workflow.as_ref()?);
        Some(self.detail(key, "workflow.call_task_detail", |task, reports| {
            let head = WorkflowTaskDetail {
                task_id: reports.task_id.clone(),
                status: task.status,
                workflow_id: part.workflow_id.clone(),
                workflow_name: part.workflow_name.clone(),
                nodetask_id: part.nodetask_id.clone(),
                nodetask_name: part.nodetask_name.clone(),
                detail: Vec::new(),
            };
            let count = reports.count();
            let row = move |at| {
                Some(WorkflowCallDetail { call: reports.latest(at)?, case_id: reports.case_id(at) })
            };
            MaybeLong::with_rows(head, |head| &mut head.detail, count, row)
        }))
    }

    /// Returns the facts of every call to a number in a workflow, the first one first.
    pub(in crate::simulator) fn voice_facts(
        &self,
        key: TaskKey,
        at: u32,
        now: Timestamp,
    ) -> Vec<WorkflowCallFacts> {
        let Some(part) = self.tasks[key].order.workflow.as_deref() else { return Vec::new() };
        let reports = self.call_reports(key);
        let of = |facts| WorkflowCallFacts {
            facts,
            workflow_id: part.workflow_id.clone(),
            workflow_name: part.workflow_name.clone(),
            nodetask_id: part.nodetask_id.clone(),
            nodetask_name: part.nodetask_name.clone(),
            case_id: reports.case_id(at),
        };
        self.calls_to(key, at, now).into_iter().map(of).collect()
    }
}
