//! When events are due and in which order: a plan by index, which is given the time and never asks for it.
//!
//! The senders poll a [`Schedule`] for the next thing to do. Nothing here waits, sends or uses randomness other than the
//! seed.

mod pacer;
mod paused;
mod schedule;

pub use pacer::{Curve, Pacer};
pub(crate) use paused::Paused;
pub(crate) use schedule::{Event, Mix, Next, Schedule, Source};
