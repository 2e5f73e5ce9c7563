//! The objects that something is planned for.

use std::collections::HashSet;

use super::agenda::Agenda;
use super::keys::{CampaignKey, ConversationKey, DialerTaskKey, InstanceKey, PlanKey, TaskKey};
use super::timer::Timer;

/// The objects that something is planned for: they are not finished, whatever their state says.
#[derive(Debug, Default)]
pub(super) struct Planned {
    pub(super) tasks: HashSet<TaskKey>,
    pub(super) plans: HashSet<PlanKey>,
    pub(super) dialer_tasks: HashSet<DialerTaskKey>,
    pub(super) instances: HashSet<InstanceKey>,
    pub(super) conversations: HashSet<ConversationKey>,
    pub(super) campaigns: HashSet<CampaignKey>,
}

impl Planned {
    pub(super) fn of(agenda: &Agenda) -> Self {
        let mut planned = Self::default();
        for timer in agenda.timers() {
            planned.add(timer);
        }
        planned
    }

    fn add(&mut self, timer: &Timer) {
        match timer {
            Timer::Calling(task, _) => {
                self.tasks.insert(*task);
            }
            Timer::Plan(plan, _) => {
                self.plans.insert(*plan);
            }
            Timer::Dialer(task, _) => {
                self.dialer_tasks.insert(*task);
            }
            Timer::Workflow(instance, _) => {
                self.instances.insert(*instance);
            }
            Timer::Chatbot(conversation, _) => {
                self.conversations.insert(*conversation);
            }
            Timer::Template { campaign, .. } => {
                self.campaigns.insert(*campaign);
            }
            // These timers hold all their data themselves.
            Timer::UserEndpoint(_) | Timer::Send(_) => {}
        }
    }
}
