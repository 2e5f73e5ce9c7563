//! The objects that something is planned for.

use std::collections::HashSet;

use super::agenda::Agenda;
use super::keys::{CampaignKey, ConversationKey, DialerTaskKey, InstanceKey, PlanKey, TaskKey};
use super::timer::{CallingTimer, ChatbotTimer, DialerTimer, Timer, WorkflowTimer};

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
            Timer::Calling(
                CallingTimer::Start(task)
                | CallingTimer::Close(task)
                | CallingTimer::Redial(task)
                | CallingTimer::HangUp(task, _)
                | CallingTimer::CallNotice(task, _)
                | CallingTimer::TaskNotice(task),
            ) => {
                self.tasks.insert(*task);
            }
            Timer::Calling(CallingTimer::Round(plan) | CallingTimer::PlanNotice(plan)) => {
                self.plans.insert(*plan);
            }
            Timer::Dialer(
                DialerTimer::Created(task)
                | DialerTimer::Start(task)
                | DialerTimer::Close(task)
                | DialerTimer::Check(task)
                | DialerTimer::Pause(task)
                | DialerTimer::Resume(task)
                | DialerTimer::Dial(task)
                | DialerTimer::Ring(task, _)
                | DialerTimer::Answer(task, _)
                | DialerTimer::GiveUp(task, _)
                | DialerTimer::PickUp(task, _)
                | DialerTimer::End(task, ..)
                | DialerTimer::Result(task, _),
            ) => {
                self.dialer_tasks.insert(*task);
            }
            Timer::Workflow(
                WorkflowTimer::StatusNotice(instance, _)
                | WorkflowTimer::Begin(instance, ..)
                | WorkflowTimer::Step(instance, _)
                | WorkflowTimer::LateReply(instance, ..)
                | WorkflowTimer::ConversationEnded(instance, _)
                | WorkflowTimer::Pause(instance)
                | WorkflowTimer::End(instance),
            ) => {
                self.instances.insert(*instance);
            }
            Timer::Chatbot(
                ChatbotTimer::Status { conversation, .. }
                | ChatbotTimer::Failed { conversation, .. }
                | ChatbotTimer::End { conversation, .. }
                | ChatbotTimer::Report { conversation }
                | ChatbotTimer::Turn { conversation }
                | ChatbotTimer::Message { conversation }
                | ChatbotTimer::Silence { conversation },
            ) => {
                self.conversations.insert(*conversation);
            }
            Timer::Chatbot(ChatbotTimer::Template { campaign, .. }) => {
                self.campaigns.insert(*campaign);
            }
            // These timers hold all their data themselves.
            Timer::UserEndpoint(_) | Timer::Send(_) => {}
        }
    }
}
