//! The results of a run: the report as data, its diagnosis, conditions on its numbers, comparisons and merges, and its
//! renderings for the terminal, as Markdown and as a page.
//!
//! Everything here is a function of a [`Report`]; `run` creates one, `merge` and `--baseline` read one from a file.

mod analyzer;
mod backlog;
mod chart;
mod charts;
mod compare;
mod condition;
mod data;
mod diagnosis;
mod fail_if;
mod histogram;
mod live;
mod markdown;
mod merge;
mod metric;
mod page;
mod presentation;
#[cfg(test)]
pub(crate) mod samples;
mod slo;
mod sum;
mod terminal;
mod units;
mod void;

pub(crate) use backlog::Backlog;
pub use compare::compare;
pub use condition::ConditionError;
pub(crate) use data::MOST_NAMED;
#[cfg(test)]
pub(crate) use data::Side;
pub use data::{
    Counts, FORMAT, Failures, Finding, Interval, Latency, Plan, Probe, Receipts, Report, Search, Sender,
    Shard, Share,
};
pub(crate) use diagnosis::conclude;
pub use fail_if::FailIf;
pub(crate) use histogram::Histogram;
pub use live::{Live, Snapshot};
pub use markdown::markdown;
pub use merge::merge;
pub use page::page;
pub use slo::Slo;
pub(crate) use sum::{add_counts, add_errors, add_series};
pub use terminal::summary;
pub(crate) use units::plural;
