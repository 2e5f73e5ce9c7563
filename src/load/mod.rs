//! Load at configurable rates, from the same scenario files: signed and unique like the real thing.
//!
//! The load is open loop: the instants of all events are planned beforehand, by index, and latency counts from them,
//! so that a receiver that stalls can't slow down its own test. Every event ends in exactly one count.

mod alarm;
mod answer;
mod blueprint;
mod histogram;
mod job;
mod learn;
mod leaves;
mod ledger;
mod pacer;
mod pipe;
mod probe;
mod rate;
mod report;
mod run;
mod schedule;
mod sum;
mod usage;
mod worker;

pub use blueprint::Blueprint;
pub use histogram::{Histogram, PERCENTILES};
pub use pacer::{Arrivals, Curve, Pacer};
pub use probe::World;
pub use rate::{Course, HIGHEST, Rate, RateError, Stage};
pub use report::{
    Counts, FORMAT, Failures, Finding, Interval, Latency, Plan, Probe, Report, ReportError, Search, Sender,
    Shard, Share, Side,
};
pub use run::{Load, Options, Standing, Unit};
