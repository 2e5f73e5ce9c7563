//! An instance: a template's flow over a list, and the state of each of its rows.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::dialers::NodeTask;
use super::row::Detail;
use crate::seed::Seed;
use crate::simulator::access::AccountKey;
use crate::simulator::agenda::Place;
use crate::simulator::cause::CauseId;
use crate::simulator::dialer::DialerMockOutcome;
use crate::simulator::node::CameTo;
use crate::simulator::node::InstancePhase as Phase;
use crate::simulator::rules::workflow::AutoFinish;

/// What a row does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RowStatus {
    /// Not begun.
    Pending,
    /// On its way.
    Running,
    /// At the end of its flow.
    Finished,
    /// Taken out, or cut off by the end of the instance.
    Cancelled,
}

impl RowStatus {
    pub(super) fn is_over(self) -> bool {
        matches!(self, Self::Finished | Self::Cancelled)
    }
}

/// How many rows do what; `total` is the sum of the others (assumed).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct RowCounts {
    /// All rows.
    pub(super) total: i64,
    /// Rows that have not begun.
    pub(super) pending: i64,
    /// Rows in progress.
    pub(super) running: i64,
    /// Rows at the end of their flow.
    pub(super) finished: i64,
    /// Rows removed, or cut off by the end of the instance.
    pub(super) cancelled: i64,
}

/// A row's stay at a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visit {
    /// When the row arrived, in Unix milliseconds.
    pub(super) at: i64,
    /// Of a call node: the row of its task.
    pub(super) work: u32,
    pub(super) node: u16,
    /// Of a message: the number of steps done.
    pub(super) steps: u8,
    pub(super) came_to: CameTo,
    /// The person's intention: `A` to `I`, or 0.
    pub(super) intention: u8,
}

impl Visit {
    pub(super) fn came(&self) -> Timestamp {
        Timestamp::from_millisecond(self.at).unwrap_or(Timestamp::MIN)
    }
}

/// The data that a Custom API node pushed for a row.
#[derive(Clone, Debug)]
pub(super) struct Push {
    /// The body as it was sent.
    pub(super) body: String,
    /// How far the push got; `None` before the first attempt.
    pub(super) reach: Option<PushReach>,
}

impl Push {
    /// Records the state of an attempt. Once the receiver has answered, the push stays delivered.
    pub(super) fn reached(&mut self, reach: PushReach) {
        if self.reach != Some(PushReach::Answered) {
            self.reach = Some(reach);
        }
    }

    /// Whether the receiver has it, or may have it by now.
    pub(super) fn is_delivered(&self) -> bool {
        matches!(self.reach, Some(PushReach::UnderWay | PushReach::Answered))
    }
}

/// How far a push got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushReach {
    /// An attempt is under way: the receiver may have it already.
    UnderWay,
    /// The receiver has answered, with any response.
    Answered,
    /// The attempt ended without a response.
    Lost,
}

/// A row of an instance.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) number: u64,
    pub(super) case_id: Box<str>,
    /// The variables as the text of a JSON object.
    pub(super) variables: Box<str>,
    pub(super) mock_outcome: DialerMockOutcome,
    pub(super) message_outcome: Option<CameTo>,
    pub(super) status: RowStatus,
    /// Whether the row leaves after what is under way.
    pub(super) is_let_go: bool,
    /// The place of the row's timer in the agenda.
    pub(super) wake: Option<Place>,
    pub(super) visits: Vec<Visit>,
}

/// Number of rows that have arrived at a node, and number of rows at it now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct NodeSums {
    pub(super) total: u32,
    pub(super) running: u32,
}

/// An instance.
#[derive(Clone, Debug)]
pub(in crate::simulator) struct Instance {
    pub(super) account: AccountKey,
    pub(super) name: String,
    /// The index of its template.
    pub(super) template: usize,
    pub(super) auto_finish: AutoFinish,
    pub(super) seed: Seed,
    pub(super) phase: Phase,
    pub(super) created: Timestamp,
    pub(super) ends: Timestamp,
    pub(super) ended: Option<Timestamp>,
    pub(super) rows: Vec<Row>,
    /// Number of rows in each state.
    pub(super) counts: RowCounts,
    /// The sums by node.
    pub(super) nodes: Vec<NodeSums>,
    /// The call tasks by node, each created when its first row arrives.
    pub(super) tasks: Vec<Option<NodeTask>>,
    by_number: HashMap<u64, Vec<u32>>,
    by_case: HashMap<Box<str>, Vec<u32>>,
    /// The pushed data, by row and node.
    pub(super) pushes: BTreeMap<(u32, u16), Push>,
    /// The place of its end time in the agenda.
    pub(super) end: Option<Place>,
    /// The place of its end by itself in the agenda.
    pub(super) pause: Option<Place>,
    /// The request that created it.
    pub(in crate::simulator) cause: CauseId,
    /// The channel that its messages are sent from.
    pub(super) channel_id: String,
    /// Whether its status or that of a node's run has changed since the last report.
    pub(super) has_news: bool,
}

/// The order of an instance.
#[derive(Clone, Debug)]
pub(super) struct InstanceOrder {
    pub(super) account: AccountKey,
    pub(super) name: String,
    pub(super) template: usize,
    pub(super) nodes: usize,
    pub(super) auto_finish: AutoFinish,
    pub(super) ends: Timestamp,
    /// The request that creates it.
    pub(super) cause: CauseId,
    /// The channel that its messages are sent from.
    pub(super) channel_id: String,
}

impl Instance {
    pub(super) fn new(order: InstanceOrder, seed: Seed, now: Timestamp) -> Self {
        Self {
            account: order.account,
            name: order.name,
            template: order.template,
            auto_finish: order.auto_finish,
            seed,
            phase: Phase::Created,
            created: now,
            ends: order.ends,
            ended: None,
            rows: Vec::new(),
            counts: RowCounts::default(),
            nodes: vec![NodeSums::default(); order.nodes],
            tasks: vec![None; order.nodes],
            by_number: HashMap::new(),
            by_case: HashMap::new(),
            pushes: BTreeMap::new(),
            end: None,
            pause: None,
            cause: order.cause,
            channel_id: order.channel_id,
            has_news: false,
        }
    }

    /// Adds rows that have not begun. Returns the first of them.
    pub(super) fn add(&mut self, details: Vec<Detail>) -> u32 {
        let first = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        self.rows.reserve_exact(details.len());
        for (at, detail) in (first..).zip(details) {
            self.by_number.entry(detail.number).or_default().push(at);
            if !detail.case_id.is_empty() {
                self.by_case.entry(detail.case_id.clone()).or_default().push(at);
            }
            self.counts.total += 1;
            self.counts.pending += 1;
            self.rows.push(Row {
                number: detail.number,
                case_id: detail.case_id,
                variables: detail.variables,
                mock_outcome: detail.mock_outcome,
                message_outcome: detail.message_outcome,
                status: RowStatus::Pending,
                is_let_go: false,
                wake: None,
                visits: Vec::new(),
            });
        }
        first
    }

    pub(super) fn row(&self, row: u32) -> Option<&Row> {
        self.rows.get(row as usize)
    }

    pub(super) fn row_mut(&mut self, row: u32) -> Option<&mut Row> {
        self.rows.get_mut(row as usize)
    }

    /// Returns the number of rows that are not over.
    pub(super) fn active(&self) -> i64 {
        self.counts.pending + self.counts.running
    }

    /// Returns the rows with a number and a case, in the order of the list; `None` matches all.
    pub(super) fn find(&self, number: Option<u64>, case_id: Option<&str>) -> Vec<u32> {
        let empty = Vec::new();
        let of_case = case_id.map(|case_id| self.by_case.get(case_id).unwrap_or(&empty));
        let of_number = number.map(|number| self.by_number.get(&number).unwrap_or(&empty));
        match (of_number, of_case) {
            (Some(numbers), Some(cases)) => {
                numbers.iter().filter(|row| cases.contains(row)).copied().collect()
            }
            (Some(rows), None) | (None, Some(rows)) => rows.clone(),
            (None, None) => Vec::new(),
        }
    }

    fn count(&mut self, status: RowStatus) -> &mut i64 {
        match status {
            RowStatus::Pending => &mut self.counts.pending,
            RowStatus::Running => &mut self.counts.running,
            RowStatus::Finished => &mut self.counts.finished,
            RowStatus::Cancelled => &mut self.counts.cancelled,
        }
    }

    /// Sets the status of a row and updates the sums.
    pub(super) fn set_status(&mut self, row: u32, status: RowStatus) {
        let Some(known) = self.row_mut(row) else { return };
        let before = std::mem::replace(&mut known.status, status);
        *self.count(before) -= 1;
        *self.count(status) += 1;
    }

    /// Records that a row arrives at a node.
    pub(super) fn arrive(&mut self, row: u32, node: u16, now: Timestamp) {
        let sums = &mut self.nodes[usize::from(node)];
        sums.total += 1;
        sums.running += 1;
        if let Some(row) = self.row_mut(row) {
            row.visits.push(Visit {
                at: now.as_millisecond(),
                work: 0,
                node,
                steps: 0,
                came_to: CameTo::Nothing,
                intention: 0,
            });
        }
    }

    /// Records that a row leaves its node.
    pub(super) fn depart(&mut self, row: u32) {
        let node = self.row(row).and_then(|row| row.visits.last()).map(|visit| visit.node);
        let is_open = self.phase.is_open();
        if let Some(sums) = node.and_then(|node| self.nodes.get_mut(usize::from(node))) {
            sums.running -= 1;
            // No more rows arrive at it.
            self.has_news |= !is_open && sums.running == 0;
        }
    }

    /// Returns the stay of a row at its current node.
    pub(super) fn visit_mut(&mut self, row: u32) -> Option<&mut Visit> {
        self.row_mut(row)?.visits.last_mut()
    }

    /// Counts the rows again: the expected sums.
    #[cfg(test)]
    pub(super) fn recount(&self) -> (RowCounts, Vec<NodeSums>) {
        let mut counts = RowCounts::default();
        let mut nodes = vec![NodeSums::default(); self.nodes.len()];
        for row in &self.rows {
            counts.total += 1;
            match row.status {
                RowStatus::Pending => counts.pending += 1,
                RowStatus::Running => counts.running += 1,
                RowStatus::Finished => counts.finished += 1,
                RowStatus::Cancelled => counts.cancelled += 1,
            }
            for visit in &row.visits {
                nodes[usize::from(visit.node)].total += 1;
            }
            if let (RowStatus::Running, Some(visit)) = (row.status, row.visits.last()) {
                nodes[usize::from(visit.node)].running += 1;
            }
        }
        (counts, nodes)
    }
}
