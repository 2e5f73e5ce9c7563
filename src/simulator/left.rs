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
        Timer::Calling(_, timer) => match timer {
            CallingTimer::HangUp(_) | CallingTimer::CallNotice(_) => "call.completed",
            CallingTimer::TaskNotice => "task.finished",
            // Their numbers are not dialled.
            CallingTimer::Start | CallingTimer::Close | CallingTimer::Redial => return None,
        },
        Timer::Plan(..) => "plan.finished",
        Timer::Dialer(_, timer) => match timer {
            DialerTimer::Created | DialerTimer::Check => "dialer.task_status",
            DialerTimer::Ring(_)
            | DialerTimer::Answer(_)
            | DialerTimer::GiveUp(_)
            | DialerTimer::PickUp(_)
            | DialerTimer::End(..)
            | DialerTimer::Result(_) => "dialer.contact_status",
            DialerTimer::Start
            | DialerTimer::Close
            | DialerTimer::Pause
            | DialerTimer::Resume
            | DialerTimer::Dial => return None,
        },
        Timer::Workflow(_, timer) => match timer {
            WorkflowTimer::StatusNotice(_) | WorkflowTimer::Pause => "workflow.status_changed",
            WorkflowTimer::Begin(..) | WorkflowTimer::Step(_) | WorkflowTimer::LateReply(..) => {
                "workflow.contact_completed"
            }
            WorkflowTimer::ConversationEnded(_) => "workflow.session_ended",
            WorkflowTimer::End => return None,
        },
        Timer::Chatbot(_, timer) => match timer {
            ChatbotTimer::Status { by_agent: true, .. } => "agent.message_status",
            ChatbotTimer::Status { by_agent: false, .. } => "message.status",
            ChatbotTimer::End(_) => "session.end",
            ChatbotTimer::Report => "session.report",
            ChatbotTimer::Turn => "message.send",
            ChatbotTimer::Message | ChatbotTimer::Silence => return None,
        },
        Timer::Template { step, .. } => match step {
            TemplateStep::Begin | TemplateStep::Result | TemplateStep::Notice => "template.result",
            TemplateStep::Delivery | TemplateStep::Read => "message.status",
            TemplateStep::Reply => "template.reply",
        },
    };
    Some(event)
}
