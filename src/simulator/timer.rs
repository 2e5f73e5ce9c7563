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
    /// A timer of calling tasks and plans.
    Calling(CallingTimer),
    /// A timer of the predictive dialer.
    Dialer(DialerTimer),
    /// A timer of workflows.
    Workflow(WorkflowTimer),
    /// A timer of the chatbot's conversations and campaigns.
    Chatbot(ChatbotTimer),
    /// A timer of the user's own endpoints.
    UserEndpoint(Box<PlannedSend>),
    /// A finished callback of any department goes out: the receipt of a text message, the result of a number detection, a late
    /// notice.
    Send(Box<Callback>),
}

/// Timers of calling tasks and plans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallingTimer {
    /// A task begins.
    Start(TaskKey),
    /// The schedule of a task ends.
    Close(TaskKey),
    /// A number of a task is due to be called again.
    Redial(TaskKey),
    /// A call ends.
    HangUp(TaskKey, u32),
    /// The late notice of a number is sent.
    CallNotice(TaskKey, u32),
    /// The notice of a task's end is sent.
    TaskNotice(TaskKey),
    /// The next round of a plan begins.
    Round(PlanKey),
    /// The notice of a plan's end is sent.
    PlanNotice(PlanKey),
}

/// Timers of the predictive dialer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DialerTimer {
    /// A task is announced as created.
    Created(DialerTaskKey),
    /// A task begins.
    Start(DialerTaskKey),
    /// The schedule of a task ends.
    Close(DialerTaskKey),
    /// A task may be finished because contacts were taken out.
    Check(DialerTaskKey),
    /// A pause of a task begins.
    Pause(DialerTaskKey),
    /// A pause of a task ends.
    Resume(DialerTaskKey),
    /// A number of a task is due to be dialled again.
    Dial(DialerTaskKey),
    /// The person's phone rings.
    Ring(DialerTaskKey, u32),
    /// The person answers.
    Answer(DialerTaskKey, u32),
    /// The waiting for a free agent ends.
    GiveUp(DialerTaskKey, u32),
    /// An agent accepts the call or not.
    PickUp(DialerTaskKey, u32),
    /// A call ends.
    End(DialerTaskKey, u32, Ending),
    /// The agent saves the result.
    Result(DialerTaskKey, u32),
}

/// Timers of workflows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WorkflowTimer {
    /// The notice of an instance's status is sent.
    StatusNotice(InstanceKey, InstancePhase),
    /// Rows begin: the first row and their number.
    Begin(InstanceKey, u32, u32),
    /// A row goes to its next step.
    Step(InstanceKey, u32),
    /// The person of a row replies to the message of a node after the row has gone on.
    LateReply(InstanceKey, u32, u16),
    /// The conversation of a row has ended early.
    ConversationEnded(InstanceKey, u32),
    /// There has been nothing left to do for some time.
    Pause(InstanceKey),
    /// The end time of an instance is reached.
    End(InstanceKey),
}

/// Timers of the chatbot's conversations and campaigns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChatbotTimer {
    /// A message reaches its next status. The event depends on the author of the message.
    Status { conversation: ConversationKey, place: u32, status: MessageStatus, by_agent: bool },
    /// A message fails. The event depends on the author of the message.
    Failed { conversation: ConversationKey, place: u32, failure: MessageFailure, by_agent: bool },
    /// A conversation ends.
    End { conversation: ConversationKey, reason: &'static str },
    /// The report after a conversation's end is sent.
    Report { conversation: ConversationKey },
    /// The next turn in a conversation is taken.
    Turn { conversation: ConversationKey },
    /// The next message of a workflow's conversation is written.
    Message { conversation: ConversationKey },
    /// A template message takes its next step.
    Template { campaign: CampaignKey, row: u32, step: TemplateStep },
    /// A conversation may have fallen silent.
    Silence { conversation: ConversationKey },
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
            Self::Calling(CallingTimer::Close(_))
                | Self::Dialer(DialerTimer::Close(_) | DialerTimer::Pause(_))
                | Self::Workflow(WorkflowTimer::End(_))
                | Self::Chatbot(ChatbotTimer::Silence { .. })
        )
    }

    /// Whether it remains when its cause is muted: tasks and instances go on, and a conversation can still fall silent.
    pub(super) fn outlives_muting(&self) -> bool {
        match self {
            Self::Calling(_) | Self::Dialer(_) | Self::Workflow(_) => true,
            Self::Chatbot(timer) => matches!(timer, ChatbotTimer::Silence { .. }),
            Self::UserEndpoint(_) | Self::Send(_) => false,
        }
    }
}

impl From<CallingTimer> for Timer {
    fn from(timer: CallingTimer) -> Self {
        Self::Calling(timer)
    }
}

impl From<DialerTimer> for Timer {
    fn from(timer: DialerTimer) -> Self {
        Self::Dialer(timer)
    }
}

impl From<WorkflowTimer> for Timer {
    fn from(timer: WorkflowTimer) -> Self {
        Self::Workflow(timer)
    }
}

impl From<ChatbotTimer> for Timer {
    fn from(timer: ChatbotTimer) -> Self {
        Self::Chatbot(timer)
    }
}
