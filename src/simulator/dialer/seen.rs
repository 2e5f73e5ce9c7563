//! The dialer's tasks and agents as the control surface shows them.

use super::Dialer;
use crate::simulator::keys::DialerTaskKey as TaskKey;
use crate::simulator::object_view::{ObjectView, sums};

impl Dialer {
    /// Returns the number of tasks.
    pub(in crate::simulator) fn count_tasks(&self) -> usize {
        self.tasks.len()
    }

    /// Returns the tasks, newest first.
    pub(in crate::simulator) fn tasks_seen(&self) -> impl Iterator<Item = ObjectView> {
        let keys = self.tasks.iter().rev().filter_map(|(at, _)| u32::try_from(at).ok().map(TaskKey));
        keys.map(|key| {
            let task = self.task(key);
            ObjectView {
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
            }
        })
    }
}
