//! Time as a value: durations as people write them.

mod duration;

pub(crate) use duration::write;
pub use duration::{DurationError, DurationRange, HumanDuration};
