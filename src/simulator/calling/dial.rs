//! The dialler: tasks begin, lines dial up to as many numbers at a time as they have channels, calls end, numbers are called
//! again, tasks end.
//!
//! The cost of a call does not depend on the number of rows: a line has a queue of tasks with numbers to dial, a task has a
//! position in its list and a queue of redials, and only the calls under way wait in the agenda.

use std::time::Duration;

use super::draw::Drawn;
use super::rows::{Row, RowStatus};
use super::task::TaskStatus;
use super::{Calling, LineKey, TaskKey};
use crate::simulator::context::Context;
use crate::simulator::outcome::{MockOutcome, Outcome};
use crate::simulator::timer::CallingTimer;
use crate::time::later;

/// The time between a task's last call and the callback about its end (assumed).
const CLOSING: Duration = Duration::from_secs(1);

impl Calling {
    /// Begins a task within the request that creates it, if its start has passed.
    pub(super) fn begin_at_once(&mut self, context: &mut Context, key: TaskKey) {
        if let Some(start) = self.tasks[key].start.filter(|(at, _)| *at <= context.now) {
            context.agenda.cancel(Some(start));
            self.start(context, key);
        }
    }

    /// Begins a task at its planned moment.
    pub(super) fn start(&mut self, context: &mut Context, key: TaskKey) {
        let task = &mut self.tasks[key];
        if task.status != TaskStatus::Pending {
            return;
        }
        task.status = TaskStatus::Running;
        task.began = Some(context.now);
        if task.is_finished() {
            return self.finish(context, key);
        }
        let line = task.line;
        self.queue(key);
        self.fill(context, line);
    }

    pub(super) fn queue(&mut self, key: TaskKey) {
        let task = &mut self.tasks[key];
        if !std::mem::replace(&mut task.is_queued, true) {
            let line = task.line;
            self.lines[line.0].queue.push_back(key);
        }
    }

    /// Gives the free channels of a line to its tasks in turn.
    pub(super) fn fill(&mut self, context: &mut Context, line: LineKey) {
        while self.lines[line.0].busy < self.lines[line.0].channels {
            let Some(key) = self.lines[line.0].queue.pop_front() else { break };
            self.tasks[key].is_queued = false;
            match self.tasks[key].next_row(context.now) {
                Some(row) => {
                    self.dial(context, key, row);
                    self.queue(key);
                }
                None => self.wake_for_redial(context, key),
            }
        }
    }

    /// Plans when a task that has nothing to dial now is to dial again.
    fn wake_for_redial(&mut self, context: &mut Context, key: TaskKey) {
        let task = &mut self.tasks[key];
        let Some((due, _)) = task.redials.front().copied() else { return };
        if task.status == TaskStatus::Running && task.redial.is_none_or(|(at, _)| due < at) {
            let later = task.redial.take();
            context.agenda.cancel(later);
            let redial = context.plan(due, (key, CallingTimer::Redial));
            self.tasks[key].redial = Some(redial);
        }
    }

    pub(super) fn mock_outcome(&self, key: TaskKey, row: u32) -> MockOutcome {
        let task = &self.tasks[key];
        let magic = |number| self.rules.mock_outcome_of(number);
        let mock_outcome = task.row(row).map(|row| task.rows.mock_outcome(row, magic)).unwrap_or_default();
        mock_outcome.in_round(task.round())
    }

    fn dial(&mut self, context: &mut Context, key: TaskKey, at: u32) {
        let mock_outcome = self.mock_outcome(key, at);
        let task = &mut self.tasks[key];
        let Some(row) = task.row(at).copied() else { return };
        if row.attempts > 0 {
            task.earlier.insert((at, row.attempts), row.started);
        }
        let attempt = row.attempts.saturating_add(1);
        let drawn = self.drawn(key, at, attempt, mock_outcome);
        let started = context.now.as_millisecond();
        let mut called = row;
        (called.status, called.started) = (RowStatus::Calling, started);
        let called = self.attempted(key, at, called, (attempt, drawn), mock_outcome);
        let task = &mut self.tasks[key];
        task.change(at, |row| *row = called);
        // The end of a call is noticed a moment later: lines do not work in step.
        let ends = task.row(at).map_or(context.now, |row| row.ends()).max(context.now);
        let ends = later(ends, Duration::from_millis(drawn.wait.into()));
        let line = task.line;
        self.lines[line.0].busy += 1;
        let place = context.plan(ends, (key, CallingTimer::HangUp(at)));
        self.under_way.insert((key, at), place);
    }

    /// Returns a row with the result of an attempt that began at its moment. The length of a talk follows from its words.
    pub(super) fn attempted(
        &self,
        key: TaskKey,
        at: u32,
        mut row: Row,
        (attempt, drawn): (u8, Drawn),
        mock_outcome: MockOutcome,
    ) -> Row {
        row.attempts = attempt;
        row.ring = drawn.ring;
        row.talk = drawn.talk;
        row.outcome = drawn.outcome;
        row.intention = drawn.intention;
        row.by_user = drawn.by_user;
        if row.outcome == Outcome::Talked {
            row.talk = self.dialogs(key).seconds(at, &row, &self.tasks[key].rows, mock_outcome);
        }
        row
    }

    pub(super) fn hang_up(&mut self, context: &mut Context, key: TaskKey, at: u32) {
        self.under_way.remove(&(key, at));
        let line = self.tasks[key].line;
        self.lines[line.0].busy -= 1;
        let task = &mut self.tasks[key];
        let Some(row) = task.row(at).copied() else { return };
        let again = later(context.now, task.order.repeat_interval);
        let is_open = matches!(task.status, TaskStatus::Running | TaskStatus::Paused)
            && !task.let_go.remove(&at)
            && task.order.ends.is_none_or(|ends| again < ends);
        if !row.outcome.is_final() && row.attempts < task.order.repeat_number && is_open {
            task.change(at, |row| row.status = RowStatus::Pending);
            task.redials.push_back((again, at));
        } else {
            task.change(at, |row| row.status = RowStatus::Finished);
            self.row_finished(context, key, at);
        }
        if self.tasks[key].is_finished() {
            self.finish(context, key);
        } else if !self.tasks[key].is_queued {
            self.wake_for_redial(context, key);
        }
        self.fill(context, line);
    }

    /// Sends the callback of a finished number (documented: at once if connected, otherwise after the last redial).
    fn row_finished(&mut self, context: &mut Context, key: TaskKey, row: u32) {
        self.note_ended(context, key, row);
        let notice = self.mock_outcome(key, row).notice;
        context.note_swallowed("call.completed", notice);
        for at in notice.moments(context.now) {
            if at == context.now {
                self.emit_call_completed(context, key, row);
            } else {
                context.plan(at, (key, CallingTimer::CallNotice(row)));
            }
        }
    }

    /// Ends the schedule of a task: numbers that were called are finished, the others are never called.
    pub(in crate::simulator) fn close(&mut self, context: &mut Context, key: TaskKey) {
        if self.tasks[key].status.is_over() {
            return;
        }
        let task = &mut self.tasks[key];
        if task.status == TaskStatus::Pending || task.status == TaskStatus::Paused {
            task.status = TaskStatus::Running;
            task.began.get_or_insert(context.now);
        }
        for row in task.clear_pending(RowStatus::Finished) {
            self.row_finished(context, key, row);
        }
        if self.tasks[key].is_finished() {
            self.finish(context, key);
        }
    }

    /// Stops a task: nothing new is dialled, and calls under way continue to their end.
    pub(super) fn stop_task(&mut self, context: &mut Context, key: TaskKey) {
        let task = &mut self.tasks[key];
        task.clear_pending(RowStatus::Cancelled);
        task.status = TaskStatus::Stopping;
        if task.is_finished() {
            self.finish(context, key);
        }
    }

    pub(super) fn pause_task(&mut self, key: TaskKey) {
        self.tasks[key].status = TaskStatus::Paused;
    }

    pub(super) fn resume_task(&mut self, context: &mut Context, key: TaskKey) {
        let task = &mut self.tasks[key];
        task.status = TaskStatus::Running;
        let line = task.line;
        self.queue(key);
        self.fill(context, line);
    }

    /// Takes one number out. Returns whether that was still possible.
    pub(super) fn cancel_row(&mut self, context: &mut Context, key: TaskKey, row: u32) -> bool {
        let task = &mut self.tasks[key];
        if task.row(row).is_none_or(|row| row.status != RowStatus::Pending) {
            return false;
        }
        task.change(row, |row| row.status = RowStatus::Cancelled);
        if task.is_finished() {
            self.finish(context, key);
        }
        true
    }

    pub(super) fn finish(&mut self, context: &mut Context, key: TaskKey) {
        let task = &mut self.tasks[key];
        if task.status.is_over() {
            return;
        }
        let was_stopped = task.status == TaskStatus::Stopping;
        task.status = if was_stopped { TaskStatus::Cancelled } else { TaskStatus::Finished };
        task.ended = Some(context.now);
        let plan = task.order.plan;
        for place in [task.start.take(), task.redial.take(), task.close.take()] {
            context.agenda.cancel(place);
        }
        if self.tasks[key].order.workflow.is_some() {
            // The workflow reports the results of its tasks.
            return;
        }
        context.plan(later(context.now, CLOSING), (key, CallingTimer::TaskNotice));
        if let Some((plan, _)) = plan {
            self.round_ended(context, plan);
        }
    }
}
