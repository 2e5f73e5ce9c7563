//! What is finished is not kept for ever: a mock that serves for days must not fill the memory. How long the vendor keeps
//! it is not known; here it is a matter of settings.

use std::time::Duration;

use jiff::Timestamp;

use crate::time::later;

/// Why the id of something that was put away leads nowhere.
pub(in crate::simulator) fn not_kept(what: &str) -> String {
    format!("{what} has finished and is not kept any more: see `[limits]`")
}

/// The same where ids do not tell what they stood for: added to a refusal, once something was put away.
pub(in crate::simulator) fn may_be_gone(is_any_gone: bool) -> &'static str {
    if is_any_gone { "; those that finished first are not kept any more: see `[limits]`" } else { "" }
}

/// How much of what is finished is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// For how long, in the mock's time; without it, age does not matter.
    pub keep_for: Option<Duration>,
    /// So many conversations at most.
    pub conversations: usize,
    /// So many rows at most: of tasks, of plans, of tasks of the dialer, of instances of workflows and of campaigns each.
    pub rows: usize,
}

impl Default for Retention {
    fn default() -> Self {
        Self { keep_for: None, conversations: 250_000, rows: 1_000_000 }
    }
}

impl Retention {
    /// What finished before this moment is put away.
    pub(in crate::simulator) fn since(self, now: Timestamp) -> Timestamp {
        let since = self.keep_for.and_then(|keep_for| now.checked_sub(keep_for).ok());
        since.unwrap_or(Timestamp::MIN)
    }

    /// When it is next looked for what is too old: after a tenth of the time for which it is kept.
    pub(in crate::simulator) fn next_look(self, now: Timestamp) -> Timestamp {
        self.keep_for.map_or(Timestamp::MAX, |keep_for| later(now, keep_for / 10))
    }
}
