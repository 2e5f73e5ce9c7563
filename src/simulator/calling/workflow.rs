//! Call tasks of workflows: their rows come one by one while they run, and what becomes of a number goes to the
//! workflow instead of ending a list.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::rows::{Rows, Standing};
use super::task::{Detail, Phase, TaskOrder};
use super::{Calling, TaskKey};
use crate::contract::bodies::calling::{CallCompleted, CallFacts, TaskSummary};
use crate::contract::bodies::workflow::{
    WorkflowCallCompleted, WorkflowCallDetail, WorkflowCallFacts, WorkflowTaskDetail,
};
use crate::simulator::access::AccountKey;
use crate::simulator::context::Context;
use crate::simulator::ids::Kind;
use crate::simulator::node::{CameTo, NodeOrder, Part, RowEnded, Taken};
use crate::simulator::outcome::MockOutcome;
use crate::simulator::params::bad;
use crate::simulator::{Long, Request, Response};

/// From so many rows on an answer is written while it is sent.
const LONG: usize = 500;

impl Calling {
    /// A task for a voice node, without any rows yet.
    pub(in crate::simulator) fn add_voice(
        &mut self,
        context: &mut Context,
        order: NodeOrder,
        (robot, line): (&str, &str),
        now: Timestamp,
    ) -> TaskKey {
        let part = order.part;
        let task = TaskOrder {
            account: order.account,
            name: part.task_name(),
            plan: None,
            workflow: Some(Arc::new(part)),
            robot: robot.to_owned(),
            line: line.to_owned(),
            starts: now,
            ends: Some(order.ends),
            repeat_number: order.repeat.number,
            repeat_interval: order.repeat.interval,
        };
        let key = self.add_task(context, task, Rows::default(), 0, now);
        let task = self.task_mut(key);
        task.is_open = true;
        task.cause = order.cause;
        key
    }

    /// A row comes to a voice node. Its place in the node's task.
    pub(in crate::simulator) fn append_row(
        &mut self,
        context: &mut Context,
        key: TaskKey,
        (number, mock_outcome): (u64, MockOutcome),
        text: Bytes,
        origin: u32,
        now: Timestamp,
    ) -> Option<u32> {
        let row = self.task_mut(key).append(number, mock_outcome, text, origin)?;
        if self.task(key).phase == Phase::Running {
            self.queue(key);
            self.fill(context, self.task(key).line, now);
        }
        Some(row)
    }

    /// No more rows come: the task ends with its last number.
    pub(in crate::simulator) fn seal(&mut self, context: &mut Context, key: TaskKey, now: Timestamp) {
        let task = self.task_mut(key);
        task.is_open = false;
        if task.is_through() {
            self.finish(context, key, now);
        }
    }

    /// Nothing new is dialled; what was tried is through.
    pub(in crate::simulator) fn close_voice(&mut self, context: &mut Context, key: TaskKey, now: Timestamp) {
        self.close(context, key, now);
    }

    /// Nothing new is dialled; what was not through is cancelled.
    pub(in crate::simulator) fn stop_voice(&mut self, context: &mut Context, key: TaskKey, now: Timestamp) {
        if !self.task(key).phase.is_over() {
            self.stop_task(context, key, now);
        }
    }

    /// Takes a number out, unless it is being called: then that call is its last.
    pub(in crate::simulator) fn take_out(
        &mut self,
        context: &mut Context,
        key: TaskKey,
        row: u32,
        now: Timestamp,
    ) -> Taken {
        match self.task(key).row(row).map(|row| row.standing) {
            Some(Standing::Calling) => {
                self.task_mut(key).let_go.insert(row);
                Taken::Calling
            }
            _ => {
                self.cancel_row(context, key, row, now);
                Taken::Out
            }
        }
    }

    pub(super) fn note_ended(&mut self, context: &mut Context, key: TaskKey, at: u32, now: Timestamp) {
        let task = self.task(key);
        let Some(part) = &task.order.workflow else { return };
        let (Some(row), Some(origin)) = (task.row(at), task.origins.get(at as usize)) else { return };
        context.rows_ended.push(RowEnded {
            instance: part.instance,
            node: part.node,
            row: *origin,
            at: now,
            came_to: CameTo::Call(row.outcome),
            intention: row.intention,
        });
    }

    /// The word of a task's status.
    pub(in crate::simulator) fn voice_status(&self, key: TaskKey) -> &'static str {
        self.task(key).phase.as_str()
    }

    /// The id of a voice node's task.
    pub(in crate::simulator) fn voice_id(&self, key: TaskKey) -> String {
        self.task_id(key)
    }

    /// The task of a workflow with this id, if it is the account's.
    pub(in crate::simulator) fn find_voice(&self, id: &str, account: AccountKey) -> Option<(TaskKey, &Part)> {
        let (at, ..) = self.ids.open(Kind::Task, id)?;
        let task = self.tasks.get(at as usize).filter(|task| task.order.account == account)?;
        Some((TaskKey(at), task.order.workflow.as_deref()?))
    }

    /// A voice node's task in a list.
    pub(in crate::simulator) fn voice_summary(&self, key: TaskKey, call: &Request<'_>) -> TaskSummary {
        TaskSummary { kind: "workflow".to_owned(), ..self.summary(key, call) }
    }

    /// What became of a number of a workflow: the body of `workflow.call_completed`, and what keeps its order.
    pub(super) fn workflow_call_completed(&self, key: TaskKey, at: u32) -> Option<(String, String)> {
        let task = self.task(key);
        let part = task.order.workflow.as_deref()?;
        let origin = *task.origins.get(at as usize)?;
        let teller = self.teller(key);
        let body = WorkflowCallCompleted {
            call: CallCompleted {
                task_id: teller.task_id.clone(),
                task_name: task.order.name.clone(),
                call: teller.call(at)?,
            },
            workflow_id: part.workflow_id.clone(),
            workflow_name: part.workflow_name.clone(),
            nodetask_id: part.nodetask_id.clone(),
            nodetask_name: part.nodetask_name.clone(),
            case_id: teller.case_id(at),
        };
        // Bodies are plain data, which always fits into JSON.
        let text = serde_json::to_string(&body).ok()?;
        Some((text, self.ids.seal(Kind::Detail, (part.instance.0, origin, 0))))
    }

    /// The data of *workflow task detail*: what *task detail* tells, and the workflow's own fields.
    pub(in crate::simulator) fn voice_detail(&mut self, key: TaskKey) -> Response {
        let task = self.task(key);
        if let Some(text) = task.told(Detail::Workflow) {
            return Response::Text(text.to_owned());
        }
        let Some(part) = task.order.workflow.clone() else { return Response::NotSimulated };
        let teller = self.teller(key);
        let head = WorkflowTaskDetail {
            task_id: teller.task_id.clone(),
            status: task.phase.as_str().to_owned(),
            workflow_id: part.workflow_id.clone(),
            workflow_name: part.workflow_name.clone(),
            nodetask_id: part.nodetask_id.clone(),
            nodetask_name: part.nodetask_name.clone(),
            detail: Vec::new(),
        };
        let count = u32::try_from(teller.rows.list.len()).unwrap_or(u32::MAX);
        let tell =
            move |at: u32| Some(WorkflowCallDetail { call: teller.call(at)?, case_id: teller.case_id(at) });
        if task.rows.list.len() < LONG {
            let detail = WorkflowTaskDetail { detail: (0..count).filter_map(tell).collect(), ..head };
            // Bodies are plain data, which always fits into JSON.
            let text = serde_json::to_string(&detail).unwrap_or_default();
            self.task_mut(key).remember(Detail::Workflow, &text);
            return Response::Text(text);
        }
        Response::Long(Long::new(move |out| {
            let head = serde_json::to_string(&head)?;
            // The list is the last field and empty.
            out.write_all(head.trim_end_matches("]}").as_bytes())?;
            for row in 0..count {
                if row > 0 {
                    out.write_all(b",")?;
                }
                if let Some(call) = tell(row) {
                    serde_json::to_writer(&mut *out, &call)?;
                }
            }
            out.write_all(b"]}")
        }))
    }

    /// The facts of a number's latest call in a workflow; nothing if it has not been called.
    pub(in crate::simulator) fn voice_facts(&self, key: TaskKey, at: u32) -> Option<WorkflowCallFacts> {
        let task = self.task(key);
        let part = task.order.workflow.as_deref()?;
        task.row(at).filter(|row| row.attempts > 0)?;
        let teller = self.teller(key);
        let call = teller.call(at)?;
        Some(WorkflowCallFacts {
            facts: CallFacts { link: call.record_link.clone(), task_id: teller.task_id.clone(), call },
            workflow_id: part.workflow_id.clone(),
            workflow_name: part.workflow_name.clone(),
            nodetask_id: part.nodetask_id.clone(),
            nodetask_name: part.nodetask_name.clone(),
            case_id: teller.case_id(at),
        })
    }

    /// Tasks of workflows are stopped and their numbers taken out by the workflow's own calls (assumed, as the dialer
    /// refuses it too).
    pub(super) fn not_of_workflow(&self, key: TaskKey) -> Result<(), Response> {
        match self.task(key).order.workflow {
            Some(_) => Err(bad("the task belongs to a workflow: use the workflow's own calls")),
            None => Ok(()),
        }
    }
}
