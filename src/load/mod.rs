//! Load at configurable rates, from the same scenario files: signed and unique like the real thing.
//!
//! The load is open loop: the instants of all events are planned beforehand, by index, and latency counts from them,
//! so that a receiver that stalls can't slow down its own test. Every event ends in exactly one count.

mod histogram;
mod pacer;
mod rate;
mod report;

pub use histogram::{Histogram, PERCENTILES};
pub use pacer::{Arrivals, Curve, Pacer};
pub use rate::{Course, HIGHEST, Rate, RateError, Stage};
pub use report::{
    Counts, FORMAT, Failures, Finding, Interval, Latency, Plan, Probe, Report, ReportError, Search, Sender,
    Shard, Share, Side,
};
