//! *Obtain the detailed information of tasks*: what became of each number. Real clients poll it instead of taking
//! callbacks, and lists have tens of thousands of numbers, so a long response is written while it is sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::call_detail::CallDetail;
use super::task::TaskStatus;
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
    /// Its status (client; `pending` and `finished` were seen, the others are assumed).
    #[serde(rename = "Status")]
    status: TaskStatus,
    /// One element per number, in the order of the list.
    detail: Vec<CallDetail>,
}

/// The status of a task and what became of each of its numbers.
pub(super) fn task_detail(
    simulator: &mut Simulator,
    asked: AskTaskDetail,
    request: &Request<'_>,
) -> Result<MaybeLong<TaskDetail>, Refusal> {
    let calling = &simulator.calling;
    let key = calling.find_task(&asked.task_id, request)?;
    let reports = calling.call_reports(key);
    let head =
        TaskDetail { task_id: reports.task_id.clone(), status: calling.task(key).status, detail: Vec::new() };
    Ok(MaybeLong::with_rows(head, |head| &mut head.detail, reports.count(), move |at| reports.latest(at)))
}
