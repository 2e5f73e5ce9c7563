//! Evicts finished instances after a while, with the tasks of their nodes.

use super::Workflow;
use super::dialers::NodeTask;
use super::instance::Instance;
use crate::simulator::calling::Calling;
use crate::simulator::dialer::Dialer;
use crate::simulator::keys::InstanceKey;
use crate::simulator::planned::Planned;
use crate::simulator::shelf::Keep;

impl Workflow {
    /// Evicts finished instances.
    pub(in crate::simulator) fn put_away(
        &mut self,
        keep: Keep,
        planned: &Planned,
        calling: &mut Calling,
        dialer: &mut Dialer,
    ) {
        let is_needed = |task: NodeTask| match task {
            NodeTask::Voice(task) => planned.tasks.contains(&task) || !calling.is_at_rest(task),
            NodeTask::Dialer(task) => planned.dialer_tasks.contains(&task) || !dialer.is_at_rest(task),
        };
        let finished = |key: InstanceKey, instance: &Instance| {
            let is_free = !planned.instances.contains(&key)
                && instance.rows.iter().all(|row| row.status.is_over())
                && !instance.tasks.iter().flatten().any(|task| is_needed(*task));
            instance.ended.filter(|_| is_free)
        };
        let gone = self.instances.put_away(keep, finished);
        for (_, instance) in &gone {
            for task in instance.tasks.iter().flatten() {
                match task {
                    NodeTask::Voice(task) => calling.put_task_away(*task),
                    NodeTask::Dialer(task) => dialer.put_task_away(*task),
                }
            }
        }
        let instances = &self.instances;
        for list in self.of_account.values_mut() {
            list.retain(|key| instances.get(*key).is_some());
        }
    }
}
