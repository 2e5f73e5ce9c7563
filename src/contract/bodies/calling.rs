//! Notices of calling tasks and plans, and the facts of a call they share with the answer of *task detail*.
//!
//! The vendor names these fields in PascalCase with `ID`. Collection and Telemarketing & E-commerce have one shape;
//! Info Check has fields of its own, which are assumed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What became of one number: an element of `data.detail[]` in the response of `/service/cloud/detail`
/// (client).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallDetail {
    /// The caller's own id, echoed as it was given: a string or an integer. Absent if none was given.
    #[serde(rename = "Comments", default, skip_serializing_if = "Option::is_none")]
    pub comments: Option<Value>,
    /// `pending`, `calling`, `finished` or `cancelled`.
    #[serde(rename = "Status")]
    pub status: String,
    /// What the ringing came to.
    #[serde(rename = "RingType")]
    pub ring_type: String,
    /// Who hung up.
    #[serde(rename = "HangupType")]
    pub hangup_type: String,
    /// What the person wanted: `A` to `I`, or `--`.
    #[serde(rename = "Intention")]
    pub intention: String,
    /// Everything the person wanted, the underscore as the vendor has it.
    #[serde(rename = "Multi_intention")]
    pub multi_intention: String,
    /// When dialling began: `2025-04-15T06:41:00Z`. Absent if the number was cancelled.
    #[serde(rename = "CallStartTime", default, skip_serializing_if = "Option::is_none")]
    pub call_start_time: Option<String>,
    /// When the call ended: `2025-04-15T06:41:00Z`. Absent if the number was cancelled.
    #[serde(rename = "CallEndTime", default, skip_serializing_if = "Option::is_none")]
    pub call_end_time: Option<String>,
    /// The robot that called.
    #[serde(rename = "RobotID")]
    pub robot_id: String,
    /// The number, in E.164 (assumed).
    #[serde(rename = "CalleeNumber")]
    pub callee_number: String,
    /// The last call to the number, 32 hex; empty if there was none (assumed).
    #[serde(rename = "CallID")]
    pub call_id: String,
    /// Where the recording is; empty if nobody talked (assumed).
    #[serde(rename = "RecordLink")]
    pub record_link: String,
    /// How long both sides talked, in seconds (assumed).
    #[serde(rename = "TalkDuration")]
    pub talk_duration: i64,
    /// How often the number was dialled (assumed).
    #[serde(rename = "Attempts")]
    pub attempts: i64,
    /// What was said, in order (assumed).
    #[serde(rename = "Dialog")]
    pub dialog: Vec<Turn>,
    /// Info Check only: what was asked and how the answer compares (assumed).
    #[serde(rename = "CheckResults", default, skip_serializing_if = "Option::is_none")]
    pub check_results: Option<Vec<CheckResult>>,
}

/// One turn of a dialogue (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Turn {
    /// `robot` or `user`.
    pub speaker: String,
    /// What was said.
    pub text: String,
    /// Seconds since the call was answered.
    pub offset: i64,
}

/// One question of an info check (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct CheckResult {
    /// What was asked for, for example `company_name`.
    pub item: String,
    /// What the list says.
    pub expected: String,
    /// What the person said; empty without an answer.
    pub answer: String,
    /// `match`, `mismatch` or `unanswered`.
    pub result: String,
}

/// `call.completed`, *Webhook of Call*: a number is finished. Sent once per number. Its fields are the task, and the facts
/// of the call as *task detail* names them (assumed).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallCompleted {
    /// The task, 32 hex.
    #[serde(rename = "TaskID")]
    pub task_id: String,
    /// Its name.
    #[serde(rename = "TaskName")]
    pub task_name: String,
    /// What became of the number.
    #[serde(flatten)]
    pub call: CallDetail,
}

/// `task.finished`, *Webhook of Task*: a task has ended (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskFinished {
    /// The task, 32 hex.
    #[serde(rename = "TaskID")]
    pub task_id: String,
    /// Its name.
    #[serde(rename = "TaskName")]
    pub task_name: String,
    /// `finished` or `cancelled`.
    #[serde(rename = "Status")]
    pub status: String,
    /// The numbers in it.
    #[serde(flatten)]
    pub counts: Counts,
    /// When it began: `2025-04-15T06:41:00Z`.
    #[serde(rename = "TaskStartTime")]
    pub task_start_time: String,
    /// When it ended: `2025-04-15T06:41:00Z`.
    #[serde(rename = "TaskEndTime")]
    pub task_end_time: String,
}

/// The data of *task detail*: `data.TaskID`, `data.Status`, and `data.detail[]`, singular and in lower case
/// (client).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskDetail {
    /// The task, 32 hex.
    #[serde(rename = "TaskID")]
    pub task_id: String,
    /// `pending`, `running`, `paused`, `finished` or `cancelled`; `pending` and `finished` are known, the others assumed.
    #[serde(rename = "Status")]
    pub status: String,
    /// One element per number, in the order of the list.
    pub detail: Vec<CallDetail>,
}

/// A task in a list (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TaskSummary {
    /// The task, 32 hex.
    #[serde(rename = "TaskID")]
    pub task_id: String,
    /// Its name.
    #[serde(rename = "TaskName")]
    pub task_name: String,
    /// `normal`, or `plan` for a round of a plan.
    #[serde(rename = "Type")]
    pub kind: String,
    /// As in [`TaskDetail::status`].
    #[serde(rename = "Status")]
    pub status: String,
    /// The robot, as it was given.
    #[serde(rename = "RobotID")]
    pub robot_id: String,
    /// The line, as it was given.
    #[serde(rename = "SIPLine")]
    pub sip_line: String,
    /// `2025-04-15 13:41:00`, in the account's zone.
    #[serde(rename = "ScheduleStartTime")]
    pub schedule_start_time: String,
    /// `2025-04-15 13:41:00`, in the account's zone; empty without an end.
    #[serde(rename = "ScheduleEndTime")]
    pub schedule_end_time: String,
    /// When it was created: `2025-04-15T06:41:00Z`.
    #[serde(rename = "CreateTime")]
    pub create_time: String,
    /// The numbers in it.
    #[serde(flatten)]
    pub counts: Counts,
    /// Numbers to be called, or called again.
    #[serde(rename = "Pending")]
    pub pending: i64,
    /// Numbers being called.
    #[serde(rename = "Calling")]
    pub calling: i64,
}

/// The facts of one call with the link to its recording: the data of *a call recording* and *call information by
/// callid* (assumed).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CallFacts {
    /// Where the recording is; empty if nobody talked (client).
    pub link: String,
    /// The task, 32 hex.
    #[serde(rename = "TaskID")]
    pub task_id: String,
    /// What became of the call.
    #[serde(flatten)]
    pub call: CallDetail,
}

/// A robot in a list (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RobotSummary {
    /// The robot, 32 hex.
    #[serde(rename = "RobotID")]
    pub robot_id: String,
    /// Its name.
    #[serde(rename = "RobotName")]
    pub robot_name: String,
    /// `collection`, `telemarketing` or `info_check`.
    #[serde(rename = "Business")]
    pub business: String,
}

/// A strategy in a list (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StrategySummary {
    /// The strategy, 32 hex.
    #[serde(rename = "StrategyID")]
    pub strategy_id: String,
    /// Its name.
    #[serde(rename = "StrategyName")]
    pub strategy_name: String,
    /// How many rounds it has at most.
    #[serde(rename = "Rounds")]
    pub rounds: i64,
}

/// The data of *plan status* (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanStatus {
    /// The plan, 32 hex.
    #[serde(rename = "PlanID")]
    pub plan_id: String,
    /// Its name.
    #[serde(rename = "PlanName")]
    pub plan_name: String,
    /// The strategy it was made by, 32 hex.
    #[serde(rename = "StrategyID")]
    pub strategy_id: String,
    /// `pending`, `running`, `finished` or `cancelled`.
    #[serde(rename = "Status")]
    pub status: String,
    /// How many rounds have begun.
    #[serde(rename = "Round")]
    pub round: i64,
    /// How many the strategy has.
    #[serde(rename = "Rounds")]
    pub rounds: i64,
    /// The numbers in it, as far as the rounds that are over tell.
    #[serde(flatten)]
    pub counts: Counts,
    /// When it was created: `2025-04-15T06:41:00Z`.
    #[serde(rename = "CreateTime")]
    pub create_time: String,
    /// When it began: `2025-04-15T06:41:00Z`; empty before.
    #[serde(rename = "PlanStartTime")]
    pub plan_start_time: String,
    /// When it ended: `2025-04-15T06:41:00Z`; empty before.
    #[serde(rename = "PlanEndTime")]
    pub plan_end_time: String,
}

/// A round of a plan (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanRound {
    /// Which round, from 1.
    #[serde(rename = "Round")]
    pub round: i64,
    /// Its task, 32 hex.
    #[serde(rename = "TaskID")]
    pub task_id: String,
    /// The name of its task.
    #[serde(rename = "TaskName")]
    pub task_name: String,
    /// As in [`TaskDetail::status`].
    #[serde(rename = "Status")]
    pub status: String,
    /// The numbers in it.
    #[serde(flatten)]
    pub counts: Counts,
    /// When it began: `2025-04-15T06:41:00Z`; empty before.
    #[serde(rename = "TaskStartTime")]
    pub task_start_time: String,
    /// When it ended: `2025-04-15T06:41:00Z`; empty before.
    #[serde(rename = "TaskEndTime")]
    pub task_end_time: String,
}

/// `plan.finished`, *Webhook of Plan*: all rounds of a plan have ended (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanFinished {
    /// The plan, 32 hex.
    #[serde(rename = "PlanID")]
    pub plan_id: String,
    /// Its name.
    #[serde(rename = "PlanName")]
    pub plan_name: String,
    /// The strategy it was made by, 32 hex.
    #[serde(rename = "StrategyID")]
    pub strategy_id: String,
    /// `finished` or `cancelled`.
    #[serde(rename = "Status")]
    pub status: String,
    /// The tasks of its rounds, in order.
    #[serde(rename = "TaskIDs")]
    pub task_ids: Vec<String>,
    /// The numbers in it.
    #[serde(flatten)]
    pub counts: Counts,
    /// When it began: `2025-04-15T06:41:00Z`.
    #[serde(rename = "PlanStartTime")]
    pub plan_start_time: String,
    /// When it ended: `2025-04-15T06:41:00Z`.
    #[serde(rename = "PlanEndTime")]
    pub plan_end_time: String,
}

/// How many numbers of a list came to what. At the end `Total` is the sum of the others; before, some are still to be
/// called (assumed).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub struct Counts {
    /// All numbers.
    pub total: i64,
    /// Somebody answered.
    pub connected: i64,
    /// Nobody answered, as often as it was tried.
    pub not_connected: i64,
    /// Taken out, or not dialled when it ended.
    pub cancelled: i64,
}
