//! The results of a load run as data: the JSON report, and the source of the summary, the HTML page, comparisons and
//! merges.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::histogram::Histogram;
use super::units;

/// The first field of every report, by which `merge` and `--baseline` recognise one.
pub const FORMAT: &str = "airudder-mock load 2";

/// A load run from its plan to its findings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Always `airudder-mock load 2`.
    pub format: String,
    /// The version of the program.
    pub version: String,
    /// What was requested.
    pub plan: Plan,
    /// The planned instant of the first event.
    pub started: Timestamp,
    /// Time from the first planned instant to the last end, in seconds.
    pub elapsed_s: f64,
    /// The results of the events.
    pub counts: Counts,
    /// Number of responses by HTTP status. Together they are `ok + wrong_status`.
    pub statuses: BTreeMap<u16, u64>,
    /// Failures by class: `refused`, `reset`, `timeout`, ... Together they are `failed + timed_out`.
    pub errors: BTreeMap<String, Failures>,
    /// How often each fault has hit, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub faults: BTreeMap<String, u64>,
    /// Times of all events.
    pub latency: Latency,
    /// The run in equal intervals, in order; `plan.interval_ms` is their length.
    pub series: Vec<Interval>,
    /// What the run cost on this side.
    pub sender: Sender,
    /// Conclusions, in words.
    pub findings: Vec<Finding>,
    /// Why the figures say nothing about the receiver; `None` if they do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void: Option<String>,
    /// The comparison with the receiver's own list of ids, if it was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipts: Option<Receipts>,
    /// The search for the highest rate, if there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Search>,
    /// The shards it was merged from, if it was merged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<Merged>,
}

/// What was requested.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The stories of the mix.
    pub stories: Vec<Share>,
    /// The rate as written, for example `5000/s`, `100/s..1000/s` or `max`.
    pub rate: String,
    /// What the rate counts: `events` or `stories`.
    pub unit: String,
    /// How arrivals are spaced: `even`, `poisson`, or `closed` for `max`.
    pub arrivals: String,
    /// Duration, in seconds.
    pub duration_s: f64,
    /// The seed of ids and arrivals.
    pub seed: u64,
    /// The callback URL.
    pub target: String,
    /// `http/1.1` or `http/2`.
    pub protocol: String,
    /// Maximum number of events in flight.
    pub in_flight: u32,
    /// Number of threads that send.
    pub workers: u32,
    /// Time after which an unanswered event counts as timed out, in milliseconds.
    pub timeout_ms: u64,
    /// Lag from which an event counts as late, in milliseconds.
    pub late_ms: u64,
    /// Lag after which an event is dropped instead of sent, in milliseconds.
    pub drop_ms: u64,
    /// Length of an interval of the series, in milliseconds.
    pub interval_ms: u64,
    /// Which part of the whole this run is; `None` if it is the whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
    /// Number of runs this report was merged from; 1 for a single run.
    pub runs: u32,
    /// How events were made: `compiled` before the run, or `simulated` during it.
    #[serde(default)]
    pub mode: String,
    /// Number of events of the whole plan, regardless of shards; `None` if only the run shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<u64>,
    /// Maximum share of the events that the sender may hold back before the run is void, 0 to 1.
    #[serde(default = "whole")]
    pub most_held_back: f64,
}

/// The default for reports without the field: no run is void for being held back.
fn whole() -> f64 {
    1.0
}

/// A story of the mix.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Its name.
    pub name: String,
    /// How often it runs, relative to the others.
    pub weight: u32,
    /// Number of started stories.
    #[serde(alias = "told")]
    pub started: u64,
    /// Number of failed stories, if stories are simulated with their expectations.
    pub failed: u64,
    /// The first failure, with its position; empty if there was none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub first_failure: String,
}

/// A part of a run that several processes share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Index of the part, from 0.
    pub index: u32,
    /// Number of parts.
    pub of: u32,
}

/// Shards whose reports were merged into one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Merged {
    /// Indexes of the shards, from 0, ascending.
    pub shards: Vec<u32>,
    /// Number of shards of the run.
    pub of: u32,
    /// When the last of them started; [`Report::started`] says when the first did.
    pub last_started: Timestamp,
    /// The highest [`Sender::busy`] of any of them, 0 to 1.
    pub busiest: f64,
    /// Whether shards may be missing: otherwise the report of a part of the load is void.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allows_missing: bool,
}

impl Merged {
    /// Says which shards are missing; `None` if none is.
    pub(crate) fn missing(&self) -> Option<String> {
        let first = (0..self.of).find(|index| !self.shards.contains(index))?;
        let present = self.shards.iter().filter(|index| **index < self.of).count();
        let which = match (self.of as usize).saturating_sub(present) {
            0 | 1 => format!("Shard {first} of {} is missing", self.of),
            missing => format!("{missing} of {} shards are missing, among them {first}", self.of),
        };
        Some(format!("{which}: these numbers cover only a part of the load"))
    }
}

/// The results of the events. `planned = sent + dropped + withheld`, and `sent = ok + wrong_status + failed + timed_out +
/// unfinished`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Events whose instant came.
    pub planned: u64,
    /// Events that were handed to a connection, whether or not it accepted them.
    pub sent: u64,
    /// Events that were answered as wanted.
    pub ok: u64,
    /// Events that were answered, but not with a status (or body) that counts as success.
    pub wrong_status: u64,
    /// Events without a response: refused, reset, not HTTP, ...
    pub failed: u64,
    /// Events that were not answered in time.
    pub timed_out: u64,
    /// Among the sent ones: released later than [`Plan::late_ms`] after their instant.
    pub late: u64,
    /// Events that were never sent, because they could not be released within [`Plan::drop_ms`], or by the end of the run.
    pub dropped: u64,
    /// Events that were sent, and neither answered nor failed when the run was ended early.
    #[serde(default)]
    pub unfinished: u64,
    /// Events that were not sent on purpose, because a fault drops them.
    #[serde(default)]
    pub withheld: u64,
    /// Among the late and the dropped ones: those that were free to go, so that only the sender delayed them.
    #[serde(default)]
    pub held_back: u64,
}

impl Counts {
    /// Events that were to be sent: all but those that a fault drops.
    pub fn wanted(&self) -> u64 {
        self.planned.saturating_sub(self.withheld)
    }

    /// Events that did not end as wanted, including those that were never sent.
    pub fn bad(&self) -> u64 {
        self.wrong_status + self.failed + self.timed_out + self.dropped
    }
}

/// Failures of one class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failures {
    /// Number of failures.
    pub count: u64,
    /// The message of the first one.
    pub first: String,
}

/// Times of all events that were answered or timed out. A time-out counts with the time waited. Failures without a response
/// are in no distribution, since a quick refusal would flatter it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// From the planned instant of an event to the end of its response.
    pub planned: Histogram,
    /// From the moment an event was handed to a connection, which had to be opened first if none was free, to the end of
    /// its response.
    pub sent: Histogram,
    /// From the planned instant to that moment: the release lag.
    pub lag: Histogram,
}

/// An interval of the run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Events planned for an instant in it, without those that a fault drops.
    pub planned: u64,
    /// Events written in it.
    pub sent: u64,
    /// Events that ended well in it.
    pub ok: u64,
    /// Events that ended otherwise in it: wrong status, failed, timed out, dropped.
    pub bad: u64,
    /// Number of events in flight at its end.
    pub in_flight: u64,
    /// Times from the planned instant, of the events that ended in it.
    pub latency: Histogram,
    /// Sum of their times from the sending, in microseconds.
    #[serde(default)]
    pub took_us: u64,
}

/// Maximum number of ids of a kind that are listed.
pub(crate) const MOST_NAMED: usize = 5;

/// Comparison of the receiver's own list of ids with what was sent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Receipts {
    /// Source of the list.
    pub source: String,
    /// Why there is no list; empty if there is one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error: String,
    /// The field, or fields, of the bodies whose values are listed; empty if no id of the list belongs to this run.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub field: String,
    /// Number of listed ids.
    pub listed: u64,
    /// Number of events with such an id that were answered as wanted: all of them have to be listed.
    pub accepted: u64,
    /// Accepted, but not listed.
    pub lost: u64,
    /// Listed more often than they were sent.
    pub doubled: u64,
    /// Listed, but never sent by this run.
    pub unknown: u64,
    /// Listed, although the sender got no good response for them.
    pub unanswered: u64,
    /// Accepted, but without an id of the kind that the list has: they are not compared.
    #[serde(default)]
    pub uncompared: u64,
    /// Some of the lost ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lost_ids: Vec<String>,
    /// Some of the doubled ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubled_ids: Vec<String>,
    /// Some of the unknown ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_ids: Vec<String>,
    /// From the sending to the moment given in the list, if it gives one and both clocks agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received: Option<Histogram>,
}

impl Receipts {
    /// Whether the receiver lost or doubled anything, or whether its list could not be read.
    pub fn is_wrong(&self) -> bool {
        self.lost > 0 || self.doubled > 0 || !self.error.is_empty()
    }
}

impl Default for Interval {
    fn default() -> Self {
        Self { planned: 0, sent: 0, ok: 0, bad: 0, in_flight: 0, latency: Histogram::coarse(), took_us: 0 }
    }
}

/// What the run cost on this side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sender {
    /// CPU time in user mode, in seconds: the whole process, from the start of the run to its end.
    pub user_s: f64,
    /// CPU time in the kernel, in seconds.
    pub system_s: f64,
    /// CPU time per event, in microseconds.
    pub cpu_per_event_us: f64,
    /// The share of the workers' cores that was used, 0 to 1: CPU time divided by elapsed time and number of workers.
    pub busy: f64,
    /// Peak memory of the process, in bytes; 0 if the system does not report it.
    pub peak_bytes: u64,
    /// Number of opened connections.
    pub connections: u64,
}

/// One conclusion about the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The side it concerns.
    pub side: Side,
    /// One sentence or two.
    pub text: String,
}

/// A side of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// This program, or the machine it runs on.
    Sender,
    /// The callback endpoint.
    Receiver,
    /// Neither: the run as a whole.
    Run,
}

/// The search for the highest rate that holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Search {
    /// The conditions, as written.
    pub slo: String,
    /// The highest rate that held, in events (or stories) per second; 0 if none did.
    pub best: f64,
    /// The probes, in order.
    pub probes: Vec<Probe>,
}

/// A probe of the search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    /// The requested rate, per second.
    pub rate: f64,
    /// The rate of answered events, per second.
    pub achieved: f64,
    /// The 99th percentile from the planned instant, in microseconds.
    pub p99_us: u64,
    /// The share of events that did not end as wanted, 0 to 1.
    pub errors: f64,
    /// Whether it held.
    pub held: bool,
    /// What did not hold; empty if it held.
    pub why: String,
}

/// Why a text is not a report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// The text is not JSON, or other JSON.
    #[error("it is not a report of `airudder-mock load`: {0}")]
    Unreadable(String),
    /// The report has another version of the format.
    #[error("its format is `{0}`, this version reads `{FORMAT}`: run the load again with this version")]
    Format(String),
}

impl Plan {
    /// Returns what all parts of a run share and other numbers depend on, by name.
    pub(crate) fn common(&self) -> Vec<(&'static str, String)> {
        let stories: Vec<String> =
            self.stories.iter().map(|story| format!("{} ×{}", story.name, story.weight)).collect();
        vec![
            ("rate", self.rate.clone()),
            ("unit of the rate", self.unit.clone()),
            ("spacing of arrivals", self.arrivals.clone()),
            ("duration", units::duration(self.duration_s)),
            ("mix of stories", stories.join(", ")),
            ("protocol", self.protocol.clone()),
        ]
    }
}

impl Finding {
    pub(crate) fn run(text: String) -> Self {
        Self { side: Side::Run, text }
    }

    pub(crate) fn sender(text: String) -> Self {
        Self { side: Side::Sender, text }
    }

    pub(crate) fn receiver(text: String) -> Self {
        Self { side: Side::Receiver, text }
    }

    /// Splits the text in pieces; those marked true stood between backticks and are to be typed.
    pub(crate) fn pieces(&self) -> Vec<(bool, String)> {
        let mut found = Vec::new();
        let mut rest = self.text.as_str();
        // An unpaired last backtick is an ordinary character.
        while let Some((before, (code, after))) =
            rest.split_once('`').and_then(|(before, after)| Some((before, after.split_once('`')?)))
        {
            found.extend([(false, before.to_owned()), (true, code.to_owned())]);
            rest = after;
        }
        found.push((false, rest.to_owned()));
        found.retain(|(_, piece)| !piece.is_empty());
        found
    }
}

impl Report {
    /// Reads a JSON report.
    pub fn read(text: &str) -> Result<Self, ReportError> {
        #[derive(Deserialize)]
        struct Head {
            format: String,
        }
        let head: Head =
            serde_json::from_str(text).map_err(|error| ReportError::Unreadable(error.to_string()))?;
        if head.format != FORMAT {
            return Err(ReportError::Format(head.format));
        }
        serde_json::from_str(text).map_err(|error| ReportError::Unreadable(error.to_string()))
    }

    /// The JSON text, indented, with a line break at its end.
    pub fn write(&self) -> String {
        // Maps have text or number keys and histograms write to memory: nothing here can fail.
        let mut text = serde_json::to_string_pretty(self).expect("a report is plain data");
        text.push('\n');
        text
    }

    /// Returns the share of the events that did not end well, 0 to 1, of those that were to be sent.
    pub fn error_share(&self) -> f64 {
        let counts = &self.counts;
        if counts.wanted() == 0 {
            return 0.0;
        }
        let wrong =
            counts.wrong_status + counts.failed + counts.timed_out + counts.dropped + counts.unfinished;
        wrong as f64 / counts.wanted() as f64
    }

    /// Returns the share of the workers' cores that was used, 0 to 1; `None` for a run so short that it consists of little
    /// more than starting up.
    pub(crate) fn busy(&self) -> Option<f64> {
        (self.elapsed_s >= 0.5).then_some(self.sender.busy)
    }

    /// Returns the number of events answered as wanted, per second of the run.
    pub fn throughput(&self) -> f64 {
        if self.elapsed_s > 0.0 { self.counts.ok as f64 / self.elapsed_s } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::samples;

    #[test]
    fn what_is_typed_stands_apart_from_prose() {
        for (text, pieces) in [
            ("plain", vec![(false, "plain")]),
            (
                "raise `--x` to `9`.",
                vec![(false, "raise "), (true, "--x"), (false, " to "), (true, "9"), (false, ".")],
            ),
            ("a `b` c ` d", vec![(false, "a "), (true, "b"), (false, " c ` d")]),
            ("`", vec![(false, "`")]),
            ("", vec![]),
        ] {
            let found = Finding::run(text.to_owned()).pieces();
            let found: Vec<(bool, &str)> = found.iter().map(|(code, piece)| (*code, &**piece)).collect();
            assert_eq!(found, pieces, "{text}");
        }
    }

    #[test]
    fn a_report_reads_as_it_was_written() {
        let report = samples::stall();
        let text = report.write();
        let read = Report::read(&text).unwrap();
        assert_eq!((&read.plan, &read.counts, &read.series), (&report.plan, &report.counts, &report.series));
        assert_eq!((&read.latency, &read.findings), (&report.latency, &report.findings));
        assert!(text.starts_with("{\n  \"format\": \"airudder-mock load 2\","));
    }

    #[test]
    fn other_files_are_no_reports() {
        let other = Report::read("{\"passed\":true}").unwrap_err().to_string();
        assert!(
            other.starts_with("it is not a report of `airudder-mock load`: missing field `format`"),
            "{other}"
        );
        let older = Report::read("{\"format\":\"airudder-mock load 1\"}").unwrap_err();
        assert_eq!(older, ReportError::Format("airudder-mock load 1".to_owned()));
    }
}
