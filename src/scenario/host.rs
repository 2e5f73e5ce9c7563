//! The environment that a running story needs. The engine provides it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::arrivals::Arrivals;
use super::failure::FailureKind;
use super::real_time::RealTime;
use crate::delivery::{CallbackId, Policy};
use crate::faults::CallbackFault;
use crate::files::Place;
use crate::language::FormatMistake;
use crate::language::template::FillError;
use crate::net::TargetError;
use crate::simulator::{ConversationKey, EmitError, Simulator};

/// The environment of a story.
pub trait StoryHost {
    /// Returns the present moment.
    fn now(&self) -> Timestamp;

    /// Returns the simulated vendor.
    fn simulator(&mut self) -> &mut Simulator;

    /// Returns the body of an event of a conversation: generated, with `patch` (a table or null) over it.
    ///
    /// # Errors
    ///
    /// If there is no such event, or if a template of a user's own event cannot be filled in.
    fn emit(&mut self, session: ConversationKey, event: &str, patch: Value) -> Result<Value, EmitError> {
        let now = self.now();
        self.simulator().emit(session, event, patch, now)
    }

    /// Passes a callback to delivery.
    ///
    /// # Errors
    ///
    /// If it can't be sent at all.
    fn send(&mut self, sending: Sending) -> Result<CallbackId, SendError>;

    /// Whether there is room for a callback. If not, the story is advanced once there is.
    fn has_room(&self) -> bool;

    /// Reports that the story began.
    fn story_started(&mut self);

    /// Reports that the story ended.
    fn story_finished(&mut self, passed: bool);

    /// Reports that the story waits for a request, for at most `within`.
    fn waiting(&mut self, request: &str, within: Duration);

    /// Reports that the story stops here without taking these steps, each given with its place and action.
    fn skipped(&mut self, steps: Vec<(Place, String)>);

    /// Reports that an expectation failed.
    fn failed(&mut self, place: &Place, kind: FailureKind, message: &str);

    /// Adds to the failure of a step that was reported before.
    fn explained(&mut self, place: &Place, message: &str);

    /// Returns the arrivals from the integrator, which all stories share.
    fn arrivals(&mut self) -> &mut Arrivals;

    /// Returns how the waits of stories relate to real time.
    fn real_time(&self) -> RealTime {
        RealTime::default()
    }

    /// Whether a callback that the simulated vendor sends because of this story is being delivered.
    fn is_under_way(&self, event: &str) -> bool;
}

/// Why a callback can't be sent.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The catalog has no such event.
    #[error("there is no event `{0}`")]
    UnknownEvent(String),
    /// The simulated vendor can't generate its body.
    #[error(transparent)]
    Body(#[from] EmitError),
    /// It is only assumed about the vendor.
    #[error(
        "this callback is only assumed, and the settings refuse assumed entries (`assumed = \"refuse\"`)"
    )]
    Assumed,
    /// There is no URL for callbacks.
    #[error("there is no callback URL: give one with --callback-url, in the scenario or in the settings")]
    NoUrl,
    /// The callback's own URL is invalid.
    #[error(transparent)]
    Url(#[from] TargetError),
    /// The settings' template of its body can't be filled in.
    #[error("the body template of `{event}` in the settings can't be filled in: {error}")]
    Template {
        /// The event.
        event: String,
        /// The reason.
        error: FillError,
    },
    /// The settings' template of its body can't be parsed.
    #[error("{}", .0.message)]
    Syntax(FormatMistake),
    /// The error of a callback that a story sends.
    #[error("`{event}` can't be sent: {error}")]
    OfStory {
        /// The event.
        event: Arc<str>,
        /// The reason.
        error: Box<SendError>,
    },
}

/// A callback of a story.
#[derive(Clone, Debug)]
pub struct Sending {
    /// The event id.
    pub event: Arc<str>,
    /// The body.
    pub body: Body,
    /// Further headers; an empty value removes one.
    pub headers: Vec<(Arc<str>, String)>,
    /// The URL named by the story, if any.
    pub target: Option<String>,
    /// Whether that URL is the callback's own, which takes precedence even over `--callback-url`.
    pub own_target: bool,
    /// The conversation it belongs to.
    pub session: ConversationKey,
    /// Its delivery policy, if the story states one.
    pub policy: Option<Arc<Policy>>,
    /// The original callback, if this one repeats it: it carries the same ids.
    pub again: Option<CallbackId>,
    /// The faults that affect it.
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

/// A request as stories see it.
#[derive(Clone, Copy, Debug)]
pub struct RequestView<'a> {
    /// The catalog id.
    pub id: &'a str,
    /// The fields of query and body.
    pub fields: &'a Arc<Value>,
    /// Whether the mock refuses it: an `await` does not take a refused request.
    pub refused: bool,
    /// The conversation that its fields name.
    pub conversation: Option<ConversationKey>,
    /// The conversation that it began, or that its response names.
    pub begun: Option<ConversationKey>,
    /// The mock's usual response, without a request id: `status` and `body`.
    pub answer: &'a Value,
    /// Its number among the arrivals.
    pub arrival: u64,
}

/// What a story asks the mock to do about a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestReply {
    /// Whether a step or reaction of the story took this request.
    pub taken: bool,
    /// Whether the story keeps this request for a later step, although it may be meant for another story.
    pub kept: bool,
    /// Whether the story replaces the mock's own reactions, such as sending statuses.
    pub replaces_default: bool,
    /// The status and, if it differs from the usual one, the body of the response.
    pub answer: Option<(u16, Option<Value>)>,
}
