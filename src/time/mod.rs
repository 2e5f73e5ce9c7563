//! Time as a value: moments, and durations as people write them.

mod duration;

use std::time::Duration;

use jiff::Timestamp;

pub use duration::{DurationError, DurationRange, HumanDuration};

/// Returns the moment `wait` after `now`, or the latest representable moment if that lies beyond it.
pub(crate) fn later(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}
