//! Load at configurable rates, from the same scenario files: signed and unique like real callbacks.
//!
//! `airudder-mock load` and `merge` use this. A run goes one way: `plan` says when events are due, `compile` makes request
//! templates of the stories, `send` releases the events and counts their results, `report` draws the conclusions. The load
//! is open loop: the instants of all events are planned beforehand, by index, and latency is measured from them, so that a
//! receiver that stalls can't slow down its own test. Every event ends in exactly one count.

mod board;
mod compile;
mod hpack;
mod options;
mod plan;
mod prepare;
mod receipts;
mod report;
mod rest;
mod run;
mod search;
mod send;

pub use compile::Context;
pub use options::{Options, Protocol};
pub use prepare::Load;
pub use receipts::Source;
#[cfg(test)]
pub(crate) use report::samples;
pub use report::{
    ConditionError, FailIf, Live, Receipts, Report, Shard, Slo, Snapshot, compare, markdown, merge, page,
    summary,
};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use send::ResponseReader;
