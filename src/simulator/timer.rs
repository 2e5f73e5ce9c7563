//! All timers of the simulator: the future events of every department.

use super::callback::Callback;
use super::ending::Ending;
use super::keys::{CampaignKey, ConversationKey, DialerTaskKey, InstanceKey, PlanKey, TaskKey};
use super::node::InstancePhase;
use super::outcome::MessageFailure;
use super::user_endpoints::PlannedSend;
use crate::contract::bodies::message::MessageStatus;

/// A future event.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Timer {
    /// A timer of a calling task.
    Calling(TaskKey, CallingTimer),
    /// A timer of a plan of calling tasks.
    Plan(PlanKey, PlanTimer),
    /// A timer of a task of the predictive dialer.
    Dialer(DialerTaskKey, DialerTimer),
    /// A timer of an instance of a workflow.
    Workflow(InstanceKey, WorkflowTimer),
    /// A timer of a conversation of the chatbot.
    Chatbot(ConversationKey, ChatbotTimer),
    /// A template message of a campaign takes its next step.
    Template { campaign: CampaignKey, row: u32, step: TemplateStep },
    /// A timer of the user's own endpoints.
    UserEndpoint(Box<PlannedSend>),
    /// A finished callback of any department goes out: the receipt of a text message, the result of a number detection, a late
    /// notice.
    Send(Box<Callback>),
}

/// Timers of calling tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallingTimer {
    /// A task begins.
    Start,
    /// The schedule of a task ends.
    Close,
    /// A number of a task is due to be called again.
    Redial,
    /// A call ends.
    HangUp(u32),
    /// The late notice of a number is sent.
    CallNotice(u32),
    /// The notice of a task's end is sent.
    TaskNotice,
}

/// Timers of plans of calling tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PlanTimer {
    /// The next round begins.
    Round,
    /// The notice of the plan's end is sent.
    Notice,
}

/// Timers of the predictive dialer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DialerTimer {
    /// A task is announced as created.
    Created,
    /// A task begins.
    Start,
    /// The schedule of a task ends.
    Close,
    /// A task may be finished because contacts were taken out.
    Check,
    /// A pause of a task begins.
    Pause,
    /// A pause of a task ends.
    Resume,
    /// A number of a task is due to be dialled again.
    Dial,
    /// The person's phone rings.
    Ring(u32),
    /// The person answers.
    Answer(u32),
    /// The waiting for a free agent ends.
    GiveUp(u32),
    /// An agent accepts the call or not.
    PickUp(u32),
    /// A call ends.
    End(u32, Ending),
    /// The agent saves the result.
    Result(u32),
}

/// Timers of workflows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WorkflowTimer {
    /// The notice of an instance's status is sent.
    StatusNotice(InstancePhase),
    /// Rows begin: the first row and their number.
    Begin(u32, u32),
    /// A row goes to its next step.
    Step(u32),
    /// The person of a row replies to the message of a node after the row has gone on.
    LateReply(u32, u16),
    /// The conversation of a row has ended early.
    ConversationEnded(u32),
    /// There has been nothing left to do for some time.
    Pause,
    /// The end time of an instance is reached.
    End,
}

/// Timers of the chatbot's conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChatbotTimer {
    /// A message reaches its next status, or fails. The event depends on the author of the message.
    Status { place: u32, status: MessageStatus, failure: Option<MessageFailure>, by_agent: bool },
    /// It ends, for this reason.
    End(&'static str),
    /// The report after its end is sent.
    Report,
    /// The next turn is taken.
    Turn,
    /// The next message of a workflow's conversation is written.
    Message,
    /// It may have fallen silent.
    Silence,
}

/// The next step of a template message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TemplateStep {
    /// The next rows of a long list begin.
    Begin,
    /// The message is sent, or fails.
    Result,
    /// The callback of its result arrives again, or late.
    Notice,
    /// It arrives.
    Delivery,
    /// The user sees it.
    Read,
    /// The user replies.
    Reply,
}

impl Timer {
    /// Whether a run waits for it. The end of a schedule usually finds nothing left to end, a pause has no effect by itself,
    /// and a conversation that may fall silent is not worth waiting for.
    pub(super) fn is_work(&self) -> bool {
        !matches!(
            self,
            Self::Calling(_, CallingTimer::Close)
                | Self::Dialer(_, DialerTimer::Close | DialerTimer::Pause)
                | Self::Workflow(_, WorkflowTimer::End)
                | Self::Chatbot(_, ChatbotTimer::Silence)
        )
    }

    /// Whether it remains when its cause is muted: tasks and instances go on, and a conversation can still fall silent.
    pub(super) fn outlives_muting(&self) -> bool {
        match self {
            Self::Calling(..) | Self::Plan(..) | Self::Dialer(..) | Self::Workflow(..) => true,
            Self::Chatbot(_, timer) => *timer == ChatbotTimer::Silence,
            Self::Template { .. } | Self::UserEndpoint(_) | Self::Send(_) => false,
        }
    }
}

impl From<(TaskKey, CallingTimer)> for Timer {
    fn from((key, timer): (TaskKey, CallingTimer)) -> Self {
        Self::Calling(key, timer)
    }
}

impl From<(PlanKey, PlanTimer)> for Timer {
    fn from((key, timer): (PlanKey, PlanTimer)) -> Self {
        Self::Plan(key, timer)
    }
}

impl From<(DialerTaskKey, DialerTimer)> for Timer {
    fn from((key, timer): (DialerTaskKey, DialerTimer)) -> Self {
        Self::Dialer(key, timer)
    }
}

impl From<(InstanceKey, WorkflowTimer)> for Timer {
    fn from((key, timer): (InstanceKey, WorkflowTimer)) -> Self {
        Self::Workflow(key, timer)
    }
}

impl From<(ConversationKey, ChatbotTimer)> for Timer {
    fn from((key, timer): (ConversationKey, ChatbotTimer)) -> Self {
        Self::Chatbot(key, timer)
    }
}
