//! Evicts finished tasks and plans after a while.

use super::Calling;
use super::task::Task;
use crate::simulator::keys::TaskKey;
use crate::simulator::planned::Planned;
use crate::simulator::shelf::Keep;

impl Calling {
    /// Evicts finished objects: plans with the tasks of their rounds, and tasks that belong to nothing.
    pub(in crate::simulator) fn put_away(&mut self, keep: Keep, planned: &Planned) {
        let tasks = &self.tasks;
        let plans = self.plans.put_away(keep, |key, plan| {
            let is_needed = |task: TaskKey| planned.tasks.contains(&task) || !tasks[task].is_at_rest();
            let is_free = !planned.plans.contains(&key) && !plan.rounds.iter().any(|run| is_needed(run.task));
            plan.ended.filter(|_| is_free)
        });
        for (_, plan) in plans {
            self.plan_names.remove(&(plan.order.account, plan.order.name));
            for run in plan.rounds {
                self.put_task_away(run.task);
            }
        }
        let tasks = self.tasks.put_away(keep, |key, task| {
            let is_alone = task.order.plan.is_none() && task.order.workflow.is_none();
            let is_free = is_alone && task.is_at_rest() && !planned.tasks.contains(&key);
            task.ended.filter(|_| is_free)
        });
        for (key, task) in tasks {
            self.forget(key, task);
        }
        let tasks = &self.tasks;
        for list in self.of_account.values_mut() {
            list.retain(|key| tasks.get(*key).is_some());
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
        let name = (task.order.account, task.order.name);
        if self.task_names.get(&name) == Some(&key) {
            self.task_names.remove(&name);
        }
    }
}

impl Task {
    /// Whether nothing of it is in progress, and no line has it in its queue.
    fn is_at_rest(&self) -> bool {
        self.status.is_over() && !self.is_queued && self.sums.calling == 0
    }
}
