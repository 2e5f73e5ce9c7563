//! The dialer's tasks and agents as the control surface shows them.

use super::Dialer;
use crate::simulator::object_view::{ObjectView, sums};

impl Dialer {
    /// Returns the tasks, newest first.
    pub(in crate::simulator) fn tasks_seen(&self) -> impl Iterator<Item = ObjectView> {
        self.tasks.iter().rev().map(|(key, task)| ObjectView {
            kind: "dialer_task",
            id: self.task_id(key),
            name: task.settings.name.clone(),
            status: task.state.as_str().to_owned(),
            created: task.began.map(|began| began.to_string()),
            total: task.total().into(),
            done: (task.sums.done + task.sums.cancelled).into(),
            sums: sums([
                ("waiting", task.sums.waiting.into()),
                ("calling", task.sums.calling.into()),
                ("done", task.sums.done.into()),
                ("cancelled", task.sums.cancelled.into()),
                ("no agent was free", task.lost.into()),
            ]),
            parts: Vec::new(),
        })
    }
}
