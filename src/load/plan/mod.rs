//! When events are due and in which order: a plan by index, which knows the time only by being given it.
//!
//! The senders poll a [`Schedule`] for what to do next; nothing here waits, sends or draws from outside the seed.

mod pacer;
mod paused;
mod schedule;

pub use pacer::{Curve, Pacer};
pub(crate) use paused::Paused;
pub(crate) use schedule::{Event, Mix, Next, Schedule, Source};
