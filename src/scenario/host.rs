//! What a running story needs of the world around it. The engine provides it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::arrivals::Arrivals;
use super::failure::FailureKind;
use crate::delivery::{CallbackId, Policy};
use crate::faults::CallbackFault;
use crate::files::Place;
use crate::language::FormatMistake;
use crate::language::template::FillError;
use crate::net::TargetError;
use crate::simulator::{ConversationKey, EmitError, Simulator};

/// The world around a story.
pub trait StoryHost {
    /// The simulated vendor.
    fn simulator(&mut self) -> &mut Simulator;

    /// The body of an event of a conversation: generated, with `patch` (a table or null) over it.
    ///
    /// # Errors
    ///
    /// There is no such event, or a template of one of the user's own cannot be filled in.
    fn emit(
        &mut self,
        session: ConversationKey,
        event: &str,
        patch: Value,
        now: Timestamp,
    ) -> Result<Value, EmitError> {
        self.simulator().emit(session, event, patch, now)
    }

    /// Hands a callback to delivery.
    ///
    /// # Errors
    ///
    /// It can't be sent at all.
    fn send(&mut self, sending: Sending) -> Result<CallbackId, SendError>;

    /// Whether there is room for a callback. If not, the story is moved on once there is.
    fn has_room(&self) -> bool;

    /// The story began.
    fn story_started(&mut self);

    /// The story came to its end.
    fn story_finished(&mut self, passed: bool);

    /// The story waits for a call, for so long at most.
    fn waiting(&mut self, call: &str, within: Duration);

    /// The story stops here: these steps, each with its place and what it would have done, are not taken.
    fn skipped(&mut self, steps: Vec<(Place, String)>);

    /// An expectation failed.
    fn failed(&mut self, place: &Place, kind: FailureKind, message: &str);

    /// More became known about a failure of a step that was told before.
    fn explained(&mut self, place: &Place, message: &str);

    /// What came from the integrator, to all stories.
    fn arrivals(&mut self) -> &mut Arrivals;

    /// Whether a callback that the simulated vendor sends because of this story is under way.
    fn is_under_way(&self, event: &str) -> bool;
}

/// Why a callback can't be sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The catalog has no such event.
    #[error("there is no event `{0}`")]
    UnknownEvent(String),
    /// The simulated vendor can't make its body.
    #[error(transparent)]
    Body(#[from] EmitError),
    /// It is only assumed about the vendor.
    #[error("it is only assumed, and the settings refuse such")]
    Assumed,
    /// Nothing says where callbacks go.
    #[error("there is no callback URL: give one with --callback-url, in the scenario or in the settings")]
    NoUrl,
    /// The callback's own URL is none.
    #[error(transparent)]
    Url(#[from] TargetError),
    /// The settings' template of its body has no value.
    #[error("the body template of `{event}` in the settings can't be filled in: {error}")]
    Template {
        /// The event.
        event: String,
        /// Why.
        error: FillError,
    },
    /// The settings' template of its body is none.
    #[error("{}", .0.message)]
    Syntax(FormatMistake),
    /// What a story sends.
    #[error("`{event}` can't be sent: {error}")]
    OfStory {
        /// The event.
        event: Arc<str>,
        /// Why.
        error: Box<SendError>,
    },
}

/// A callback of a story.
#[derive(Debug)]
pub struct Sending {
    /// The event id.
    pub event: Arc<str>,
    /// The body.
    pub body: Body,
    /// Further headers; an empty value removes one.
    pub headers: Vec<(Arc<str>, String)>,
    /// The URL the story names, if it does.
    pub target: Option<String>,
    /// Whether that URL is the callback's own, so that not even `--callback-url` wins over it.
    pub own_target: bool,
    /// The conversation it belongs to.
    pub session: ConversationKey,
    /// How it is delivered, if the story says so.
    pub policy: Option<Arc<Policy>>,
    /// The callback that it is once more: whatever carries an id carries that one's.
    pub again: Option<CallbackId>,
    /// What goes wrong with it on purpose.
    pub faults: Vec<Arc<CallbackFault>>,
}

/// A body to send.
#[derive(Clone, Debug)]
pub enum Body {
    /// A value, written as compact JSON.
    Json(Value),
    /// Sent byte for byte.
    Raw(Vec<u8>),
}

/// A call as stories see it.
#[derive(Clone, Copy, Debug)]
pub struct CallView<'a> {
    /// The catalog id.
    pub id: &'a str,
    /// The fields of query and body.
    pub fields: &'a Arc<Value>,
    /// Whether the mock refuses it: such a call is not what a story waits for.
    pub refused: bool,
    /// The conversation that its fields name.
    pub conversation: Option<ConversationKey>,
    /// The conversation that it began, or that its answer names.
    pub begun: Option<ConversationKey>,
    /// The mock's usual answer, without a request id: `status` and `body`.
    pub answer: &'a Value,
    /// Its number among what came.
    pub arrival: u64,
}

/// What a story wants the mock to do about a call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallReply {
    /// Whether the story looked for this call.
    pub taken: bool,
    /// Whether the story keeps this call for a later step, although it may be meant for another story.
    pub kept: bool,
    /// Whether the story does what the mock would do by itself, such as sending statuses.
    pub replaces_default: bool,
    /// The status and, if it differs from the usual one, the body to answer.
    pub answer: Option<(u16, Option<Value>)>,
}
