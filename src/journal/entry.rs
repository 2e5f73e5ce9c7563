//! The entries of the journal.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;

use crate::delivery::{Attempt, AttemptResult, End, QueuedCallback};
use crate::net::HttpRequest;

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Counts from 1 without gaps.
    pub seq: u64,
    /// When, on the story's clock.
    pub at: Timestamp,
    /// The story it belongs to, if any.
    pub story: Option<Arc<str>>,
    /// What.
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A story began.
    StoryStarted,
    /// A story came to its end.
    StoryFinished {
        /// Whether all its expectations held.
        passed: bool,
    },
    /// An expectation of a story failed.
    Failed {
        /// `FILE:LINE` of the step.
        place: Arc<str>,
        /// What kind of failure it is, in a word: `await.refused`.
        kind: &'static str,
        /// What was expected and what came, in plain words; may have several lines.
        message: String,
    },
    /// A story stopped before these steps, which are not taken.
    Skipped(Vec<SkippedStep>),
    /// More became known about a failure of a step that was told before.
    Explained {
        /// `FILE:LINE` of the step.
        place: Arc<str>,
        /// What, in plain words.
        message: String,
    },
    /// An entry of the catalog that is only assumed was used for the first time.
    Assumed {
        /// Its id.
        id: Arc<str>,
        /// What of it is assumed.
        what: String,
        /// Whether it is refused, as the settings say.
        refused: bool,
    },
    /// A story waits for a call.
    Waiting {
        /// Its catalog id.
        call: Arc<str>,
        /// For how long at most, in the story's time.
        within: Duration,
    },
    /// Something worth knowing that is no failure.
    Note(String),
    /// Something is wrong with what the integrator does, although it was served; told once.
    Found {
        /// What, in a sentence.
        message: String,
        /// Whether it fails the run.
        is_error: bool,
    },
    /// A callback was handed to delivery.
    Queued(Arc<QueuedCallback>),
    /// An attempt to deliver a callback ended.
    Attempted {
        /// What was sent.
        attempt: Arc<Attempt>,
        /// What came of it.
        result: Arc<AttemptResult>,
        /// When the next attempt is due, if there is one.
        retry_at: Option<Timestamp>,
    },
    /// A callback was delivered, or failed for good.
    Ended {
        /// Which.
        callback: Arc<QueuedCallback>,
        /// How.
        end: End,
    },
    /// The integrator called, and was answered.
    Called(CallEntry),
}

impl Event {
    /// All words of [`Event::kind`].
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

    /// The word for it in records and for whoever asks. The words are a contract with them: `tried` and `dead` are older than
    /// those used elsewhere, and stay.
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
            Self::Called(_) => "called",
        }
    }
}

/// A step that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SkippedStep {
    /// `FILE:LINE` of it.
    pub place: String,
    /// What it would have done: `await chatbot.send_message`.
    pub step: String,
}

/// What is said about an assumed entry: that it is assumed, and how to correct it.
pub fn assumed_text(id: &str, what: &str, refused: bool) -> String {
    let consequence = if refused { ", so it is refused, as the settings say" } else { "" };
    format!("`{id}` is assumed{consequence}; correct under [catalog.\"{id}\"] in airudder-mock.toml: {what}")
}

/// A call of the integrator and its answer.
#[derive(Clone, Debug)]
pub struct CallEntry {
    /// The catalog id, if the path is known.
    pub id: Option<Arc<str>>,
    /// The request as it came.
    pub call: Arc<HttpRequest>,
    /// The status answered; 0 if there was no answer.
    pub status: u16,
    /// The body answered.
    pub answer: Bytes,
    /// Why it was refused, if it was: before the envelope and the encryption of its answer.
    pub refusal: Option<Box<RefusedCall>>,
    /// What went wrong with it on purpose, if anything did.
    pub fault: Option<Arc<str>>,
    /// Real time it took.
    pub elapsed: Duration,
}

/// Why a call was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedCall {
    /// The vendor's code.
    pub code: i64,
    /// The reason, as it was answered.
    pub reason: String,
}
