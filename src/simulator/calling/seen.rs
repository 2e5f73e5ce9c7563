//! Tasks and plans as the control surface shows them.

use super::Calling;
use super::plan::RoundRun;
use super::task::Task;
use crate::simulator::keys::TaskKey;
use crate::simulator::object_view::{ObjectView, PartView, sums, word};

impl Calling {
    /// Returns the keys of the tasks that belong to no plan, newest first.
    fn lone_tasks(&self) -> impl Iterator<Item = TaskKey> {
        let alone = self.tasks.iter().rev().filter(|(_, task)| task.order.plan.is_none());
        alone.map(|(key, _)| key)
    }

    /// Returns the number of tasks that belong to no plan.
    pub(in crate::simulator) fn count_tasks(&self) -> usize {
        self.lone_tasks().count()
    }

    /// Returns the tasks that belong to no plan, newest first.
    pub(in crate::simulator) fn tasks_seen(&self) -> impl Iterator<Item = ObjectView> {
        self.lone_tasks().map(|key| {
            let task = &self.tasks[key];
            ObjectView {
                kind: "task",
                id: self.task_id(key),
                name: task.order.name.clone(),
                status: word(task.status),
                created: Some(task.created.to_string()),
                total: task.sums.created().into(),
                done: done(task),
                sums: sums([
                    ("pending", task.sums.pending.into()),
                    ("calling", task.sums.calling.into()),
                    ("connected", task.sums.connected.into()),
                    ("not connected", (task.sums.finished - task.sums.connected).into()),
                    ("cancelled", task.sums.cancelled.into()),
                    ("refused", task.sums.refused.into()),
                ]),
                parts: Vec::new(),
            }
        })
    }

    /// Returns the plans, newest first.
    pub(in crate::simulator) fn plans_seen(&self) -> impl Iterator<Item = ObjectView> {
        self.plans.iter().rev().map(|(key, plan)| {
            let counts = self.plan_counts(key);
            let [connected, not_connected, cancelled] =
                [counts.connected, counts.not_connected, counts.cancelled].map(u64::from);
            ObjectView {
                kind: "plan",
                id: self.plan_id(key),
                name: plan.order.name.clone(),
                status: word(self.plan_status(key)),
                created: Some(plan.created.to_string()),
                total: counts.total.into(),
                done: connected + not_connected + cancelled,
                sums: sums([
                    ("connected", connected),
                    ("not connected", not_connected),
                    ("cancelled", cancelled),
                ]),
                parts: plan.rounds.iter().zip(1..).map(|(run, round)| self.round_seen(run, round)).collect(),
            }
        })
    }

    fn round_seen(&self, run: &RoundRun, round: u32) -> PartView {
        let task = &self.tasks[run.task];
        PartView {
            id: Some(self.task_id(run.task)),
            name: format!("round {round}"),
            kind: "round".to_owned(),
            status: word(task.status),
            total: task.sums.created().into(),
            done: done(task),
            next: Vec::new(),
            rows: Vec::new(),
        }
    }
}

fn done(task: &Task) -> u64 {
    (task.sums.finished + task.sums.cancelled + task.sums.refused).into()
}
