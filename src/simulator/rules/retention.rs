//! Finished objects are not kept for ever: a mock that serves for days must not fill the memory. How long the vendor keeps them
//! is not known; here it is a setting.

use std::time::Duration;

use jiff::Timestamp;

use crate::time::later;

/// Explains why the id of an evicted object is not found.
pub(in crate::simulator) fn not_kept(what: &str) -> String {
    format!("{what} has finished and is no longer kept: see `[limits]`")
}

/// Returns the same for ids that do not show what they stood for: added to a refusal after anything was evicted.
pub(in crate::simulator) fn may_be_gone(is_any_gone: bool) -> &'static str {
    if is_any_gone { "; those that finished first are no longer kept: see `[limits]`" } else { "" }
}

/// How much is kept of finished objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Maximum age of finished objects, in the mock's time. `None`: unlimited.
    pub keep_for: Option<Duration>,
    /// Maximum number of conversations.
    pub conversations: usize,
    /// Maximum number of rows, each for tasks, plans, tasks of the dialer, instances of workflows, and campaigns.
    pub rows: usize,
}

impl Default for Retention {
    fn default() -> Self {
        Self { keep_for: None, conversations: 250_000, rows: 1_000_000 }
    }
}

impl Retention {
    /// Returns the moment before which finished objects are evicted.
    pub(in crate::simulator) fn since(self, now: Timestamp) -> Timestamp {
        let since = self.keep_for.and_then(|keep_for| now.checked_sub(keep_for).ok());
        since.unwrap_or(Timestamp::MIN)
    }

    /// Returns when to look next for objects that are too old: after a tenth of the time for which they are kept.
    pub(in crate::simulator) fn next_look(self, now: Timestamp) -> Timestamp {
        self.keep_for.map_or(Timestamp::MAX, |keep_for| later(now, keep_for / 10))
    }
}
