//! Findings about the integrator's requests, as text.

use std::collections::BTreeMap;

use crate::files::visible;
use crate::simulator::{FindingKind, Found};

/// Returns the counts by kind: `2 unread fields, 1 wrongly signed request`.
pub(super) fn summed(counts: &BTreeMap<FindingKind, u64>) -> String {
    let counts: Vec<String> = counts.iter().map(|(kind, count)| kind.counted(*count)).collect();
    counts.join(", ")
}

/// Returns a line about a finding, with its count. It may quote what an integrator sent.
pub(super) fn line(found: &Found) -> String {
    let times = if found.count == 1 { String::new() } else { format!(" ({} times)", found.count) };
    format!("{}{times}", visible(&found.message))
}
