//! For how much there is room that is not delivered yet: a slow receiver must not fill the memory.

use std::collections::{BTreeSet, VecDeque};

/// From so much on that is not delivered yet, new callbacks wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Most {
    /// Callbacks.
    pub(super) callbacks: usize,
    /// Megabytes of their bodies, of which those that are sent again with the same bytes count once.
    pub(super) megabytes: usize,
}

impl Default for Most {
    fn default() -> Self {
        Self { callbacks: 100_000, megabytes: 256 }
    }
}

/// The stories that wait for room, each once, in the order in which they came.
#[derive(Clone, Debug, Default)]
pub(super) struct Queue {
    stories: VecDeque<usize>,
    listed: BTreeSet<usize>,
}

impl Queue {
    /// A story waits, if it does not do so already.
    pub(super) fn join(&mut self, story: usize) {
        if self.listed.insert(story) {
            self.stories.push_back(story);
        }
    }

    /// The one that has waited longest waits no more.
    pub(super) fn next(&mut self) -> Option<usize> {
        let story = self.stories.pop_front()?;
        self.listed.remove(&story);
        Some(story)
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.stories.is_empty()
    }

    /// Nobody waits any more.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
