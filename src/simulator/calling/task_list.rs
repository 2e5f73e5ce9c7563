//! *List the tasks created* and *fetch robot list*.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::callbacks::Counts;
use super::task::TaskStatus;
use super::{Calling, TaskKey};
use crate::contract::bodies::{local_text, utc_text};
use crate::contract::fields::Whole;
use crate::simulator::endpoint::NoFields;
use crate::simulator::ids::Kind;
use crate::simulator::rules::calling::Business;
use crate::simulator::{Refusal, Request, Simulator};

/// The default page size of lists (assumed).
const PAGE: usize = 20;

/// `GET /service/cloud/list` (client).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ListTasks {
    /// Number of tasks per page; default 20 (client; the limits are assumed).
    #[serde(rename = "Number")]
    size: Option<Whole<1, 1_000>>,
    /// Which page, from 1.
    #[serde(rename = "Page")]
    page: Option<Whole<1, { i64::MAX }>>,
    /// Only tasks of this kind; default: every kind (client).
    #[serde(rename = "Type")]
    kind: Option<ListedKind>,
}

/// What kind of tasks are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum ListedKind {
    /// Those that were created by themselves (client).
    Normal,
    /// Rounds of plans (assumed).
    Plan,
}

/// A page of tasks, the newest first (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TaskList {
    /// The number on all pages (client).
    total: usize,
    /// Those of the page (client).
    list: Vec<TaskSummary>,
}

/// A task in a list (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(in crate::simulator) struct TaskSummary {
    /// The task, 32 hex.
    #[serde(rename = "TaskID")]
    task_id: String,
    /// Its name.
    #[serde(rename = "TaskName")]
    task_name: String,
    /// Its origin.
    #[serde(rename = "Type")]
    pub(in crate::simulator) kind: TaskKind,
    /// Its status.
    #[serde(rename = "Status")]
    status: TaskStatus,
    /// The robot, as it was given.
    #[serde(rename = "RobotID")]
    robot_id: String,
    /// The line, as it was given.
    #[serde(rename = "SIPLine")]
    sip_line: String,
    /// When calling begins: `2025-04-15 13:41:00`, in the account's zone.
    #[serde(rename = "ScheduleStartTime")]
    schedule_start_time: String,
    /// When calling ends: `2025-04-15 13:41:00`, in the account's zone; empty without an end.
    #[serde(rename = "ScheduleEndTime")]
    schedule_end_time: String,
    /// When it was created: `2025-04-15T06:41:00Z`.
    #[serde(rename = "CreateTime")]
    create_time: String,
    /// The numbers in it.
    #[serde(flatten)]
    counts: Counts,
    /// Numbers to be called, or called again.
    #[serde(rename = "Pending")]
    pending: u32,
    /// Numbers being called.
    #[serde(rename = "Calling")]
    calling: u32,
}

/// Where a task comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::simulator) enum TaskKind {
    /// It was created by itself.
    Normal,
    /// It is a round of a plan.
    Plan,
    /// A node of a workflow made it.
    Workflow,
}

/// Lists tasks page by page.
pub(super) fn list_tasks(
    simulator: &mut Simulator,
    asked: ListTasks,
    request: &Request<'_>,
) -> Result<TaskList, Refusal> {
    let calling = &simulator.calling;
    let all = calling.of_account.get(&request.account).map(Vec::as_slice).unwrap_or_default();
    let is_listed = |key: &&TaskKey| {
        let is_of_plan = calling.tasks[**key].order.plan.is_some();
        asked.kind.is_none_or(|kind| (kind == ListedKind::Plan) == is_of_plan)
    };
    let size = asked.size.map_or(PAGE, Whole::count);
    let skip = (asked.page.map_or(1, Whole::count) - 1).saturating_mul(size);
    // The newest first (assumed).
    let page = all.iter().rev().filter(is_listed).skip(skip).take(size);
    Ok(TaskList {
        total: all.iter().filter(is_listed).count(),
        list: page.map(|key| calling.summary(*key, request)).collect(),
    })
}

impl Calling {
    /// Returns a task as lists show it.
    pub(in crate::simulator) fn summary(&self, key: TaskKey, request: &Request<'_>) -> TaskSummary {
        let task = &self.tasks[key];
        let zone = request.zone.to_time_zone();
        TaskSummary {
            task_id: self.task_id(key),
            task_name: task.order.name.clone(),
            kind: match (&task.order.workflow, task.order.plan) {
                (Some(_), _) => TaskKind::Workflow,
                (None, Some(_)) => TaskKind::Plan,
                (None, None) => TaskKind::Normal,
            },
            status: task.status,
            robot_id: task.order.robot.clone(),
            sip_line: task.order.line.clone(),
            schedule_start_time: local_text(task.order.starts, &zone),
            schedule_end_time: task.order.ends.map(|ends| local_text(ends, &zone)).unwrap_or_default(),
            create_time: utc_text(task.created),
            counts: self.counts(key),
            pending: task.sums.pending,
            calling: task.sums.calling,
        }
    }
}

/// The robots of the account (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct RobotList {
    /// All of them.
    list: Vec<RobotSummary>,
}

/// A robot (assumed).
#[derive(Debug, Serialize, JsonSchema)]
struct RobotSummary {
    /// The robot, 32 hex.
    #[serde(rename = "RobotID")]
    robot_id: String,
    /// Its name.
    #[serde(rename = "RobotName")]
    robot_name: String,
    /// The business line it calls for.
    #[serde(rename = "Business")]
    business: Business,
}

/// `GET /service/cloud/robot` (client): lists the robots. The vendor's users create them in its console; here they are
/// settings.
pub(super) fn robots(simulator: &mut Simulator, _: NoFields, _: &Request<'_>) -> Result<RobotList, Refusal> {
    let calling = &simulator.calling;
    let list = calling.rules.robots.iter().enumerate().map(|(at, robot)| RobotSummary {
        robot_id: calling.ids.seal(Kind::Robot, (u32::try_from(at).unwrap_or(u32::MAX), 0, 0)),
        robot_name: robot.name.clone(),
        business: robot.business,
    });
    Ok(RobotList { list: list.collect() })
}
