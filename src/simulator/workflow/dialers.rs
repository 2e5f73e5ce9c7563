//! The departments that work for a workflow: robots in calling tasks, agents by the predictive dialer, and the chatbot.

use crate::simulator::calling::{self, Calling};
use crate::simulator::chatbot::Chatbot;
use crate::simulator::context::Context;
use crate::simulator::dialer::{self, Dialer};
use crate::simulator::node::Taken;

/// The task of a node that calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeTask {
    /// A task of robots.
    Voice(calling::TaskKey),
    /// A task of agents.
    Dialer(dialer::TaskKey),
}

impl NodeTask {
    /// Returns the calling task, if it is one.
    pub(super) fn voice(self) -> Option<calling::TaskKey> {
        match self {
            Self::Voice(task) => Some(task),
            Self::Dialer(_) => None,
        }
    }
}

/// The departments that work for workflows, and the context of all departments.
#[derive(Debug)]
pub(super) struct Dialers<'a> {
    pub(super) context: &'a mut Context,
    pub(super) calling: &'a mut Calling,
    pub(super) dialer: &'a mut Dialer,
    pub(super) chatbot: &'a mut Chatbot,
}

impl Dialers<'_> {
    /// Returns the id of a task on the wire.
    pub(super) fn id(&self, task: NodeTask) -> String {
        match task {
            NodeTask::Voice(task) => self.calling.task_id(task),
            NodeTask::Dialer(task) => self.dialer.task_id(task),
        }
    }

    /// Declares that no more rows come: the task ends with its last one.
    pub(super) fn seal(&mut self, task: NodeTask) {
        match task {
            NodeTask::Voice(task) => self.calling.seal(self.context, task),
            NodeTask::Dialer(task) => self.dialer.seal(self.context, task),
        }
    }

    /// Closes a task: nothing new is dialled, and numbers that were attempted are finished.
    pub(super) fn close(&mut self, task: NodeTask) {
        match task {
            NodeTask::Voice(task) => self.calling.close(self.context, task),
            NodeTask::Dialer(task) => self.dialer.close(self.context, task),
        }
    }

    /// Stops a task: nothing new is dialled, and unfinished numbers are cancelled.
    pub(super) fn stop(&mut self, task: NodeTask) {
        match task {
            NodeTask::Voice(task) => self.calling.stop_voice(self.context, task),
            NodeTask::Dialer(task) => self.dialer.stop_for_node(self.context, task),
        }
    }

    /// Takes a row of a task out, unless it is being called.
    pub(super) fn take_out(&mut self, task: NodeTask, row: u32) -> Taken {
        match task {
            NodeTask::Voice(task) => self.calling.take_out(self.context, task, row),
            NodeTask::Dialer(task) => self.dialer.take_out(self.context, task, row),
        }
    }
}
