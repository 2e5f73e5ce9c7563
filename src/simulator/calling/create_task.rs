//! *Create a calling task*, and the common part of orders for tasks and plans.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Calling;
use super::row_text::RowText;
use super::rows::{RefusedRow, RefusedRows, Rows};
use super::task::TaskOrder;
use crate::contract::bodies::local_text;
use crate::contract::fields::{LocalTime, NoEffect, RowList, Text, Whole};
use crate::simulator::context::Context;
use crate::simulator::endpoint::Both;
use crate::simulator::{FindingKind, Refusal, Request, Simulator, Strictness};

/// Maximum length of the name of a task or plan, in characters (client).
pub(super) const LONGEST_NAME: usize = 63;

/// `POST /service/cloud/task`, version 2 `POST /service/cloud/v2/task` (example).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct CreateTask {
    /// A name of at most 63 characters, unique within the account (example; the limits are from a client).
    #[serde(rename = "TaskName")]
    name: Text<LONGEST_NAME>,
    /// The kind of the task; version 2 does not have it.
    #[serde(rename = "Type")]
    kind: Option<NoEffect<NormalTask>>,
    /// Always 1; version 2 only (client).
    #[serde(rename = "Perform")]
    perform: Option<NoEffect<Whole<1, 1>>>,
}

/// The one kind of task that is created by itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum NormalTask {
    Normal,
}

/// When, by which line and robot, and how often the numbers of a list are called (example).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Schedule {
    /// When calling begins, in the account's zone; at once if not given.
    #[serde(rename = "ScheduleStartTime")]
    starts: Option<LocalTime>,
    /// When calling ends, in the account's zone. Numbers that were not called by then are cancelled.
    #[serde(rename = "ScheduleEndTime")]
    ends: Option<LocalTime>,
    /// The robot that calls, by name or id, 32 hex. A row may name another.
    #[serde(rename = "RobotID")]
    robot: Option<String>,
    /// Whether one robot calls or a group of them (client).
    #[serde(rename = "RobotMethod")]
    _robot_method: Option<NoEffect<RobotMethod>>,
    /// The customer's line, by name. It allows a limited number of simultaneous calls.
    #[serde(rename = "SIPLine")]
    line: Option<String>,
    /// Minutes between two attempts to reach a number (example; the unit and the limit are assumed).
    #[serde(rename = "RepeatInterval")]
    repeat_interval: Option<Whole<0, 100_000>>,
    /// Maximum number of calls to a number, the first attempt included; 0, 1 and a missing value all mean no redial
    /// (example; that the first counts and the limit are assumed).
    #[serde(rename = "RepeatNumber")]
    repeat_number: Option<Whole<0, 100>>,
    /// The numbers to call, a list of rows such as {"Mobile": "+6281112345678"}. Keys of a row that are not named here are
    /// the robot's variables and are kept.
    #[serde(rename = "Details")]
    _rows: RowList<RowText<'static>>,
}

/// Who calls.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum RobotMethod {
    Single,
    Group,
}

/// The task that was created (example).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TaskCreated {
    /// The task, 32 hex.
    #[serde(rename = "TaskID")]
    task_id: String,
    /// The rows that were refused; the task consists of the others. Left out if every row was accepted (client).
    #[serde(rename = "detail_error_list", skip_serializing_if = "Option::is_none")]
    refused: Option<Vec<RefusedRow>>,
}

/// Creates a task. Its first numbers are called at once if its start has passed.
pub(super) fn create_task(
    simulator: &mut Simulator,
    Both(asked, schedule): Both<CreateTask, Schedule>,
    request: &Request<'_>,
) -> Result<TaskCreated, Refusal> {
    let Simulator { calling, context, .. } = simulator;
    find_other_version(context, &asked, request);
    let mut order = schedule.order(asked.name.into_string(), request)?;
    calling.check_order(context, &mut order, request)?;
    calling.check_task_name(request.account, &order.name)?;
    let (rows, refused) = calling.read_rows(context, &order, request)?;
    let key = calling.add_task(context, order, rows, refused.count);
    calling.begin_at_once(context, key);
    let named = |reason: &str| context.row_reason(request.id, "Details", reason);
    Ok(TaskCreated { task_id: calling.task_id(key), refused: refused.into_list(named) })
}

/// Reports a field that only the other version of the request has.
fn find_other_version(context: &mut Context, asked: &CreateTask, request: &Request<'_>) {
    let (field, is_sent) = match request.route {
        0 => ("Perform", asked.perform.is_some()),
        _ => ("Type", asked.kind.is_some()),
    };
    if is_sent {
        let Request { id, account, .. } = *request;
        let other = if request.route == 0 { "version 2" } else { "version 1" };
        context.find(account, FindingKind::UnreadField, id, field, || {
            format!("nothing reads `{field}` of `{id}`: the vendor's clients send it to {other} only")
        });
    }
}

impl Schedule {
    /// Returns the order of a task, or of each round of a plan.
    pub(super) fn order(self, name: String, request: &Request<'_>) -> Result<TaskOrder, Refusal> {
        let starts = self.starts.map(|time| time.in_zone(request.zone));
        let ends = self.ends.map(|time| time.in_zone(request.zone));
        if let Some(ends) = ends {
            if starts.is_some_and(|starts| ends <= starts) {
                return Err(Refusal::new(400, "ScheduleEndTime must be after ScheduleStartTime"));
            }
            if ends <= request.now {
                let now = local_text(request.now, &request.zone.to_time_zone());
                let message = format!("ScheduleEndTime is in the past: it is {now} in the account's zone");
                return Err(Refusal::new(400, message));
            }
        }
        let minutes = self.repeat_interval.map_or(0, Whole::count) as u64;
        Ok(TaskOrder {
            account: request.account,
            name,
            plan: None,
            workflow: None,
            robot: self.robot.unwrap_or_default(),
            line: self.line.unwrap_or_default(),
            starts: starts.unwrap_or(request.now),
            ends,
            repeat_number: self
                .repeat_number
                .and_then(|number| u8::try_from(number.get()).ok())
                .unwrap_or(1)
                .max(1),
            repeat_interval: Duration::from_secs(minutes * 60),
        })
    }
}

impl Calling {
    /// Reads the rows of a request. Rows without what the vendor's clients must send are reported once.
    pub(super) fn read_rows(
        &self,
        context: &mut Context,
        order: &TaskOrder,
        request: &Request<'_>,
    ) -> Result<(Rows, RefusedRows), Refusal> {
        let Some(rows) = request.rows else {
            let message =
                "Details is missing: a list of rows with `Details[].Mobile`, such as +6281112345678";
            return Err(Refusal::new(400, message));
        };
        let rule = self.row_rule(context, order, request);
        let (rows, refused) = Rows::read(rows, |number| self.rules.mock_outcome_of(number), rule)?;
        let Request { id, account, .. } = *request;
        if rows.lack_loans() && context.access.account(account).strict != Strictness::Lenient {
            let message = "`Details[].LoanAmount` and `Details[].LoanDate` must be in every row, \
                whether the robot uses them or not, according to the vendor's clients; `strict` refuses \
                a row without them";
            context
                .find(account, FindingKind::MissingField, id, "LoanAmount, LoanDate", || message.to_owned());
        }
        Ok((rows, refused))
    }
}
