//! Those who call for a workflow: robots in calling tasks, and agents by the predictive dialer.

use jiff::Timestamp;

use super::file::CameTo;
use crate::simulator::Callback;
use crate::simulator::calling::{self, Calling};
use crate::simulator::dialer::{self, Dialer, Ending};
use crate::simulator::node::{Ended, Taken};

/// The task of a node that calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeTask {
    /// One of robots.
    Voice(calling::TaskKey),
    /// One of agents.
    Dialer(dialer::TaskKey),
}

impl NodeTask {
    /// The calling task it is, if it is one.
    pub(super) fn voice(self) -> Option<calling::TaskKey> {
        match self {
            Self::Voice(task) => Some(task),
            Self::Dialer(_) => None,
        }
    }
}

/// The parts of the simulator that call.
#[derive(Debug)]
pub(in crate::simulator) struct Callers<'a> {
    pub(in crate::simulator) calling: &'a mut Calling,
    pub(in crate::simulator) dialer: &'a mut Dialer,
}

impl Callers<'_> {
    /// When one of them has something to do next.
    pub(super) fn next_wakeup(&self) -> Option<Timestamp> {
        [self.calling.next_wakeup(), self.dialer.next_wakeup()].into_iter().flatten().min()
    }

    pub(super) fn advance(&mut self, now: Timestamp) {
        self.calling.advance(now);
        self.dialer.advance(now);
    }

    pub(super) fn take_callbacks(&mut self) -> Vec<Callback> {
        let mut told = self.calling.take_callbacks();
        told.append(&mut self.dialer.take_callbacks());
        told
    }

    /// The rows whose calls are through since the last time.
    pub(super) fn take_ended(&mut self) -> Vec<Ended<CameTo>> {
        let by_robots = self.calling.take_ended().into_iter().map(|ended| ended.map(CameTo::Call));
        let by_agents = self.dialer.take_ended().into_iter().map(|ended| ended.map(came_to));
        by_robots.chain(by_agents).collect()
    }

    /// The id of a task on the wire.
    pub(super) fn id(&self, task: NodeTask) -> String {
        match task {
            NodeTask::Voice(task) => self.calling.voice_id(task),
            NodeTask::Dialer(task) => self.dialer.node_task_id(task),
        }
    }

    /// The word of a task's status, in the words of its own family.
    pub(super) fn status(&self, task: NodeTask) -> &'static str {
        match task {
            NodeTask::Voice(task) => self.calling.voice_status(task),
            NodeTask::Dialer(task) => self.dialer.node_status(task),
        }
    }

    /// No more rows come: the task ends with its last one.
    pub(super) fn seal(&mut self, task: NodeTask, now: Timestamp) {
        match task {
            NodeTask::Voice(task) => self.calling.seal(task, now),
            NodeTask::Dialer(task) => self.dialer.seal(task, now),
        }
    }

    /// Nothing new is dialled; what was tried is through.
    pub(super) fn close(&mut self, task: NodeTask, now: Timestamp) {
        match task {
            NodeTask::Voice(task) => self.calling.close_voice(task, now),
            NodeTask::Dialer(task) => self.dialer.close_for_node(task, now),
        }
    }

    /// Nothing new is dialled; what was not through is cancelled.
    pub(super) fn stop(&mut self, task: NodeTask, now: Timestamp) {
        match task {
            NodeTask::Voice(task) => self.calling.stop_voice(task, now),
            NodeTask::Dialer(task) => self.dialer.stop_for_node(task, now),
        }
    }

    /// Takes a row of a task out, unless it is being called.
    pub(super) fn take_out(&mut self, task: NodeTask, row: u32, now: Timestamp) -> Taken {
        match task {
            NodeTask::Voice(task) => self.calling.take_out(task, row, now),
            NodeTask::Dialer(task) => self.dialer.take_out(task, row, now),
        }
    }
}

/// What branches see of how a dialer's last call to a row ended.
fn came_to(ending: Ending) -> CameTo {
    match ending.outcome() {
        Some(outcome) => CameTo::Call(outcome),
        None if ending.was_held_back() => CameTo::NotDialled,
        None => CameTo::NoAgent,
    }
}
