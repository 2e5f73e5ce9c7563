//! A calling task: one round of calls over a list of numbers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::rows::{Row, RowStatus, Rows};
use super::{LineKey, PlanKey};
use crate::seed::Seed;
use crate::simulator::access::AccountKey;
use crate::simulator::agenda::Place;
use crate::simulator::cause::CauseId;
use crate::simulator::node::Part;
use crate::simulator::outcome::MockOutcome;

/// Where a task or plan stands (client).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::simulator) enum TaskStatus {
    /// Its time has not come (client).
    Pending,
    /// It calls. A stopped task is running until its last call has ended (assumed).
    Running,
    /// It calls nobody until it is resumed (assumed).
    Paused,
    /// Nothing new is dialled; calls under way go on to their end. On the wire it is `running` until then, so that a client
    /// that polls does not take sums for final that still change.
    #[serde(rename = "running")]
    #[schemars(skip)]
    Stopping,
    /// All its numbers are finished (client).
    Finished,
    /// It was stopped, and its last call has ended (assumed).
    Cancelled,
}

impl TaskStatus {
    pub(super) fn is_over(self) -> bool {
        matches!(self, Self::Finished | Self::Cancelled)
    }
}

/// Number of rows in each state. `created` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) pending: u32,
    pub(super) calling: u32,
    pub(super) finished: u32,
    pub(super) cancelled: u32,
    pub(super) refused: u32,
    /// Number of finished rows where a person answered.
    pub(super) connected: u32,
}

impl Sums {
    pub(super) fn created(self) -> u32 {
        self.pending + self.calling + self.finished + self.cancelled + self.refused
    }

    fn of(&mut self, status: RowStatus) -> &mut u32 {
        match status {
            RowStatus::Pending => &mut self.pending,
            RowStatus::Calling => &mut self.calling,
            RowStatus::Finished => &mut self.finished,
            RowStatus::Cancelled => &mut self.cancelled,
        }
    }
}

/// The order of a task.
#[derive(Clone, Debug)]
pub(super) struct TaskOrder {
    pub(super) account: AccountKey,
    pub(super) name: String,
    /// The plan and the round that it belongs to, counted from 0.
    pub(super) plan: Option<(PlanKey, u32)>,
    /// The node of a workflow that created it.
    pub(super) workflow: Option<Arc<Part>>,
    /// The robot that calls unless a row names another; empty if the request named none.
    pub(super) robot: String,
    pub(super) line: String,
    pub(super) starts: Timestamp,
    pub(super) ends: Option<Timestamp>,
    /// Maximum number of calls to a number, including the first (assumed).
    pub(super) repeat_number: u8,
    /// The time between the attempts to reach a number (that the unit is minutes is assumed).
    pub(super) repeat_interval: Duration,
}

/// A calling task.
#[derive(Clone, Debug)]
pub(in crate::simulator) struct Task {
    pub(super) order: TaskOrder,
    pub(super) seed: Seed,
    pub(super) line: LineKey,
    pub(super) created: Timestamp,
    pub(super) status: TaskStatus,
    /// When the first number was dialled, or could have been.
    pub(super) began: Option<Timestamp>,
    /// When it ended.
    pub(super) ended: Option<Timestamp>,
    /// Shared, so that a long response can be written while calls go on: a change of a row then makes a copy.
    pub(super) rows: Arc<Rows>,
    pub(super) sums: Sums,
    /// Rows before this index have been dialled at least once, or never will be.
    pub(super) fresh: usize,
    /// Rows to be called again. The delay is the same for all, so that they are in the order of their moments.
    pub(super) redials: VecDeque<(Timestamp, u32)>,
    /// The place of its beginning in the agenda.
    pub(super) start: Option<Place>,
    /// The place of the next redial in the agenda.
    pub(super) redial: Option<Place>,
    /// Whether rows may still be added, so that it is not over when none is left.
    pub(super) is_open: bool,
    /// The instance's row for each of its rows, if it belongs to a workflow.
    pub(super) origins: Vec<u32>,
    /// The rows whose call under way is the last, whatever its result.
    pub(super) let_go: BTreeSet<u32>,
    /// The place of the end of its schedule in the agenda.
    pub(super) close: Option<Place>,
    /// Whether it is in the queue of its line.
    pub(super) is_queued: bool,
    /// When earlier attempts to reach a number began, by row and attempt.
    pub(super) earlier: BTreeMap<(u32, u8), i64>,
    /// The rows sorted by phone number, created at the first search for a number.
    by_number: Option<Vec<u32>>,
    /// The request that created it.
    pub(in crate::simulator) cause: CauseId,
}

impl Task {
    /// Returns its round in a plan, counted from 1; a task without a plan is a first round.
    pub(super) fn round(&self) -> u32 {
        self.order.plan.map_or(1, |(_, round)| round + 1)
    }

    pub(super) fn new(
        order: TaskOrder,
        line: LineKey,
        seed: Seed,
        now: Timestamp,
        rows: Rows,
        refused: usize,
        cause: CauseId,
    ) -> Self {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let sums = Sums { pending: count(rows.list.len()), refused: count(refused), ..Sums::default() };
        Self {
            order,
            seed,
            line,
            created: now,
            status: TaskStatus::Pending,
            began: None,
            ended: None,
            rows: Arc::new(rows),
            sums,
            fresh: 0,
            redials: VecDeque::new(),
            start: None,
            redial: None,
            is_open: false,
            origins: Vec::new(),
            let_go: BTreeSet::new(),
            close: None,
            is_queued: false,
            earlier: BTreeMap::new(),
            by_number: None,
            cause,
        }
    }

    pub(super) fn row(&self, row: u32) -> Option<&Row> {
        self.rows.list.get(row as usize)
    }

    /// Changes a row and updates the sums.
    pub(super) fn change(&mut self, row: u32, change: impl FnOnce(&mut Row)) {
        let rows = Arc::make_mut(&mut self.rows);
        let Some(row) = rows.list.get_mut(row as usize) else { return };
        let before = (row.status, row.outcome);
        change(row);
        if before.0 != row.status {
            *self.sums.of(before.0) -= 1;
            *self.sums.of(row.status) += 1;
            if row.status == RowStatus::Finished && row.outcome.is_connected() {
                self.sums.connected += 1;
            }
        }
    }

    /// Adds a row to a task whose rows come one by one.
    pub(super) fn append(
        &mut self,
        number: u64,
        mock_outcome: MockOutcome,
        text: Bytes,
        origin: u32,
    ) -> Option<u32> {
        self.by_number = None;
        let row = Arc::make_mut(&mut self.rows).append(number, mock_outcome, text)?;
        self.origins.push(origin);
        self.sums.pending += 1;
        Some(row)
    }

    /// Returns the next row that may be dialled now.
    pub(super) fn next_row(&mut self, now: Timestamp) -> Option<u32> {
        if self.status != TaskStatus::Running {
            return None;
        }
        while let Some((due, row)) = self.redials.front().copied() {
            if due > now {
                break;
            }
            self.redials.pop_front();
            if self.row(row).is_some_and(|row| row.status == RowStatus::Pending) {
                return Some(row);
            }
        }
        while let Some(row) = self.rows.list.get(self.fresh) {
            let at = u32::try_from(self.fresh).unwrap_or(u32::MAX);
            self.fresh += 1;
            if row.status == RowStatus::Pending && row.attempts == 0 {
                return Some(at);
            }
        }
        None
    }

    /// Takes out every number that is not being called. Numbers that were called before get the status `attempted`.
    pub(super) fn clear_pending(&mut self, attempted: RowStatus) -> Vec<u32> {
        let mut finished = Vec::new();
        if self.sums.pending > 0 {
            for at in 0..u32::try_from(self.rows.list.len()).unwrap_or(u32::MAX) {
                let Some(row) = self.row(at).copied().filter(|row| row.status == RowStatus::Pending) else {
                    continue;
                };
                let to = if row.attempts > 0 { attempted } else { RowStatus::Cancelled };
                self.change(at, |row| row.status = to);
                if to == RowStatus::Finished {
                    finished.push(at);
                }
            }
        }
        self.redials.clear();
        self.fresh = self.rows.list.len();
        finished
    }

    /// Returns the rows with a number, in the order of the list.
    pub(super) fn rows_of(&mut self, number: u64) -> Vec<u32> {
        let list = &self.rows.list;
        let of = |at: &u32| list.get(*at as usize).map_or(0, |row| row.number);
        let index = self.by_number.get_or_insert_with(|| {
            let mut index: Vec<u32> = (0..u32::try_from(list.len()).unwrap_or(u32::MAX)).collect();
            index.sort_by_key(|at| (of(at), *at));
            index
        });
        let from = index.partition_point(|at| of(at) < number);
        index[from..].iter().copied().take_while(|at| of(at) == number).collect()
    }

    /// Whether nothing is left to do.
    pub(super) fn is_finished(&self) -> bool {
        !self.is_open && self.sums.pending == 0 && self.sums.calling == 0
    }

    /// Counts the rows again: the expected sums.
    #[cfg(test)]
    pub(super) fn recount(&self) -> Sums {
        let mut sums = Sums { refused: self.sums.refused, ..Sums::default() };
        for row in &self.rows.list {
            *sums.of(row.status) += 1;
            if row.status == RowStatus::Finished && row.outcome.is_connected() {
                sums.connected += 1;
            }
        }
        sums
    }
}
