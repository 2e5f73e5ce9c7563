//! Queries about plans: the progress of one, its rounds, the calls to one of its numbers; and taking a number out.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::callbacks::Counts;
use super::recordings::CallFacts;
use super::task::TaskStatus;
use super::{Calling, PlanKey, not_kept, unknown};
use crate::contract::bodies::utc_text;
use crate::simulator::access::AccountKey;
use crate::simulator::e164::PhoneNumber;
use crate::simulator::endpoint::NoData;
use crate::simulator::ids::Kind;
use crate::simulator::{Refusal, Request, Simulator};

/// `GET /service/cloud/plan/status` (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct AskPlanStatus {
    /// The id of a plan, 32 hex digits.
    #[serde(rename = "PlanID")]
    plan_id: String,
}

/// How far a plan is (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PlanStatus {
    /// The plan, 32 hex.
    #[serde(rename = "PlanID")]
    plan_id: String,
    /// Its name.
    #[serde(rename = "PlanName")]
    plan_name: String,
    /// Its strategy, 32 hex.
    #[serde(rename = "StrategyID")]
    strategy_id: String,
    /// Its status: that of the current round, and `running` between rounds.
    #[serde(rename = "Status")]
    status: TaskStatus,
    /// Number of rounds that have begun.
    #[serde(rename = "Round")]
    round: usize,
    /// Number of rounds of the strategy.
    #[serde(rename = "Rounds")]
    rounds: usize,
    /// The numbers in it, as far as its rounds say by now.
    #[serde(flatten)]
    counts: Counts,
    /// When it was created: `2025-04-15T06:41:00Z`.
    #[serde(rename = "CreateTime")]
    create_time: String,
    /// When it began: `2025-04-15T06:41:00Z`; empty before, and if it ended before its start.
    #[serde(rename = "PlanStartTime")]
    plan_start_time: String,
    /// When it ended: `2025-04-15T06:41:00Z`; empty before.
    #[serde(rename = "PlanEndTime")]
    plan_end_time: String,
}

/// Returns the progress of a plan.
pub(super) fn plan_status(
    simulator: &mut Simulator,
    asked: AskPlanStatus,
    request: &Request<'_>,
) -> Result<PlanStatus, Refusal> {
    let calling = &simulator.calling;
    let key = calling.find_plan(&asked.plan_id, request.account)?;
    let plan = &calling.plans[key];
    let strategy = calling.rules.strategies.get(plan.strategy);
    let began = plan.rounds.first().and_then(|run| calling.tasks[run.task].began);
    Ok(PlanStatus {
        plan_id: calling.plan_id(key),
        plan_name: plan.order.name.clone(),
        strategy_id: calling.strategy_id(plan.strategy),
        status: calling.plan_status(key),
        round: plan.rounds.len(),
        rounds: strategy.map_or(0, |strategy| strategy.rounds.len()),
        counts: calling.plan_counts(key),
        create_time: utc_text(plan.created),
        plan_start_time: began.map(utc_text).unwrap_or_default(),
        plan_end_time: plan.ended.map(utc_text).unwrap_or_default(),
    })
}

/// `GET /service/cloud/plan/rounds` (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ListRounds {
    /// The id of a plan, 32 hex digits.
    #[serde(rename = "PlanID")]
    plan_id: String,
}

/// The rounds of a plan (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PlanRounds {
    /// The plan, 32 hex.
    #[serde(rename = "PlanID")]
    plan_id: String,
    /// The rounds that have begun, in order.
    list: Vec<PlanRound>,
}

/// A round of a plan (assumed).
#[derive(Debug, Serialize, JsonSchema)]
struct PlanRound {
    /// Which round, from 1.
    #[serde(rename = "Round")]
    round: usize,
    /// Its task, 32 hex.
    #[serde(rename = "TaskID")]
    task_id: String,
    /// The name of its task.
    #[serde(rename = "TaskName")]
    task_name: String,
    /// The status of its task.
    #[serde(rename = "Status")]
    status: TaskStatus,
    /// The numbers in it.
    #[serde(flatten)]
    counts: Counts,
    /// When it began: `2025-04-15T06:41:00Z`; empty before, and if it ended before its start.
    #[serde(rename = "TaskStartTime")]
    task_start_time: String,
    /// When it ended: `2025-04-15T06:41:00Z`; empty before.
    #[serde(rename = "TaskEndTime")]
    task_end_time: String,
}

/// Returns the rounds of a plan and their tasks.
pub(super) fn plan_rounds(
    simulator: &mut Simulator,
    asked: ListRounds,
    request: &Request<'_>,
) -> Result<PlanRounds, Refusal> {
    let calling = &simulator.calling;
    let key = calling.find_plan(&asked.plan_id, request.account)?;
    let rounds = calling.plans[key].rounds.iter().enumerate().map(|(at, run)| {
        let task = &calling.tasks[run.task];
        PlanRound {
            round: at + 1,
            task_id: calling.task_id(run.task),
            task_name: task.order.name.clone(),
            status: task.status,
            counts: calling.counts(run.task),
            task_start_time: task.began.map(utc_text).unwrap_or_default(),
            task_end_time: task.ended.map(utc_text).unwrap_or_default(),
        }
    });
    Ok(PlanRounds { plan_id: calling.plan_id(key), list: rounds.collect() })
}

/// `POST /service/cloud/plan/cancelphonecall` (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct CancelPlanCall {
    /// The id of a plan, 32 hex digits.
    #[serde(rename = "PlanID")]
    plan_id: String,
    /// A number in E.164 such as `+6281112345678`.
    #[serde(rename = "CalleeNumber")]
    number: PhoneNumber,
}

/// Takes a number out of the round under way and all later ones. If it is being called, that call goes on to its end and is its
/// last; if this round has finished with it, no later round calls it.
pub(super) fn cancel_plan_call(
    simulator: &mut Simulator,
    asked: CancelPlanCall,
    request: &Request<'_>,
) -> Result<NoData, Refusal> {
    let Simulator { calling, context, .. } = simulator;
    let key = calling.find_plan(&asked.plan_id, request.account)?;
    calling.needs_number(key, asked.number)?;
    if calling.plans[key].ended.is_some() {
        return Err(Refusal::new(400, "the plan has already ended"));
    }
    calling.cancel_in_plan(context, key, asked.number.digits());
    Ok(NoData)
}

/// `GET /service/cloud/plan/recordings` (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ListPlanCalls {
    /// The id of a plan, 32 hex digits.
    #[serde(rename = "PlanID")]
    plan_id: String,
    /// A number in E.164 such as `+6281112345678`.
    #[serde(rename = "Callee")]
    number: PhoneNumber,
}

/// The calls to a number of a plan (assumed).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PlanCalls {
    /// The plan, 32 hex.
    #[serde(rename = "PlanID")]
    plan_id: String,
    /// Every call to the number, in the order of the rounds.
    list: Vec<CallFacts>,
}

/// Returns the calls to one number in all rounds.
pub(super) fn plan_recordings(
    simulator: &mut Simulator,
    asked: ListPlanCalls,
    request: &Request<'_>,
) -> Result<PlanCalls, Refusal> {
    let calling = &mut simulator.calling;
    let key = calling.find_plan(&asked.plan_id, request.account)?;
    calling.needs_number(key, asked.number)?;
    let tasks: Vec<_> = calling.plans[key].rounds.iter().map(|run| run.task).collect();
    let mut list = Vec::new();
    for task in tasks {
        let rows = calling.tasks[task].rows_of(asked.number.digits());
        list.extend(rows.into_iter().flat_map(|row| calling.calls_to(task, row, request.now)));
    }
    Ok(PlanCalls { plan_id: calling.plan_id(key), list })
}

impl Calling {
    /// Returns the plan of this id, if it belongs to the account.
    pub(super) fn find_plan(&self, id: &str, account: AccountKey) -> Result<PlanKey, Refusal> {
        let found = self.ids.open(Kind::Plan, id).map(|(at, ..)| PlanKey(at));
        let own = |key: &PlanKey| self.plans.get(*key).is_some_and(|plan| plan.order.account == account);
        if found.is_some_and(|key| self.plans.is_gone(key)) {
            return Err(not_kept("plan", "PlanID", id));
        }
        found.filter(own).ok_or_else(|| unknown("plan", "PlanID", id))
    }

    /// Checks that a number is in the plan: its first round calls the whole list.
    fn needs_number(&mut self, key: PlanKey, number: PhoneNumber) -> Result<(), Refusal> {
        let first = self.plans[key].rounds.first().map(|run| run.task);
        match first.is_some_and(|task| !self.tasks[task].rows_of(number.digits()).is_empty()) {
            true => Ok(()),
            false => Err(Refusal::new(404, format!("{number} is not in this plan"))),
        }
    }
}
