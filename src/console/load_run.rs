//! The state of a run of `airudder-mock load`, for observers of the mock beside it.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// A run of `airudder-mock load`, at this moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct LoadRun {
    /// The names of the stories it sends.
    pub stories: Vec<String>,
    /// The URL it sends them to.
    pub target: String,
    /// The rate: `500/s`, `100/s..2000/s for 1m`, or `max`.
    pub rate: String,
    /// What the rate counts: `events` or `stories`.
    pub unit: String,
    /// Its planned duration, in seconds.
    pub duration_s: f64,
    /// The time since its start, in seconds.
    pub at_s: f64,
    /// The events so far.
    pub counts: LoadCounts,
    /// Number of events in flight, and its maximum.
    pub in_flight: u64,
    /// Maximum number of events in flight.
    pub in_flight_limit: u64,
    /// Events answered as expected per second, in the latest interval.
    pub per_second: f64,
    /// The median time in milliseconds from the planned instant to the response, in the latest interval.
    pub p50_ms: f64,
    /// The 99th percentile of this time.
    pub p99_ms: f64,
    /// The share of its cores that the sender uses, 0 to 1.
    pub cpu: f64,
    /// Its course, oldest first: at most a few hundred points, whatever the length of the run.
    pub points: Vec<LoadPoint>,
}

/// The events by result. Every event whose instant has come has a result, is in flight, or still waits to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LoadCounts {
    /// Events whose instant has come.
    pub planned: u64,
    /// Events that were sent.
    pub sent: u64,
    /// Answered as expected.
    pub ok: u64,
    /// Answered otherwise.
    pub wrong_status: u64,
    /// Not answered in time.
    pub timed_out: u64,
    /// Not answered: refused, reset, no HTTP.
    pub failed: u64,
    /// Never sent.
    pub dropped: u64,
    /// Not sent on purpose, because a fault drops them.
    pub withheld: u64,
    /// Sent events that were late.
    pub late: u64,
}

/// The state of a run at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct LoadPoint {
    /// Seconds since its start.
    pub at_s: f64,
    /// Events planned per second, since the point before.
    pub planned: f64,
    /// Events answered as expected per second.
    pub ok: f64,
    /// Events that ended otherwise per second.
    pub bad: f64,
    /// Events in flight.
    pub in_flight: u64,
    /// The median response time in milliseconds.
    pub p50_ms: f64,
    /// The 99th percentile of this time.
    pub p99_ms: f64,
}

/// Provides the state of a load.
pub trait LoadRuns: fmt::Debug + Send + Sync {
    /// Returns the present state.
    fn now(&self) -> LoadRun;
}
