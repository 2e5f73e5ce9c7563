//! The results of the stories that run beside a server.

use std::sync::{Arc, Mutex, MutexGuard};

use crate::files::visible;
use crate::journal::{Entry, Event, Sink};
use crate::sync::lock;

/// The results so far. Clones share their state.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdicts(Arc<Mutex<Counts>>);

#[derive(Debug, Default)]
struct Counts {
    passed: usize,
    failed: usize,
    /// The failures, one line each.
    failures: Vec<String>,
}

impl Verdicts {
    fn get(&self) -> MutexGuard<'_, Counts> {
        lock(&self.0)
    }

    /// Whether any story failed, even one that is not over.
    pub(super) fn has_failed(&self) -> bool {
        let counts = self.get();
        counts.failed > 0 || !counts.failures.is_empty()
    }

    /// Returns lines about the results of this many stories, with the failures.
    pub(super) fn lines(&self, stories: usize) -> Vec<String> {
        let counts = self.get();
        let mut line = format!("stories {} passed, {} failed", counts.passed, counts.failed);
        let unfinished = stories.saturating_sub(counts.passed + counts.failed);
        if unfinished > 0 {
            line.push_str(&format!(", {unfinished} not finished"));
        }
        std::iter::once(line).chain(counts.failures.iter().cloned()).collect()
    }
}

impl Sink for Verdicts {
    fn entry(&mut self, entry: &Entry) {
        let mut counts = self.get();
        let story = entry.story.as_deref().unwrap_or_default();
        match &entry.event {
            Event::StoryFinished { passed: true } => counts.passed += 1,
            Event::StoryFinished { passed: false } => counts.failed += 1,
            Event::Failed { place, message, .. } | Event::Explained { place, message } => {
                counts.failures.push(format!("    ✗ {story}: {} ({place})", visible(message)));
            }
            _ => {}
        }
    }

    fn takes_requests(&self) -> bool {
        false
    }
}
