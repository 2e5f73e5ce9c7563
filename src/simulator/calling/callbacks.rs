//! The callbacks of tasks and plans: their types, and how they are emitted and generated.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::call_detail::CallDetail;
use super::task::TaskStatus;
use super::{Calling, PlanKey, TaskKey};
use crate::contract::bodies::utc_text;
use crate::simulator::callback::Callback;
use crate::simulator::case::Case;
use crate::simulator::context::Context;
use crate::simulator::endpoint::{Generate, Wanted};
use crate::simulator::{ConversationKey, Simulator};

/// *Webhook of Call*: a number is finished. What is documented of it is about connections and redials: sent once per number, and
/// not at all for one that was cancelled, with the names of *task detail* (assumed).
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(in crate::simulator) struct CallCompleted {
    /// The task, 32 hex.
    #[serde(rename = "TaskID")]
    task_id: String,
    /// Its name.
    #[serde(rename = "TaskName")]
    task_name: String,
    /// The plan that the task is a round of, if it is one.
    #[serde(flatten)]
    plan: Option<PlanRoundRef>,
    /// What became of the number.
    #[serde(flatten)]
    call: CallDetail,
}

/// *Webhook of Task*: a task has ended (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(in crate::simulator) struct TaskFinished {
    /// The task, 32 hex.
    #[serde(rename = "TaskID")]
    task_id: String,
    /// Its name.
    #[serde(rename = "TaskName")]
    task_name: String,
    /// The plan that the task is a round of, if it is one.
    #[serde(flatten)]
    plan: Option<PlanRoundRef>,
    /// `finished` or `cancelled`.
    #[serde(rename = "Status")]
    status: TaskStatus,
    /// The numbers in it.
    #[serde(flatten)]
    counts: Counts,
    /// When it began: `2025-04-15T06:41:00Z`; empty if it ended before its start.
    #[serde(rename = "TaskStartTime")]
    task_start_time: String,
    /// When it ended: `2025-04-15T06:41:00Z`.
    #[serde(rename = "TaskEndTime")]
    task_end_time: String,
}

/// Which round of which plan a task is; left out for tasks that belong to none (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(in crate::simulator) struct PlanRoundRef {
    /// The plan, 32 hex.
    #[serde(rename = "PlanID")]
    plan_id: String,
    /// Its name.
    #[serde(rename = "PlanName")]
    plan_name: String,
    /// Which round of it, from 1.
    #[serde(rename = "Round")]
    round: u32,
}

/// *Webhook of Plan*: all rounds of a plan have ended (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(in crate::simulator) struct PlanFinished {
    /// The plan, 32 hex.
    #[serde(rename = "PlanID")]
    plan_id: String,
    /// Its name.
    #[serde(rename = "PlanName")]
    plan_name: String,
    /// Its strategy, 32 hex.
    #[serde(rename = "StrategyID")]
    strategy_id: String,
    /// `finished` or `cancelled`.
    #[serde(rename = "Status")]
    status: TaskStatus,
    /// The tasks of its rounds, in order.
    #[serde(rename = "TaskIDs")]
    task_ids: Vec<String>,
    /// The numbers in it.
    #[serde(flatten)]
    counts: Counts,
    /// When it began: `2025-04-15T06:41:00Z`; empty if it ended before its start.
    #[serde(rename = "PlanStartTime")]
    plan_start_time: String,
    /// When it ended: `2025-04-15T06:41:00Z`.
    #[serde(rename = "PlanEndTime")]
    plan_end_time: String,
}

/// How many numbers of a list came to what. At the end `Total` is the sum of the others; before, some are still to be
/// called (assumed).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::simulator) struct Counts {
    /// All numbers.
    pub(super) total: u32,
    /// Numbers where someone answered.
    pub(super) connected: u32,
    /// Numbers where nobody answered any call.
    pub(super) not_connected: u32,
    /// Numbers that were removed, or not dialled when it ended.
    pub(super) cancelled: u32,
}

impl Calling {
    /// Emits the callback for a finished number.
    pub(super) fn emit_call_completed(&self, context: &mut Context, key: TaskKey, row: u32) {
        let task = &self.tasks[key];
        if context.is_silent(task.cause) {
            return;
        }
        let account = task.order.account;
        let callback = if let Some(part) = &task.order.workflow {
            let Some((body, order)) = self.workflow_call_completed(key, row) else { return };
            let callback = Callback::new(account, "workflow.call_completed", &body, Some(order));
            Callback { flow: Some(part.place()), part_of: vec![part.workflow_id.clone()], ..callback }
        } else {
            let Some(body) = self.call_completed(key, row) else { return };
            // Notices of different numbers do not wait for each other.
            let callback = Callback::new(account, "call.completed", &body, None);
            let plan = task.order.plan.map(|(plan, _)| self.plan_id(plan));
            Callback { part_of: plan.into_iter().chain([self.task_id(key)]).collect(), ..callback }
        };
        context.send(task.cause, callback);
    }

    pub(super) fn call_completed(&self, key: TaskKey, row: u32) -> Option<CallCompleted> {
        let reports = self.call_reports(key);
        let call = reports.latest(row)?;
        let task_name = self.tasks[key].order.name.clone();
        Some(CallCompleted { task_id: reports.task_id, task_name, plan: self.round_of(key), call })
    }

    /// Returns the plan and the round that a task belongs to.
    fn round_of(&self, key: TaskKey) -> Option<PlanRoundRef> {
        let (plan, round) = self.tasks[key].order.plan?;
        let plan_name = self.plans[plan].order.name.clone();
        Some(PlanRoundRef { plan_id: self.plan_id(plan), plan_name, round: round + 1 })
    }

    pub(super) fn emit_task_finished(&self, context: &mut Context, key: TaskKey) {
        let task = &self.tasks[key];
        if context.is_silent(task.cause) {
            return;
        }
        let moment = |at: Option<Timestamp>| at.map(utc_text).unwrap_or_default();
        let body = TaskFinished {
            task_id: self.task_id(key),
            task_name: task.order.name.clone(),
            plan: self.round_of(key),
            status: task.status,
            counts: self.counts(key),
            task_start_time: moment(task.began),
            task_end_time: moment(task.ended),
        };
        let callback = Callback::new(task.order.account, "task.finished", &body, Some(self.task_id(key)));
        let part_of = task.order.plan.map(|(plan, _)| self.plan_id(plan)).into_iter().collect();
        let sums_up = Some(self.task_id(key));
        context.send(task.cause, Callback { part_of, sums_up, ..callback });
    }

    pub(super) fn emit_plan_finished(&self, context: &mut Context, key: PlanKey) {
        let plan = &self.plans[key];
        if context.is_silent(plan.cause) {
            return;
        }
        let began = plan.rounds.first().and_then(|run| self.tasks[run.task].began);
        let body = PlanFinished {
            plan_id: self.plan_id(key),
            plan_name: plan.order.name.clone(),
            strategy_id: self.strategy_id(plan.strategy),
            status: self.plan_status(key),
            task_ids: plan.rounds.iter().map(|run| self.task_id(run.task)).collect(),
            counts: self.plan_counts(key),
            plan_start_time: began.map(utc_text).unwrap_or_default(),
            plan_end_time: plan.ended.map(utc_text).unwrap_or_default(),
        };
        let callback = Callback::new(plan.order.account, "plan.finished", &body, Some(self.plan_id(key)));
        context.send(plan.cause, Callback { sums_up: Some(self.plan_id(key)), ..callback });
    }

    /// Returns the sums of a task. Refused rows are not included: they are not part of the task.
    pub(super) fn counts(&self, key: TaskKey) -> Counts {
        let sums = self.tasks[key].sums;
        Counts {
            total: sums.created() - sums.refused,
            connected: sums.connected,
            not_connected: sums.finished - sums.connected,
            cancelled: sums.cancelled,
        }
    }
}

impl CallCompleted {
    /// Returns the call of a story's case.
    pub(super) fn of_case(case: &Case) -> Self {
        let (task_id, task_name) = (case.task_id.clone(), case.task_name.clone());
        Self { task_id, task_name, plan: None, call: case.call.clone() }
    }
}

impl Generate for CallCompleted {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        Self::of_case(&Case::wanted(simulator, key, wanted))
    }
}

impl Counts {
    /// Two of three people answer.
    fn of_case(case: &Case) -> Self {
        let total = u32::try_from(case.total).unwrap_or(u32::MAX);
        let connected = total / 3 * 2;
        Self { total, connected, not_connected: total - connected, cancelled: 0 }
    }
}

impl Generate for TaskFinished {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        let case = Case::wanted(simulator, key, wanted);
        Self {
            counts: Counts::of_case(&case),
            task_id: case.task_id,
            task_name: case.task_name,
            plan: None,
            status: TaskStatus::Finished,
            task_start_time: utc_text(case.started),
            task_end_time: utc_text(case.now),
        }
    }
}

impl Generate for PlanFinished {
    fn generate(simulator: &mut Simulator, key: ConversationKey, wanted: &Wanted<'_>) -> Self {
        let case = Case::wanted(simulator, key, wanted);
        Self {
            counts: Counts::of_case(&case),
            plan_id: case.plan_id,
            plan_name: case.task_name,
            strategy_id: case.strategy_id,
            status: TaskStatus::Finished,
            task_ids: vec![case.task_id],
            plan_start_time: utc_text(case.started),
            plan_end_time: utc_text(case.now),
        }
    }
}
