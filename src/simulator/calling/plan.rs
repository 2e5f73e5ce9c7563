//! A plan: several rounds of calls over one list, by a strategy. Each round is a task; the numbers it calls follow from the
//! results of the previous round.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::callbacks::Counts;
use super::names::round_name;
use super::rows::{Row, RowStatus};
use super::task::{TaskOrder, TaskStatus};
use super::{Calling, PlanKey, TASK_WEIGHT, TaskKey};
use crate::simulator::agenda::Place;
use crate::simulator::cause::CauseId;
use crate::simulator::context::Context;
use crate::simulator::ids::Kind;
use crate::simulator::timer::PlanTimer;
use crate::time::later;

/// The result of a plan's number so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reached {
    /// Not yet known.
    Open,
    /// A person answered in some round.
    Connected,
    /// No person answered in any round that called it.
    NotConnected,
    /// The number was taken out, or was never dialled.
    Cancelled,
}

/// A round that has begun.
#[derive(Clone, Debug)]
pub(super) struct RoundRun {
    pub(super) task: TaskKey,
    /// The plan's row for each row of the round.
    origins: Vec<u32>,
}

/// A plan.
#[derive(Clone, Debug)]
pub(in crate::simulator) struct Plan {
    /// The order of each round's task.
    pub(super) order: TaskOrder,
    /// The index of its strategy.
    pub(super) strategy: usize,
    pub(super) created: Timestamp,
    pub(super) ended: Option<Timestamp>,
    pub(super) was_stopped: bool,
    pub(super) rounds: Vec<RoundRun>,
    /// The rows of the next round.
    next: Vec<u32>,
    /// The place of the next round in the agenda.
    waiting: Option<Place>,
    /// Whether it is paused while it waits for its next round.
    is_paused: bool,
    reached: Vec<Reached>,
    /// Numbers taken out of all rounds.
    out: BTreeSet<u64>,
    /// The request that created it.
    pub(in crate::simulator) cause: CauseId,
}

impl Reached {
    /// Returns the result of a number from a row of a round, or `None` before the round has finished with it.
    fn of(row: &Row) -> Option<Self> {
        match row.status {
            RowStatus::Finished if row.outcome.is_connected() => Some(Self::Connected),
            RowStatus::Finished => Some(Self::NotConnected),
            RowStatus::Cancelled => Some(Self::Cancelled),
            RowStatus::Pending | RowStatus::Calling => None,
        }
    }

    /// Returns the result of a number after a further round. A later round does not undo a connection, and a number that was
    /// called does not become one that never was.
    fn then(self, round: Self) -> Self {
        match (self, round) {
            (Self::Connected, _) | (Self::NotConnected, Self::Cancelled) => self,
            _ => round,
        }
    }
}

impl Calling {
    /// Returns the results of a plan's numbers so far, including those of the round under way.
    pub(super) fn plan_counts(&self, key: PlanKey) -> Counts {
        let plan = &self.plans[key];
        let mut so_far = plan.reached.clone();
        if let Some(run) = plan.rounds.last() {
            for (row, origin) in self.tasks[run.task].rows.list.iter().zip(&run.origins) {
                let reached = &mut so_far[*origin as usize];
                *reached = Reached::of(row).map_or(*reached, |round| reached.then(round));
            }
        }
        let count = |reached: Reached| {
            u32::try_from(so_far.iter().filter(|it| **it == reached).count()).unwrap_or(u32::MAX)
        };
        Counts {
            total: u32::try_from(so_far.len()).unwrap_or(u32::MAX),
            connected: count(Reached::Connected),
            not_connected: count(Reached::NotConnected),
            cancelled: count(Reached::Cancelled),
        }
    }
}

impl Calling {
    pub(super) fn plan_id(&self, key: PlanKey) -> String {
        self.ids.seal(Kind::Plan, (key.0, 0, 0))
    }

    pub(super) fn strategy_id(&self, strategy: usize) -> String {
        self.ids.seal(Kind::Strategy, (u32::try_from(strategy).unwrap_or(u32::MAX), 0, 0))
    }

    /// Returns the status of a plan.
    pub(super) fn plan_status(&self, key: PlanKey) -> TaskStatus {
        let plan = &self.plans[key];
        let round = plan.rounds.last().map(|run| self.tasks[run.task].status);
        match (plan.ended, plan.was_stopped, round) {
            (Some(_), true, _) => TaskStatus::Cancelled,
            (Some(_), false, _) => TaskStatus::Finished,
            (None, _, Some(TaskStatus::Pending)) if plan.rounds.len() == 1 => TaskStatus::Pending,
            // The status of the round under way is that of the plan.
            (None, _, Some(round @ (TaskStatus::Paused | TaskStatus::Stopping))) => round,
            (None, ..) if plan.is_paused => TaskStatus::Paused,
            (None, _, _) => TaskStatus::Running,
        }
    }

    /// Adds a plan, whose first round calls the whole list.
    pub(super) fn add_plan(
        &mut self,
        context: &mut Context,
        order: TaskOrder,
        strategy: usize,
        rows: super::rows::Rows,
        refused: usize,
    ) -> PlanKey {
        let key = self.plans.next_key();
        self.plan_names.insert((order.account, order.name.clone()), key);
        let count = u32::try_from(rows.list.len()).unwrap_or(u32::MAX);
        let plan = Plan {
            order,
            strategy,
            created: context.now,
            ended: None,
            was_stopped: false,
            rounds: Vec::new(),
            next: Vec::new(),
            waiting: None,
            is_paused: false,
            reached: vec![Reached::Open; rows.list.len()],
            out: BTreeSet::new(),
            cause: context.cause(),
        };
        self.plans.add(plan, TASK_WEIGHT + rows.list.len());
        self.begin_round(context, key, (0..count).collect(), rows, refused);
        key
    }

    fn begin_round(
        &mut self,
        context: &mut Context,
        key: PlanKey,
        origins: Vec<u32>,
        rows: super::rows::Rows,
        refused: usize,
    ) {
        let plan = &self.plans[key];
        let number = u32::try_from(plan.rounds.len()).unwrap_or(u32::MAX);
        let cause = plan.cause;
        let strategy = self.rules.strategies.get(plan.strategy);
        let round = strategy.and_then(|strategy| strategy.rounds.get(number as usize));
        let mut order = plan.order.clone();
        order.name = round_name(&plan.order.name, number as usize);
        order.plan = Some((key, number));
        order.starts = order.starts.max(context.now);
        if let Some(repeat) = round.and_then(|round| round.repeat_number) {
            order.repeat_number = u8::try_from(repeat).unwrap_or(u8::MAX);
        }
        let task = self.add_task(context, order, rows, refused);
        self.tasks[task].cause = cause;
        self.plans[key].rounds.push(RoundRun { task, origins });
    }

    /// Counts the results of a finished round, and applies the strategy to choose the numbers of the next one.
    pub(super) fn round_ended(&mut self, context: &mut Context, key: PlanKey) {
        let plan = &self.plans[key];
        let Some(run) = plan.rounds.last() else { return };
        let task = &self.tasks[run.task];
        let strategy = self.rules.strategies.get(plan.strategy);
        let round = strategy.and_then(|strategy| strategy.rounds.get(plan.rounds.len()));
        let was_stopped = task.status == TaskStatus::Cancelled;
        let mut reached = Vec::with_capacity(run.origins.len());
        let mut next = Vec::new();
        for (row, origin) in task.rows.list.iter().zip(&run.origins) {
            let before = plan.reached[*origin as usize];
            reached.push((*origin, before.then(Reached::of(row).unwrap_or(Reached::Cancelled))));
            let selected = round.is_some_and(|round| round.select.contains(&row.outcome));
            if selected && row.status == RowStatus::Finished && !plan.out.contains(&row.number) {
                next.push(*origin);
            }
        }
        let starts =
            round.and_then(|round| round.after).map_or(context.now, |after| later(context.now, after.0));
        let in_time = plan.order.ends.is_none_or(|ends| starts < ends);
        let goes_on = !was_stopped && in_time && !next.is_empty();
        let plan = &mut self.plans[key];
        for (origin, counts) in reached {
            plan.reached[origin as usize] = counts;
        }
        if goes_on {
            plan.next = next;
            let waiting = context.plan(starts, (key, PlanTimer::Round));
            self.plans[key].waiting = Some(waiting);
        } else {
            plan.was_stopped = was_stopped;
            self.end_plan(context, key);
        }
    }

    fn end_plan(&mut self, context: &mut Context, key: PlanKey) {
        self.plans[key].ended = Some(context.now);
        // After the callback of its last task.
        context.plan(later(context.now, std::time::Duration::from_secs(2)), (key, PlanTimer::Notice));
    }

    /// Begins the next round.
    pub(super) fn next_round(&mut self, context: &mut Context, key: PlanKey) {
        let plan = &mut self.plans[key];
        plan.waiting = None;
        if plan.is_paused {
            // The round begins when the plan is resumed.
            return;
        }
        let mut origins = std::mem::take(&mut plan.next);
        let Some(first) = plan.rounds.first().map(|run| run.task) else { return };
        let list = std::sync::Arc::clone(&self.tasks[first].rows);
        let out = &self.plans[key].out;
        origins
            .retain(|origin| list.list.get(*origin as usize).is_some_and(|row| !out.contains(&row.number)));
        if origins.is_empty() {
            // All numbers of the round were taken out in the meantime.
            return self.end_plan(context, key);
        }
        let rows = list.fresh(origins.iter().map(|origin| *origin as usize));
        self.begin_round(context, key, origins, rows, 0);
    }

    /// Takes a number out of the round under way and of all later rounds. If it is being called, that call is its last.
    pub(super) fn cancel_in_plan(&mut self, context: &mut Context, key: PlanKey, number: u64) {
        let Some(task) = self.plans[key].rounds.last().map(|run| run.task) else { return };
        self.plans[key].out.insert(number);
        for row in self.tasks[task].rows_of(number) {
            self.take_out(context, task, row);
        }
    }

    /// Returns a plan that waits for its next round, if the task is that of its last one.
    fn waiting_plan(&mut self, key: PlanKey, task: TaskKey) -> Option<&mut Plan> {
        let plan = &mut self.plans[key];
        let is_last = plan.rounds.last().is_some_and(|run| run.task == task);
        (is_last && !plan.next.is_empty()).then_some(plan)
    }

    /// Stops a plan that waits for its next round, through the task of the last one. Returns whether it was waiting.
    pub(super) fn stop_between_rounds(&mut self, context: &mut Context, key: PlanKey, task: TaskKey) -> bool {
        let Some(plan) = self.waiting_plan(key, task) else { return false };
        let wake = plan.waiting.take();
        plan.next.clear();
        plan.is_paused = false;
        plan.was_stopped = true;
        context.agenda.cancel(wake);
        self.end_plan(context, key);
        true
    }

    /// Pauses a plan that waits for its next round, through the task of the last one. Returns `None` if it is not waiting, or
    /// else whether it was running before.
    pub(super) fn pause_between_rounds(&mut self, key: PlanKey, task: TaskKey) -> Option<bool> {
        let plan = self.waiting_plan(key, task)?;
        Some(!std::mem::replace(&mut plan.is_paused, true))
    }

    /// Resumes a plan that was paused between two rounds: its next round begins at its time, or at once if that has passed.
    /// Returns `None` if it is not waiting, or else whether it was paused.
    pub(super) fn resume_between_rounds(
        &mut self,
        context: &mut Context,
        key: PlanKey,
        task: TaskKey,
    ) -> Option<bool> {
        let plan = self.waiting_plan(key, task)?;
        let was_paused = std::mem::replace(&mut plan.is_paused, false);
        if was_paused && plan.waiting.is_none() {
            match plan.order.ends.is_none_or(|ends| context.now < ends) {
                true => self.next_round(context, key),
                // Its schedule is over.
                false => {
                    plan.next.clear();
                    self.end_plan(context, key);
                }
            }
        }
        Some(was_paused)
    }
}
