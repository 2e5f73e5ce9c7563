//! The JSON report of a run, and its content besides the tally.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::tally::Tally;
use crate::delivery::Totals;
use crate::journal::Hits;
use crate::simulator::{FindingKind, Found};

/// The content of a report besides the tally.
pub(super) struct Facts {
    /// Whether every story passed and no callback failed.
    pub(super) passed: bool,
    pub(super) seed: u64,
    pub(super) epoch: Timestamp,
    pub(super) totals: Totals,
    /// How often each fault has hit.
    pub(super) hits: Hits,
    /// The faults that have hit nothing, each in one line.
    pub(super) unused_faults: Vec<String>,
    pub(super) verified: Option<(u64, u64)>,
    /// The URL for the requests of a server outside. `None` if the embedded receiver sends them.
    pub(super) awaited_at: Option<String>,
    pub(super) interrupted: bool,
    /// The findings about the requests.
    pub(super) found: Vec<Found>,
    /// The number of findings of each kind.
    pub(super) counts: BTreeMap<FindingKind, u64>,
    /// The findings that are errors and belong to no story.
    pub(super) errors_alone: Vec<Found>,
    /// The duration in real time.
    pub(super) took: Duration,
    /// The moment it began.
    pub(super) began: Timestamp,
    /// The duration in real seconds. `None` while time jumps, so that equal runs write equal reports.
    pub(super) seconds: Option<f64>,
}

/// Returns the JSON report.
pub(super) fn json(tally: &Tally, facts: &Facts) -> Value {
    let mut callbacks = json!(facts.totals);
    // The old name of `failed`.
    callbacks["dead"] = callbacks["failed"].clone();
    json!({
        "passed": facts.passed,
        "interrupted": facts.interrupted,
        "seed": facts.seed,
        "epoch": facts.epoch.to_string(),
        "seconds": facts.seconds,
        "stories": tally.stories.values().collect::<Vec<_>>(),
        "callbacks": callbacks,
        "calls": {
            "answered": tally.requests,
            "refused": tally.refused_requests,
            "on_purpose": tally.requests_on_purpose,
        },
        "faults": facts.hits,
        "unused_faults": facts.unused_faults,
        "assumed": tally.assumed,
        "found": facts.found,
        "signatures": facts.verified.map(|(right, wrong)| json!({ "verified": right, "wrong": wrong })),
    })
}

/// Returns the JSON report of a run that could not begin.
pub(super) fn could_not_run(error: &str) -> Value {
    json!({ "passed": false, "interrupted": false, "error": error, "stories": [] })
}
