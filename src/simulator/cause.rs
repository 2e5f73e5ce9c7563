//! Why things happen: every request is a cause, and what is made or planned because of it carries its id. A story that
//! takes a request, or answers it in the vendor's place, says so here, once.

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

/// All causes.
#[derive(Clone, Debug)]
pub(super) struct Causes {
    list: Vec<Cause>,
    /// Whether anything carries the last one.
    is_carried: bool,
}

impl Default for Causes {
    /// The first cause is that of what happens before anything else does.
    fn default() -> Self {
        Self { list: vec![Cause::default()], is_carried: true }
    }
}

impl Causes {
    /// A new cause, which belongs to a story or to none. Queries cause nothing: one that nothing carries is used again.
    pub(super) fn add(&mut self, story: Option<u32>) -> CauseId {
        if !self.is_carried {
            self.list.pop();
        }
        self.list.push(Cause { story, is_muted: false });
        self.is_carried = false;
        CauseId(u32::try_from(self.list.len() - 1).unwrap_or(u32::MAX))
    }

    /// Something carries this cause from now on.
    pub(super) fn carry(&mut self, cause: CauseId) -> CauseId {
        self.is_carried |= cause.0 as usize + 1 == self.list.len();
        cause
    }

    pub(super) fn assign(&mut self, cause: CauseId, story: u32) {
        if let Some(cause) = self.list.get_mut(cause.0 as usize) {
            cause.story = Some(story);
        }
    }

    pub(super) fn mute(&mut self, cause: CauseId) {
        if let Some(cause) = self.list.get_mut(cause.0 as usize) {
            cause.is_muted = true;
        }
    }

    pub(super) fn story(&self, cause: CauseId) -> Option<u32> {
        self.list.get(cause.0 as usize)?.story
    }

    pub(super) fn is_muted(&self, cause: CauseId) -> bool {
        self.list.get(cause.0 as usize).is_some_and(|cause| cause.is_muted)
    }
}
