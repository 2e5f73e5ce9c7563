//! *Obtain the detailed information of tasks*: the result of each number. Real clients poll it instead of receiving callbacks,
//! and lists have tens of thousands of numbers, so a long response is streamed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call_detail::{CallDetail, CallReports};
use super::task::{Task, TaskStatus};
use super::{Calling, TaskKey};
use crate::simulator::endpoint::MaybeLong;
use crate::simulator::{Refusal, Request, Simulator};

/// `GET /service/cloud/detail` (client).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct AskTaskDetail {
    /// The id of a task, 32 hex digits.
    #[serde(rename = "TaskID")]
    task_id: String,
}

/// A task and each of its numbers (client).
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(super) struct TaskDetail {
    /// The task, 32 hex.
    #[serde(rename = "TaskID")]
    task_id: String,
    /// Its status.
    #[serde(rename = "Status")]
    status: TaskStatus,
    /// One element per number, in the order of the list.
    detail: Vec<CallDetail>,
}

/// Returns the status of a task and the result of each of its numbers.
pub(super) fn task_detail(
    simulator: &mut Simulator,
    asked: AskTaskDetail,
    request: &Request<'_>,
) -> Result<MaybeLong<TaskDetail>, Refusal> {
    let calling = &mut simulator.calling;
    let key = calling.find_task(&asked.task_id, request)?;
    Ok(calling.detail(key, "task.detail", |task, reports| {
        let head = TaskDetail { task_id: reports.task_id.clone(), status: task.status, detail: Vec::new() };
        MaybeLong::with_rows(head, |head| &mut head.detail, reports.count(), move |at| reports.latest(at))
    }))
}

impl Calling {
    /// Returns the details of a task for a request of this catalog id, generated from its reports. Those of a finished task are
    /// generated once, since no call of it goes on.
    pub(super) fn detail<T: Serialize>(
        &mut self,
        key: TaskKey,
        id: &'static str,
        make: impl FnOnce(&Task, CallReports) -> MaybeLong<T>,
    ) -> MaybeLong<T> {
        let (task, reports) = (&self.tasks[key], self.call_reports(key));
        if task.status.is_over() {
            self.details.get((key, id), || make(task, reports))
        } else {
            make(task, reports)
        }
    }
}
