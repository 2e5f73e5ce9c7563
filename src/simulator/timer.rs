//! Every deadline of the simulator: what happens later by itself, in whichever department.

use super::callback::Callback;
use super::ending::Ending;
use super::keys::{ConversationKey, DialerTaskKey, InstanceKey, PlanKey, TaskKey};
use super::node::InstancePhase;
use super::outcome::MessageFailure;
use super::user_endpoints::PlannedSend;
use crate::contract::bodies::message::MessageStatus;

/// Something that happens later by itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Timer {
    /// Of calling tasks and plans.
    Calling(CallingTimer),
    /// Of the predictive dialer.
    Dialer(DialerTimer),
    /// Of workflows.
    Workflow(WorkflowTimer),
    /// Of the chatbot's conversations and campaigns.
    Chatbot(ChatbotTimer),
    /// Of the user's own endpoints.
    UserEndpoint(Box<PlannedSend>),
    /// A callback that is ready goes out, whichever department made it: the receipt of a text message, the result of a
    /// number detection, a late notice.
    Send(Box<Callback>),
}

/// Of calling tasks and plans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallingTimer {
    /// A task begins.
    Start(TaskKey),
    /// The schedule of a task ends.
    Close(TaskKey),
    /// A number of a task is to be called again.
    Redial(TaskKey),
    /// A call ends.
    HangUp(TaskKey, u32),
    /// The late notice of a number.
    CallNotice(TaskKey, u32),
    /// The notice of a task's end.
    TaskNotice(TaskKey),
    /// The next round of a plan begins.
    Round(PlanKey),
    /// The notice of a plan's end.
    PlanNotice(PlanKey),
}

/// Of the predictive dialer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DialerTimer {
    /// A task is there.
    Created(DialerTaskKey),
    /// A task begins.
    Start(DialerTaskKey),
    /// The schedule of a task ends.
    Close(DialerTaskKey),
    /// A task may have come to its end by contacts that were taken out.
    Check(DialerTaskKey),
    /// A pause of a task begins.
    Pause(DialerTaskKey),
    /// A pause of a task ends.
    Resume(DialerTaskKey),
    /// A task has something to dial again.
    Dial(DialerTaskKey),
    /// It rings at the person.
    Ring(DialerTaskKey, u32),
    /// The person answers.
    Answer(DialerTaskKey, u32),
    /// Nobody waits any longer for an agent to be free.
    GiveUp(DialerTaskKey, u32),
    /// An agent takes the call, or does not.
    PickUp(DialerTaskKey, u32),
    /// A call ends.
    End(DialerTaskKey, u32, Ending),
    /// The agent saves the result.
    Result(DialerTaskKey, u32),
}

/// Of workflows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WorkflowTimer {
    /// The notice of an instance's status.
    StatusNotice(InstanceKey, InstancePhase),
    /// Rows begin: so many from this one on.
    Begin(InstanceKey, u32, u32),
    /// A row goes on.
    Step(InstanceKey, u32),
    /// The person of a row answers the message of a node after the row has gone on.
    LateReply(InstanceKey, u32, u16),
    /// The conversation of a row has ended before its time.
    ConversationEnded(InstanceKey, u32),
    /// Nothing has been left to do for some time.
    Pause(InstanceKey),
    /// The end time of an instance.
    End(InstanceKey),
}

/// Of the chatbot's conversations and campaigns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChatbotTimer {
    /// A message reaches its next status; which event says so depends on who wrote the message.
    Status { conversation: ConversationKey, place: u32, status: MessageStatus, by_agent: bool },
    /// A message fails; which event says so depends on who wrote the message.
    Failed { conversation: ConversationKey, place: u32, failure: MessageFailure, by_agent: bool },
    /// A conversation ends.
    End { conversation: ConversationKey, reason: &'static str },
    /// The report after a conversation's end.
    Report { conversation: ConversationKey },
    /// Whoever has the next turn in a conversation takes it.
    Turn { conversation: ConversationKey },
    /// The next message of a workflow's conversation is written.
    Message { conversation: ConversationKey },
    /// A template message moves on.
    Template { campaign: u32, row: u32, step: TemplateStep },
    /// A conversation may have fallen silent.
    Silence { conversation: ConversationKey },
}

/// What a template message does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TemplateStep {
    /// The next rows of a long list begin.
    Begin,
    /// It is sent, or fails.
    Result,
    /// The callback of its result arrives once more, or late.
    Notice,
    /// It arrives.
    Delivery,
    /// The user sees it.
    Read,
    /// The user replies.
    Reply,
}

impl Timer {
    /// Whether a run waits for it. The end of a schedule mostly finds nothing left to end, a pause does nothing by itself,
    /// and a conversation that may fall silent is nothing to wait for.
    pub(super) fn is_work(&self) -> bool {
        !matches!(
            self,
            Self::Calling(CallingTimer::Close(_))
                | Self::Dialer(DialerTimer::Close(_) | DialerTimer::Pause(_))
                | Self::Workflow(WorkflowTimer::End(_))
                | Self::Chatbot(ChatbotTimer::Silence { .. })
        )
    }

    /// Whether it stays although somebody else sends what comes of its cause: tasks and instances go on, and a conversation
    /// still falls silent.
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
