//! Counts what happens during a run, for the summary and the reports.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;

use crate::journal::{Entry, Event, Sink};

/// How one story went.
#[derive(Clone, Debug, Serialize)]
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
    pub(super) stories: Vec<StoryTally>,
    by_name: BTreeMap<String, usize>,
    pub(super) calls: u64,
    pub(super) refused_calls: u64,
    /// Callbacks given up that belong to no story.
    pub(super) failed_alone: u64,
    pub(super) last: Option<Timestamp>,
    /// The assumed entries that were used, in the order of their first use.
    pub(super) assumed: Vec<String>,
}

impl Tally {
    /// Prepares a row per story, in this order.
    pub(super) fn new(names: impl Iterator<Item = String>) -> Self {
        let mut tally = Self::default();
        for name in names {
            tally.by_name.insert(name.clone(), tally.stories.len());
            tally.stories.push(StoryTally {
                name,
                passed: None,
                started: None,
                finished: None,
                failures: Vec::new(),
            });
        }
        tally
    }

    /// How many stories passed.
    pub(super) fn passed(&self) -> usize {
        self.stories.iter().filter(|story| story.passed == Some(true)).count()
    }
}

/// The sink that keeps a [`Tally`].
#[derive(Clone)]
pub(super) struct TallySink(Arc<Mutex<Tally>>);

impl TallySink {
    pub(super) fn new(tally: Tally) -> Self {
        Self(Arc::new(Mutex::new(tally)))
    }

    pub(super) fn get(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for TallySink {
    fn entry(&mut self, entry: &Entry) {
        let mut guard = self.get();
        let tally = &mut *guard;
        tally.last = Some(entry.at);
        if let Event::Assumed { id, .. } = &entry.event {
            tally.assumed.push(id.to_string());
        }
        if let Event::Called(call) = &entry.event {
            tally.calls += 1;
            tally.refused_calls += u64::from(call.status >= 400);
        }
        let index = entry.story.as_deref().and_then(|name| tally.by_name.get(name).copied());
        let Some(story) = index.and_then(|index| tally.stories.get_mut(index)) else {
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
            _ => {}
        }
    }
}
