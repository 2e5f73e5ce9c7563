//! Load at configurable rates, from the same scenario files: signed and unique like the real thing.
//!
//! The load is open loop: the instants of all events are planned beforehand, by index, and latency counts from them,
//! so that a receiver that stalls can't slow down its own test. Every event ends in exactly one count.

mod alarm;
mod answer;
mod blueprint;
mod chart;
mod compare;
mod condition;
mod fail_if;
mod findings;
mod histogram;
mod job;
mod learn;
mod leaves;
mod ledger;
mod live;
mod markdown;
mod merge;
mod metric;
mod pace;
mod pacer;
mod page;
mod pipe;
mod probe;
mod report;
mod run;
#[cfg(test)]
pub(crate) mod samples;
mod schedule;
mod search;
mod slo;
mod sum;
mod summary;
mod told;
mod units;
mod usage;
mod worker;
mod worker_h2;

pub use blueprint::Blueprint;
pub use compare::{Change, Comparison, Judgement, compare};
pub use condition::ConditionError;
pub use fail_if::FailIf;
pub use findings::findings;
pub use histogram::{Histogram, PERCENTILES};
pub use job::Protocol;
pub use live::{Live, Snapshot};
pub use markdown::markdown;
pub use merge::{MergeError, merge};
pub use metric::{Clock, Metric, MetricError, Statistic, Unit};
pub use pacer::{Curve, Pacer};
pub use page::page;
pub use probe::World;
pub use report::{
    Counts, FORMAT, Failures, Finding, Interval, Latency, Merged, Plan, Probe, Report, ReportError, Search,
    Sender, Shard, Share, Side,
};
pub use run::{Load, Options, Run};
pub use slo::Slo;
pub use summary::summary;

#[cfg(test)]
mod truth_tests;
