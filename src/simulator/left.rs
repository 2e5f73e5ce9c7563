//! The work left undone when the simulated vendor ends: numbers that were not dialled, and notices that were planned.

use super::Simulator;
use super::timer::{CallingTimer, ChatbotTimer, DialerTimer, TemplateStep, Timer, WorkflowTimer};

/// The work left undone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftWork {
    /// Number of callbacks that were generated and not taken yet.
    pub ready: usize,
    /// Number of phone numbers that were not dialled.
    pub numbers: usize,
    /// Number of notices that are planned.
    pub notices: usize,
    /// One line for each of them, up to the requested number of each kind.
    pub lines: Vec<String>,
}

impl Simulator {
    /// Returns the work left undone, with up to `most` lines of each kind.
    pub fn left(&self, most: usize) -> LeftWork {
        let mut left = LeftWork::default();
        for event in self.context.ready() {
            left.ready += 1;
            left.line(left.ready, most, || format!("callback not sent: `{event}`"));
        }
        for (task, number) in self.calling.undialled().chain(self.dialer.undialled()) {
            left.numbers += 1;
            left.line(left.numbers, most, || format!("number not dialled: +{number} of the task `{task}`"));
        }
        for (at, cause, timer) in self.context.agenda.planned() {
            let Some(event) = notice(timer).filter(|_| !self.context.is_silent(cause)) else { continue };
            left.notices += 1;
            left.line(left.notices, most, || format!("notice planned for {at}: `{event}`"));
        }
        left
    }
}

impl LeftWork {
    fn line(&mut self, count: usize, most: usize, line: impl FnOnce() -> String) {
        if count <= most {
            // The name of a task may contain a line feed.
            self.lines.push(line().replace('\n', "\\n"));
        }
    }
}

/// Returns the first callback that a timer leads to.
fn notice(timer: &Timer) -> Option<&str> {
    let event = match timer {
        Timer::Send(callback) => &callback.event,
        Timer::UserEndpoint(planned) => planned.endpoint(),
        Timer::Calling(timer) => match timer {
            CallingTimer::HangUp(..) | CallingTimer::CallNotice(..) => "call.completed",
            CallingTimer::TaskNotice(_) => "task.finished",
            CallingTimer::Round(_) | CallingTimer::PlanNotice(_) => "plan.finished",
            // Their numbers are not dialled.
            CallingTimer::Start(_) | CallingTimer::Close(_) | CallingTimer::Redial(_) => return None,
        },
        Timer::Dialer(timer) => match timer {
            DialerTimer::Created(_) | DialerTimer::Check(_) => "dialer.task_status",
            DialerTimer::Ring(..)
            | DialerTimer::Answer(..)
            | DialerTimer::GiveUp(..)
            | DialerTimer::PickUp(..)
            | DialerTimer::End(..)
            | DialerTimer::Result(..) => "dialer.contact_status",
            DialerTimer::Start(_)
            | DialerTimer::Close(_)
            | DialerTimer::Pause(_)
            | DialerTimer::Resume(_)
            | DialerTimer::Dial(_) => return None,
        },
        Timer::Workflow(timer) => match timer {
            WorkflowTimer::StatusNotice(..) | WorkflowTimer::Pause(_) => "workflow.status_changed",
            WorkflowTimer::Begin(..) | WorkflowTimer::Step(..) | WorkflowTimer::LateReply(..) => {
                "workflow.contact_completed"
            }
            WorkflowTimer::ConversationEnded(..) => "workflow.session_ended",
            WorkflowTimer::End(_) => return None,
        },
        Timer::Chatbot(timer) => match timer {
            ChatbotTimer::Status { by_agent: true, .. } | ChatbotTimer::Failed { by_agent: true, .. } => {
                "agent.message_status"
            }
            ChatbotTimer::Status { .. } | ChatbotTimer::Failed { .. } => "message.status",
            ChatbotTimer::End { .. } => "session.end",
            ChatbotTimer::Report { .. } => "session.report",
            ChatbotTimer::Template {
                step: TemplateStep::Begin | TemplateStep::Result | TemplateStep::Notice,
                ..
            } => "template.result",
            ChatbotTimer::Template { step: TemplateStep::Delivery | TemplateStep::Read, .. } => {
                "message.status"
            }
            ChatbotTimer::Template { step: TemplateStep::Reply, .. } => "template.reply",
            ChatbotTimer::Turn { .. } => "message.send",
            ChatbotTimer::Message { .. } | ChatbotTimer::Silence { .. } => return None,
        },
    };
    Some(event)
}
