//! Counts what happens during a run, for the summary and the reports.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;
use jiff::Timestamp;
use serde::Serialize;

use crate::journal::{Entry, Event, Sink};

/// How one story went.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct StoryTally {
    pub(super) name: String,
    /// Nothing while it is not over.
    pub(super) passed: Option<bool>,
    pub(super) started: Option<Timestamp>,
    pub(super) finished: Option<Timestamp>,
    pub(super) failures: Vec<FailureTally>,
}

/// One failed expectation.
#[derive(Clone, Debug, Serialize)]
pub(super) struct FailureTally {
    pub(super) place: String,
    pub(super) message: String,
}

/// What happened so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    /// A row for each story, by its name and in the order of the run.
    pub(super) stories: IndexMap<String, StoryTally>,
    pub(super) calls: u64,
    pub(super) refused_calls: u64,
    /// Callbacks given up that belong to no story.
    pub(super) failed_alone: u64,
    pub(super) last: Option<Timestamp>,
    /// The assumed entries that were used, in the order of their first use.
    pub(super) assumed: Vec<String>,
}

impl Tally {
    /// How many stories passed.
    pub(super) fn passed(&self) -> usize {
        self.stories.values().filter(|story| story.passed == Some(true)).count()
    }
}

/// A [`Tally`] that is kept as the journal is written.
#[derive(Clone)]
pub(super) struct SharedTally(Arc<Mutex<Tally>>);

impl SharedTally {
    /// Prepares a row for each story, in this order.
    pub(super) fn new(names: impl Iterator<Item = String>) -> Self {
        let row = |name: String| (name.clone(), StoryTally { name, ..StoryTally::default() });
        Self(Arc::new(Mutex::new(Tally { stories: names.map(row).collect(), ..Tally::default() })))
    }

    pub(super) fn get(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        if let Event::Called(call) = &entry.event {
            tally.calls += 1;
            tally.refused_calls += u64::from(call.refusal.is_some() || call.status >= 400);
        }
        let Some(story) = entry.story.as_deref().and_then(|name| tally.stories.get_mut(name)) else {
            tally.failed_alone +=
                u64::from(matches!(&entry.event, Event::Ended { end, .. } if end.failure.is_some()));
            return;
        };
        match &entry.event {
            Event::StoryStarted => story.started = Some(entry.at),
            Event::StoryFinished { passed } => {
                story.passed = Some(*passed);
                story.finished = Some(entry.at);
            }
            Event::Failed { place, message } => {
                // What the mock sends by itself may fail after the last step.
                story.passed = story.passed.map(|_| false);
                story.failures.push(FailureTally { place: place.to_string(), message: message.clone() });
            }
            Event::Explained { place, message } => {
                let told = story.failures.iter_mut().rev().find(|failure| *failure.place == **place);
                if let Some(failure) = told {
                    failure.message.push_str(&format!("; {message}"));
                }
            }
            _ => {}
        }
    }
}
