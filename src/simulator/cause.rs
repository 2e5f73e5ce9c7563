//! Causes: every request is a cause, and what is created or planned because of it carries the id of the cause. A story that
//! takes over a request, or answers it in the vendor's place, is recorded here.

use std::collections::{HashMap, HashSet};

/// The number of causes from which on those that nothing carries any more are removed.
const MANY: usize = 10_000;

/// Identifies a cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct CauseId(u32);

/// A request, or a story that opened a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cause {
    /// The story that its effects belong to.
    story: Option<u32>,
    /// Whether its callbacks are sent by a story instead of the simulator.
    is_muted: bool,
}

/// All causes. Only causes that belong to a story or are muted are stored; the others need no data.
#[derive(Clone, Debug)]
pub(super) struct Causes {
    /// The last cause. The first one stands for everything before the first event.
    last: u32,
    known: HashMap<u32, Cause>,
    /// The stories that are over and forgotten, of those that causes may belong to. Their late requests are still theirs.
    forgotten: HashSet<u32>,
    /// The number of causes and forgotten stories from which on they are scanned.
    full_at: usize,
    /// Whether anything carries the last cause.
    is_carried: bool,
}

impl Default for Causes {
    fn default() -> Self {
        Self { last: 0, known: HashMap::new(), forgotten: HashSet::new(), full_at: MANY, is_carried: true }
    }
}

impl Causes {
    /// Returns a new cause, which may belong to a story. Queries cause nothing: a cause that nothing carries is used again.
    pub(super) fn add(&mut self, story: Option<u32>) -> CauseId {
        if self.is_carried {
            self.last = self.last.saturating_add(1);
        } else {
            self.known.remove(&self.last);
        }
        if story.is_some() {
            self.known.insert(self.last, Cause { story, is_muted: false });
        }
        self.is_carried = false;
        CauseId(self.last)
    }

    /// Records that something carries this cause from now on.
    pub(super) fn carry(&mut self, cause: CauseId) -> CauseId {
        self.is_carried |= cause.0 == self.last;
        cause
    }

    pub(super) fn assign(&mut self, cause: CauseId, story: u32) {
        self.known.entry(cause.0).or_default().story = Some(story);
    }

    pub(super) fn mute(&mut self, cause: CauseId) {
        self.known.entry(cause.0).or_default().is_muted = true;
    }

    pub(super) fn story(&self, cause: CauseId) -> Option<u32> {
        self.known.get(&cause.0)?.story
    }

    /// Whether a cause belongs to a story that may still ask for what it caused.
    pub(super) fn is_needed(&self, cause: CauseId) -> bool {
        self.story(cause).is_some_and(|story| !self.forgotten.contains(&story))
    }

    /// Records that a story is over and forgotten.
    pub(super) fn forget_story(&mut self, story: u32) {
        self.forgotten.insert(story);
    }

    /// Whether there are so many causes and forgotten stories that a scan is due.
    pub(super) fn is_full(&self) -> bool {
        self.len() >= self.full_at
    }

    /// Returns the number of causes and forgotten stories that are kept.
    pub(super) fn len(&self) -> usize {
        self.known.len() + self.forgotten.len()
    }

    /// Removes the causes that nothing carries, and the forgotten stories without a cause.
    pub(super) fn put_away(&mut self, carried: &HashSet<CauseId>) {
        let last = self.last;
        self.known.retain(|cause, _| *cause == last || carried.contains(&CauseId(*cause)));
        let stories: HashSet<u32> = self.known.values().filter_map(|cause| cause.story).collect();
        self.forgotten.retain(|story| stories.contains(story));
        // The cost of a scan depends on the number of objects, so it pays after as many again.
        self.full_at = 2 * self.len() + MANY;
    }

    pub(super) fn is_muted(&self, cause: CauseId) -> bool {
        self.known.get(&cause.0).is_some_and(|cause| cause.is_muted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nothing_carries_goes_and_the_last_one_stays() {
        let mut causes = Causes::default();
        let [first, second, muted, last] = [Some(1), Some(2), None, Some(3)].map(|story| {
            let cause = causes.add(story);
            causes.carry(cause)
        });
        causes.mute(muted);
        causes.forget_story(1);
        causes.forget_story(2);
        assert_eq!(
            [first, second, muted, last].map(|cause| causes.is_needed(cause)),
            [false, false, false, true]
        );
        causes.put_away(&HashSet::from([first, muted]));
        assert_eq!([first, second, last].map(|cause| causes.story(cause)), [Some(1), None, Some(3)]);
        assert!(causes.is_muted(muted));
        assert_eq!((causes.known.len(), causes.forgotten.len()), (3, 1));
    }
}
