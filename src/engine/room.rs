//! The limits on undelivered callbacks: a slow receiver must not fill the memory.

use std::collections::{BTreeSet, VecDeque};

/// The limits on undelivered callbacks. When one is reached, new callbacks wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Most {
    /// Maximum number of callbacks.
    pub(super) callbacks: usize,
    /// Maximum megabytes of their bodies. Bodies that share their bytes count once.
    pub(super) megabytes: usize,
}

impl Default for Most {
    fn default() -> Self {
        Self { callbacks: 100_000, megabytes: 256 }
    }
}

/// The stories that wait for room, each once, in order of arrival.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    stories: VecDeque<usize>,
    listed: BTreeSet<usize>,
}

impl Queue {
    /// Adds a story, unless it is already waiting.
    pub(super) fn join(&mut self, story: usize) {
        if self.listed.insert(story) {
            self.stories.push_back(story);
        }
    }

    /// Removes the story that has waited longest.
    pub(super) fn next(&mut self) -> Option<usize> {
        let story = self.stories.pop_front()?;
        self.listed.remove(&story);
        Some(story)
    }

    /// Whether no story waits.
    pub(super) fn is_empty(&self) -> bool {
        self.stories.is_empty()
    }

    /// Removes all stories.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
