//! Counts the events of a run, for the summary and the reports.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::Serialize;

use crate::files::diagnostic::joined;
use crate::journal::{Entry, Event, Sink, SkippedStep};
use crate::scenario::{At, FailureKind};
use crate::sync::lock;

/// The result of one story.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct StoryTally {
    pub(super) name: String,
    /// The scenario file, as it was given.
    pub(super) file: String,
    /// `None` while it is not over.
    pub(super) passed: Option<bool>,
    pub(super) started: Option<Timestamp>,
    pub(super) finished: Option<Timestamp>,
    pub(super) failures: Vec<FailureTally>,
    /// The steps that were skipped because the story stopped before them.
    pub(super) skipped: Vec<SkippedStep>,
    /// When it began and how long it took, in real time.
    #[serde(skip)]
    pub(super) begun: Option<Instant>,
    #[serde(skip)]
    pub(super) took: Duration,
}

impl StoryTally {
    /// Returns how long it took on its own clock, if it is over.
    pub(super) fn simulated(&self) -> Option<Duration> {
        Duration::try_from(self.finished?.duration_since(self.started?)).ok()
    }

    fn measure(&mut self) {
        self.took = self.begun.map_or(Duration::ZERO, |begun| begun.elapsed());
    }
}

/// One failed expectation.
#[derive(Clone, Debug, Serialize)]
pub(super) struct FailureTally {
    pub(super) place: String,
    /// The kind of failure, in a word.
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) message: String,
}

/// The counts so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// A row for each story, by name and in the order of the run.
    pub(super) stories: IndexMap<String, StoryTally>,
    pub(super) requests: u64,
    pub(super) refused_requests: u64,
    /// Requests that were answered by a fault: such a response is not the vendor's.
    pub(super) requests_on_purpose: u64,
    /// Failed callbacks that belong to no story.
    pub(super) failed_alone: u64,
    /// Attempts of signed callbacks that got 401 or 403, and not because of a fault.
    pub(super) refused_signatures: u64,
    pub(super) last: Option<Timestamp>,
    /// The assumed entries that were used, in the order of their first use.
    pub(super) assumed: Vec<String>,
}

impl Tally {
    /// Fails the stories that are not over, for this reason. `was_at` returns the steps at which a story of this name was.
    pub(super) fn fail_unfinished(&mut self, why: &str, was_at: impl Fn(&str) -> Vec<At>) {
        for story in self.stories.values_mut().filter(|story| story.passed.is_none()) {
            story.measure();
            story.passed = Some(false);
            let at = was_at(&story.name);
            let (place, message) = match at.as_slice() {
                [] => (story.file.clone(), why.to_owned()),
                [only] => (only.place.clone(), format!("{why}; it was at `{}`", only.step)),
                [first, ..] => {
                    let steps: Vec<String> =
                        at.iter().map(|at| format!("`{}` ({})", at.step, at.place)).collect();
                    (first.place.clone(), format!("{why}; it was at {}", joined(&steps, "and")))
                }
            };
            story.failures.push(FailureTally { place, kind: FailureKind::CutShort.as_str(), message });
        }
    }

    /// Returns the number of skipped steps.
    pub(super) fn skipped(&self) -> usize {
        self.stories.values().map(|story| story.skipped.len()).sum()
    }

    /// Whether a story failed because it awaited a request and none at all arrived.
    pub(super) fn missed_a_request(&self) -> bool {
        let mut failures = self.stories.values().flat_map(|story| &story.failures);
        failures.any(|failure| failure.kind == FailureKind::AwaitNothing.as_str())
    }

    /// Returns the number of stories that passed.
    pub(super) fn passed(&self) -> usize {
        self.stories.values().filter(|story| story.passed == Some(true)).count()
    }
}

/// A [`Tally`] that is updated as the journal is written.
#[derive(Clone)]
pub(super) struct SharedTally(Arc<Mutex<Tally>>);

impl SharedTally {
    /// Prepares a row for each story by its name and file, in this order.
    pub(super) fn new(stories: impl Iterator<Item = (String, String)>) -> Self {
        let row = |(name, file): (String, String)| {
            (name.clone(), StoryTally { name, file, ..StoryTally::default() })
        };
        Self(Arc::new(Mutex::new(Tally { stories: stories.map(row).collect(), ..Tally::default() })))
    }

    pub(super) fn get(&self) -> MutexGuard<'_, Tally> {
        lock(&self.0)
    }
}

impl Sink for SharedTally {
    fn entry(&mut self, entry: &Entry) {
        let mut guard = self.get();
        let tally = &mut *guard;
        tally.last = Some(entry.at);
        if let Event::Assumed { id, .. } = &entry.event {
            tally.assumed.push(id.to_string());
        }
        if let Event::Attempted { attempt, result, .. } = &entry.event {
            let status = result.result.as_ref().ok().map(|answer| answer.status);
            let is_refused = matches!(status, Some(401 | 403)) && attempt.faults.is_empty();
            tally.refused_signatures += u64::from(is_refused && attempt.callback.signer.is_some());
        }
        if let Event::Requested(exchange) = &entry.event {
            tally.requests += 1;
            let is_on_purpose = exchange.fault.is_some();
            tally.requests_on_purpose += u64::from(is_on_purpose);
            let is_refused = exchange.refusal.is_some() || exchange.status >= 400;
            tally.refused_requests += u64::from(is_refused && !is_on_purpose);
        }
        let Some(story) = entry.story.as_deref().and_then(|name| tally.stories.get_mut(name)) else {
            let has_failed = matches!(&entry.event, Event::Ended { end, .. } if end.failure.is_some() && !end.is_dropped());
            tally.failed_alone += u64::from(has_failed);
            return;
        };
        match &entry.event {
            Event::StoryStarted => {
                story.begun = Some(Instant::now());
                story.started = Some(entry.at);
            }
            Event::Skipped(steps) => story.skipped.extend(steps.iter().cloned()),
            Event::StoryFinished { passed } => {
                story.measure();
                story.passed = Some(*passed);
                story.finished = Some(entry.at);
            }
            Event::Failed { place, kind, message } => {
                // A callback that the mock sends by itself may fail after the last step.
                story.passed = story.passed.map(|_| false);
                let (place, message) = (place.to_string(), message.clone());
                story.failures.push(FailureTally { place, kind, message });
            }
            Event::Explained { place, message } => {
                let failed = story.failures.iter_mut().rev().find(|failure| *failure.place == **place);
                if let Some(failure) = failed {
                    failure.message.push_str(&format!("; {message}"));
                }
            }
            _ => {}
        }
    }
}
