//! Evicts finished tasks after a while.

use jiff::{Span, Timestamp};

use super::Dialer;
use super::task::Task;
use crate::simulator::keys::DialerTaskKey as TaskKey;
use crate::simulator::planned::Planned;
use crate::simulator::shelf::Keep;

impl Dialer {
    /// Evicts finished tasks that belong to no workflow.
    pub(in crate::simulator) fn put_away(&mut self, keep: Keep, planned: &Planned, now: Timestamp) {
        let tasks = self.tasks.put_away(keep, |key, task| {
            let is_free = task.node.is_none() && task.is_at_rest() && !planned.dialer_tasks.contains(&key);
            is_free.then(|| task.last_moment())
        });
        for (key, task) in tasks {
            self.forget(key, task);
        }
        let tasks = &self.tasks;
        for list in self.of_account.values_mut() {
            list.retain(|key| tasks.get(*key).is_some());
        }
        // The count of a number applies to one day, in any zone.
        if let Ok(day) = now.in_tz("UTC").and_then(|now| now.date().checked_sub(Span::new().days(2))) {
            self.dialled.retain(|_, (last, _)| *last >= day);
        }
    }

    /// Whether the state of a task itself allows its eviction.
    pub(in crate::simulator) fn is_at_rest(&self, key: TaskKey) -> bool {
        self.tasks.get(key).is_none_or(Task::is_at_rest)
    }

    /// Evicts a task with everything that belongs to it.
    pub(in crate::simulator) fn put_task_away(&mut self, key: TaskKey) {
        if let Some(task) = self.tasks.remove(key) {
            self.forget(key, task);
        }
    }

    /// Removes the index entries of an evicted task.
    fn forget(&mut self, key: TaskKey, task: Task) {
        self.played.retain(|(played, _, _), _| *played != key);
        let name = (task.settings.account, task.settings.name);
        if self.names.get(&name) == Some(&key) {
            self.names.remove(&name);
        }
    }
}

impl Task {
    /// Whether nothing of it is in progress, and no pool has it in its queue.
    fn is_at_rest(&self) -> bool {
        self.state.is_over() && !self.is_queued && self.sums.calling == 0
    }

    /// Returns the moment of its last activity.
    fn last_moment(&self) -> Timestamp {
        let last = self.calls.last().map(super::call::CallRow::started_at);
        last.or(self.began).unwrap_or(self.settings.starts)
    }
}
