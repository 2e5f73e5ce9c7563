//! Why things happen: every request is a cause, and what is made or planned because of it carries its id. A story that
//! takes a request, or answers it in the vendor's place, says so here, once.

use std::collections::HashMap;

/// Names a cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CauseId(u32);

/// A request, or a story that opened a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Cause {
    /// The story whose doing it is.
    story: Option<u32>,
    /// Whether somebody else sends what comes of it.
    is_muted: bool,
}

/// All causes. Only those are kept that belong to a story or are muted: of all others there is nothing to say.
#[derive(Clone, Debug)]
pub(super) struct Causes {
    /// The last one; the first is that of what happens before anything else does.
    last: u32,
    known: HashMap<u32, Cause>,
    /// Whether anything carries the last one.
    is_carried: bool,
}

impl Default for Causes {
    fn default() -> Self {
        Self { last: 0, known: HashMap::new(), is_carried: true }
    }
}

impl Causes {
    /// A new cause, which belongs to a story or to none. Queries cause nothing: one that nothing carries is used again.
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

    /// Something carries this cause from now on.
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
