//! Causes: every request is a cause, and what is created or planned because of it carries the id of the cause. A story that
//! takes over a request, or answers it in the vendor's place, is recorded here.

use std::collections::HashMap;

/// Identifies a cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// Whether anything carries the last cause.
    is_carried: bool,
}

impl Default for Causes {
    fn default() -> Self {
        Self { last: 0, known: HashMap::new(), is_carried: true }
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

    pub(super) fn is_muted(&self, cause: CauseId) -> bool {
        self.known.get(&cause.0).is_some_and(|cause| cause.is_muted)
    }
}
