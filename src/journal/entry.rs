//! The entries of the journal.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;

use crate::delivery::{Attempt, AttemptResult, End, QueuedCallback};
use crate::net::HttpRequest;

/// One entry of the journal.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The number of the entry, counted from 1 without gaps.
    pub seq: u64,
    /// The moment on the story's clock.
    pub at: Timestamp,
    /// The story it belongs to, if any.
    pub story: Option<Arc<str>>,
    /// The event.
    pub event: Event,
}

/// The events that the journal records.
#[derive(Clone, Debug)]
pub enum Event {
    /// A story started.
    StoryStarted,
    /// A story ended.
    StoryFinished {
        /// Whether all its expectations held.
        passed: bool,
    },
    /// An expectation of a story failed.
    Failed {
        /// `FILE:LINE` of the step.
        place: Arc<str>,
        /// The kind of failure, in a word: `await.refused`.
        kind: &'static str,
        /// What was expected and what happened, in plain words; may have several lines.
        message: String,
    },
    /// A story stopped before these steps, which are skipped.
    Skipped(Vec<SkippedStep>),
    /// More became known about a failed step that was reported before.
    Explained {
        /// `FILE:LINE` of the step.
        place: Arc<str>,
        /// The explanation, in plain words.
        message: String,
    },
    /// An entry of the catalog that is only assumed was used for the first time.
    Assumed {
        /// The id of the entry.
        id: Arc<str>,
        /// What part of it is assumed.
        what: String,
        /// Whether it is refused according to the settings.
        refused: bool,
    },
    /// A story waits for a request.
    Waiting {
        /// The catalog id of the request.
        request: Arc<str>,
        /// The time limit, in the story's time.
        within: Duration,
    },
    /// A remark that is not a failure.
    Note(String),
    /// A finding: the integrator does something wrong, although it was served. Each is reported once.
    Found {
        /// The finding, in a sentence.
        message: String,
        /// Whether it fails the run.
        is_error: bool,
    },
    /// A callback was handed to delivery.
    Queued(Arc<QueuedCallback>),
    /// An attempt to deliver a callback ended.
    Attempted {
        /// The attempt.
        attempt: Arc<Attempt>,
        /// The result.
        result: Arc<AttemptResult>,
        /// When the next attempt is due, if there is one.
        retry_at: Option<Timestamp>,
    },
    /// A callback was delivered, or failed for good.
    Ended {
        /// The callback.
        callback: Arc<QueuedCallback>,
        /// The final state.
        end: End,
    },
    /// The integrator made a request and got a response.
    Requested(RequestEntry),
}

impl Event {
    /// All values of [`Event::kind`].
    pub const KINDS: [&str; 15] = [
        "called",
        "queued",
        "tried",
        "delivered",
        "dead",
        "dropped",
        "note",
        "error",
        "assumed",
        "failed",
        "explained",
        "skipped",
        "waiting",
        "story_started",
        "story_finished",
    ];

    /// Returns the name of the event in records and responses. The names are a contract with their readers: `tried` and `dead`
    /// are older than the words used elsewhere, and stay.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::StoryStarted => "story_started",
            Self::StoryFinished { .. } => "story_finished",
            Self::Failed { .. } => "failed",
            Self::Skipped(_) => "skipped",
            Self::Explained { .. } => "explained",
            Self::Assumed { .. } => "assumed",
            Self::Waiting { .. } => "waiting",
            Self::Note(_) | Self::Found { is_error: false, .. } => "note",
            Self::Found { is_error: true, .. } => "error",
            Self::Queued(_) => "queued",
            Self::Attempted { .. } => "tried",
            Self::Ended { end, .. } if end.failure.is_none() => "delivered",
            Self::Ended { end, .. } if end.is_dropped() => "dropped",
            Self::Ended { .. } => "dead",
            Self::Requested(_) => "called",
        }
    }
}

/// A skipped step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SkippedStep {
    /// `FILE:LINE` of the step.
    pub place: String,
    /// What the step would have done: `await chatbot.send_message`.
    pub step: String,
}

/// Returns the message about an assumed entry: that it is assumed, and how to correct it.
pub fn assumed_text(id: &str, what: &str, refused: bool) -> String {
    let consequence = if refused { ", so it is refused, as the settings say" } else { "" };
    format!("`{id}` is assumed{consequence}; correct under [catalog.\"{id}\"] in airudder-mock.toml: {what}")
}

/// A request of the integrator and its response.
#[derive(Clone, Debug)]
pub struct RequestEntry {
    /// The catalog id, if the path is known.
    pub id: Option<Arc<str>>,
    /// The request as received.
    pub request: Arc<HttpRequest>,
    /// The status of the response; 0 if there was none.
    pub status: u16,
    /// The body of the response.
    pub answer: Bytes,
    /// Why it was refused, if it was: before the envelope and the encryption of the response.
    pub refusal: Option<Box<RefusedRequest>>,
    /// The fault that was applied, if any.
    pub fault: Option<Arc<str>>,
    /// The real time it took.
    pub elapsed: Duration,
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedRequest {
    /// The vendor's code.
    pub code: i64,
    /// The reason, as sent in the response.
    pub reason: String,
}
