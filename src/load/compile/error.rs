//! Why a story can't be compiled into request templates.

use crate::delivery::Failure;
use crate::mock::StartError;

/// Maximum number of callbacks of a story, so that a story that never ends is noticed.
pub(super) const MOST_SENT: usize = 1_000;

/// Why a story can't be compiled: then it has to be simulated, event by event.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NotCompilable {
    /// No mock can be created from the settings.
    #[error("{0}")]
    NoMock(String),
    /// A step, a reaction or a fault that needs the engine.
    #[error("{0}")]
    NeedsEngine(String),
    /// The settings have faults of callbacks, each of which only the engine can apply.
    #[error("there are faults of callbacks ({0})")]
    Faults(String),
    /// The story does not end by itself.
    #[error("it waits for something between its callbacks")]
    Waits,
    /// The story has no callbacks.
    #[error("it sends nothing")]
    SendsNothing,
    /// The story may never end.
    #[error("it sends more than {MOST_SENT} callbacks")]
    SendsTooMuch,
    /// There are callbacks that no step sends.
    #[error("more is sent than its steps say")]
    MoreThanSteps,
    /// The story depends on the receiver's responses.
    #[error("what it sends depends on the responses")]
    DependsOnResponses,
    /// The story's callbacks differ from run to run.
    #[error("it does not always send the same events")]
    EventsVary,
    /// The number of its ids differs from run to run.
    #[error("it does not always draw the same ids")]
    IdsVary,
    /// The story sends to more than one URL.
    #[error("its callbacks go to several URLs")]
    SeveralTargets,
    /// A route has its own `delivery`, which only the engine supports.
    #[error("a route of the settings has a delivery of its own for its callbacks")]
    RouteDelivery,
    /// Its bodies are encrypted, and so can't be assembled from pieces.
    #[error("its callbacks are encrypted")]
    Encrypted,
    /// Delivery would refuse a callback.
    #[error("{}", .0.message)]
    Unsendable(Failure),
    /// Bytes that differ from run to run without being a known value.
    #[error("`{event}` differs from run to run by more than ids, times and the copy's number, at `{near}`")]
    Unexplained {
        /// The catalog id of the callback.
        event: String,
        /// The text before the difference.
        near: String,
    },
    /// The clock of the machine is off by thousands of years.
    #[error("the current time can't be written: {0}")]
    Clock(String),
    /// The stories of a mix go to several servers.
    #[error("the stories send to different servers")]
    SeveralServers,
    /// One story of a mix can't be compiled.
    #[error("{story}: {why}")]
    Story {
        /// Its name.
        story: String,
        /// The reason.
        why: Box<NotCompilable>,
    },
}

impl From<StartError> for NotCompilable {
    fn from(error: StartError) -> Self {
        Self::NoMock(error.to_string())
    }
}
