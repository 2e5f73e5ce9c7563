//! Evicts finished objects when they are too old or too many.

use jiff::Timestamp;

use super::Simulator;
use super::context::Context;
use super::planned::Planned;
use super::shelf::Keep;

impl Context {
    /// Whether it is time to look for objects that are too old.
    pub(super) fn is_time_to_look(&self, now: Timestamp) -> bool {
        self.next_look.is_some_and(|next| next <= now)
    }

    /// The same; if so, and at the first time, the next time is set.
    fn takes_a_look(&mut self, now: Timestamp) -> bool {
        let is_time = self.is_time_to_look(now);
        if is_time || self.next_look.is_none() {
            self.next_look = Some(self.behaviour.retention.next_look(now));
        }
        is_time
    }
}

impl Simulator {
    /// Returns the number of objects and planned timers: the items that a copy of the simulator shares one by one.
    pub fn size(&self) -> usize {
        let kept = [
            self.calling.tasks.len(),
            self.calling.plans.len(),
            self.dialer.tasks.len(),
            self.workflow.instances.len(),
            self.chatbot.campaigns.list.len(),
            self.chatbot.conversations.list.len(),
            self.context.agenda.len(),
        ];
        kept.iter().sum()
    }

    /// Evicts finished objects that are too old or too many. Usually there is nothing to do, and then it costs nothing.
    pub(super) fn put_away(&mut self, now: Timestamp) {
        let retention = self.context.behaviour.retention;
        let is_full = self.calling.tasks.is_full(retention.rows)
            || self.calling.plans.is_full(retention.rows)
            || self.dialer.tasks.is_full(retention.rows)
            || self.workflow.instances.is_full(retention.rows)
            || self.chatbot.campaigns.list.is_full(retention.rows)
            || self.chatbot.conversations.list.is_full(retention.conversations)
            || self.context.causes.is_full();
        if !self.context.takes_a_look(now) && !is_full {
            return;
        }
        let planned = Planned::of(&self.context.agenda);
        let keep = Keep { since: retention.since(now), most: retention.rows };
        // Instances first: their tasks and plans are evicted with them.
        self.workflow.put_away(keep, &planned, &mut self.calling, &mut self.dialer);
        self.calling.put_away(keep, &planned);
        self.dialer.put_away(keep, &planned, now);
        let conversations = Keep { most: retention.conversations, ..keep };
        self.chatbot.put_away(keep, conversations, &planned, &self.context);
        // Campaigns carry no causes.
        let tasks = self.calling.tasks.objects().map(|task| task.cause);
        let plans = self.calling.plans.objects().map(|plan| plan.cause);
        let dialer_tasks = self.dialer.tasks.objects().map(|task| task.cause);
        let instances = self.workflow.instances.objects().map(|instance| instance.cause);
        let conversations = self.chatbot.conversations.list.objects().map(|conversation| conversation.cause);
        let carried = tasks.chain(plans).chain(dialer_tasks).chain(instances).chain(conversations);
        self.context.put_away_causes(carried);
    }
}

#[cfg(test)]
#[path = "put_away_tests.rs"]
mod tests;
