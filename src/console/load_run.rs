//! The state of a run of `airudder-mock load`, for observers of the mock beside it.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

/// A run of `airudder-mock load`, as it stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct LoadRun {
    /// The names of the stories it sends.
    pub stories: Vec<String>,
    /// Where it sends them.
    pub target: String,
    /// How often: `500/s`, `100/s..2000/s for 1m`, or `max`.
    pub rate: String,
    /// What the rate counts: `events` or `stories`.
    pub unit: String,
    /// For how long, in seconds.
    pub duration_s: f64,
    /// For how long it has been going on, in seconds.
    pub at_s: f64,
    /// What became of the events so far.
    pub counts: LoadCounts,
    /// How many events are being answered, and how many may be.
    pub in_flight: u64,
    /// The most events that may be in flight.
    pub in_flight_limit: u64,
    /// Events answered as wanted per second, in the latest interval.
    pub per_second: f64,
    /// Within how many milliseconds of their planned instant half of the events of the latest interval were answered.
    pub p50_ms: f64,
    /// The same for 99 of 100.
    pub p99_ms: f64,
    /// How much of its cores the sender uses, 0 to 1.
    pub cpu: f64,
    /// How it went, oldest first: at most a few hundred points, whatever the length of the run.
    pub points: Vec<LoadPoint>,
}

/// What became of the events: each whose instant came is in one of the others, in flight, or still waits to be sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LoadCounts {
    /// Events whose instant came.
    pub planned: u64,
    /// Events that were sent.
    pub sent: u64,
    /// Answered as wanted.
    pub ok: u64,
    /// Answered otherwise.
    pub wrong_status: u64,
    /// Not answered in time.
    pub timed_out: u64,
    /// Not answered: refused, reset, no HTTP.
    pub failed: u64,
    /// Never sent.
    pub dropped: u64,
    /// Of the sent ones: those that were late.
    pub late: u64,
}

/// How a run stood at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct LoadPoint {
    /// Seconds since its beginning.
    pub at_s: f64,
    /// Events planned per second, since the point before.
    pub planned: f64,
    /// Events answered as wanted per second.
    pub ok: f64,
    /// Events that ended otherwise per second.
    pub bad: f64,
    /// Events being answered.
    pub in_flight: u64,
    /// Half of the answers came within so many milliseconds.
    pub p50_ms: f64,
    /// The same for 99 of 100.
    pub p99_ms: f64,
}

/// Provides the state of a load.
pub trait LoadRuns: fmt::Debug + Send + Sync {
    /// Returns the present state.
    fn now(&self) -> LoadRun;
}
