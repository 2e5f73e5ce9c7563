//! Sends the events of a run when they are due and counts the results: over HTTP/1.1 or HTTP/2 from request templates, or
//! by simulating every story on the engine.
//!
//! Each worker has a thread, a schedule and statistics of its own; nothing is shared while an event is sent.

mod direct;
mod http2;
mod job;
mod keeper;
mod nonblocking_conn;
mod response;
mod run_stats;
pub(crate) mod simulated;
mod simulation;
mod timer;
mod usage;
pub(crate) mod worker;
pub(crate) mod worker_h2;

#[cfg(test)]
mod truth_tests;

pub(crate) use job::Job;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use response::ResponseReader;
pub(crate) use run_stats::{Progress, RunStats, SentEvent};
pub(crate) use usage::Usage;
