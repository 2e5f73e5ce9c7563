//! Merges several reports: the parts of a run that several processes or machines shared.
//!
//! Counts, statuses, errors and histograms are exact sums, regardless of the order and grouping of the merges.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::data::{Merged, Report, Sender, Shard};
use super::diagnosis::conclude;
use super::sum::{add_counts, add_errors, add_series, add_to};
use super::units;

/// Why reports can't be merged, with the names of the reports concerned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// There are no reports.
    #[error("there is no report to merge")]
    Nothing,
    /// A report is of a whole run, not of a shard.
    #[error("{0} is the report of a whole run, not of a part: only runs with `--shard` can be merged")]
    Whole(String),
    /// A report is of a search, whose probes no other report has.
    #[error("{0} is the report of a search for the highest rate, which can't be merged")]
    Search(String),
    /// Two reports have the same shard.
    #[error("{0} and {1} both have shard {2}, which would count twice")]
    Twice(String, String, u32),
    /// The reports are of different runs.
    #[error("these are not parts of one run: the {what} is {left} in {one}, but {right} in {other}")]
    Differ {
        /// What differs.
        what: &'static str,
        /// One of the reports.
        one: String,
        /// Its value in that report.
        left: String,
        /// The other report.
        other: String,
        /// The value in the other report.
        right: String,
    },
}

/// Merges reports of shards, or of merged ones, into one; each comes with its name. A single report only gets new findings.
/// If shards are missing, the result is void unless `allows_missing`.
///
/// # Errors
///
/// If they are not parts of one run.
pub fn merge(mut reports: Vec<(String, Report)>, allows_missing: bool) -> Result<Report, MergeError> {
    for (_, report) in &mut reports {
        if let Some(Shard { index, of }) = report.plan.shard.take() {
            let (last_started, busiest) = (report.started, report.sender.busy);
            report.merged = Some(Merged { shards: vec![index], of, last_started, busiest, allows_missing });
        }
    }
    if reports.len() > 1 {
        check(&reports)?;
    }
    // Sums of fractions depend on their order: it is always that of the shards.
    reports.sort_by_key(|(_, report)| shards(report).first().copied());
    let mut parts = reports.into_iter().map(|(_, report)| report);
    let mut sum = parts.next().ok_or(MergeError::Nothing)?;
    for part in parts {
        add(&mut sum, part);
    }
    if let Some(merged) = &mut sum.merged {
        merged.allows_missing = allows_missing;
    }
    conclude(&mut sum);
    Ok(sum)
}

/// Returns the shards of a report; empty for a whole run.
fn shards(report: &Report) -> &[u32] {
    report.merged.as_ref().map(|merged| &*merged.shards).unwrap_or_default()
}

/// Refuses reports that do not belong together.
fn check(reports: &[(String, Report)]) -> Result<(), MergeError> {
    let mut seen = BTreeMap::new();
    for (name, report) in reports {
        if shards(report).is_empty() {
            return Err(MergeError::Whole(name.clone()));
        }
        if report.search.is_some() {
            return Err(MergeError::Search(name.clone()));
        }
        for shard in shards(report) {
            if let Some(before) = seen.insert(shard, name) {
                return Err(MergeError::Twice(before.clone(), name.clone(), *shard));
            }
        }
    }
    for pair in reports.windows(2) {
        let [(one, first), (other, second)] = pair else { continue };
        let pairs = identity(first).into_iter().zip(identity(second));
        if let Some(((what, left), (_, right))) =
            pairs.into_iter().find(|((_, left), (_, right))| left != right)
        {
            let (one, other) = (one.clone(), other.clone());
            return Err(MergeError::Differ { what, one, left, other, right });
        }
    }
    Ok(())
}

/// Returns what all parts of one run share.
fn identity(report: &Report) -> Vec<(&'static str, String)> {
    let plan = &report.plan;
    let mut shared = plan.common();
    shared.extend([
        ("format", report.format.clone()),
        ("number of shards", report.merged.as_ref().map_or(1, |merged| merged.of).to_string()),
        ("seed", plan.seed.to_string()),
        ("length of intervals", units::millis(plan.interval_ms)),
        ("time-out", units::millis(plan.timeout_ms)),
        ("lag that counts as late", units::millis(plan.late_ms)),
        ("lag that drops events", units::millis(plan.drop_ms)),
        ("share that may be held back", units::percent(plan.most_held_back * 100.0)),
    ]);
    shared
}

/// Adds a part that fits.
fn add(sum: &mut Report, part: Report) {
    let end = [&*sum, &part].map(|report| end(report.started, report.elapsed_s)).into_iter().max();
    add_sender(&mut sum.sender, sum.plan.workers, &part.sender, part.plan.workers);
    sum.counts.add(&part.counts);
    let cpu = sum.sender.user_s + sum.sender.system_s;
    sum.sender.cpu_per_event_us = if sum.counts.sent > 0 { cpu * 1e6 / sum.counts.sent as f64 } else { 0.0 };
    if let (Some(merged), Some(other)) = (&mut sum.merged, part.merged) {
        merged.shards.extend(other.shards);
        merged.shards.sort_unstable();
        merged.last_started = merged.last_started.max(other.last_started);
        merged.busiest = merged.busiest.max(other.busiest);
    }
    sum.version = all_of(&sum.version, &part.version);
    sum.plan.target = all_of(&sum.plan.target, &part.plan.target);
    sum.plan.in_flight = sum.plan.in_flight.saturating_add(part.plan.in_flight);
    sum.plan.workers = sum.plan.workers.saturating_add(part.plan.workers);
    sum.plan.runs = sum.plan.runs.saturating_add(part.plan.runs);
    sum.started = sum.started.min(part.started);
    sum.elapsed_s = (end.unwrap_or_default() - sum.started.as_nanosecond()) as f64 / 1e9;
    add_counts(&mut sum.statuses, part.statuses);
    add_counts(&mut sum.faults, part.faults);
    add_errors(&mut sum.errors, part.errors);
    for (story, other) in sum.plan.stories.iter_mut().zip(&part.plan.stories) {
        story.add(other);
    }
    sum.latency.add(&part.latency);
    add_series(&mut sum.series, part.series);
    sum.plan.events = sum.plan.events.zip(part.plan.events).map(|(one, other)| one.saturating_add(other));
    sum.receipts = match (sum.receipts.take(), part.receipts) {
        (Some(mut one), Some(other)) => {
            one.add(other);
            Some(one)
        }
        // A value that only some of them have says nothing about the whole.
        _ => None,
    };
}

/// Returns when a run ended, in nanoseconds since 1970. A float can't hold that, but it can hold seconds into a run.
fn end(started: Timestamp, elapsed_s: f64) -> i128 {
    started.as_nanosecond() + units::from_secs(elapsed_s).as_nanos().min(i64::MAX as u128) as i128
}

/// Joins both if they differ: machines may name the same receiver differently.
fn all_of(one: &str, other: &str) -> String {
    let all: BTreeSet<&str> = one.split(", ").chain(other.split(", ")).collect();
    all.into_iter().collect::<Vec<_>>().join(", ")
}

/// CPU and connections add up. Memory is the maximum of any one, since their peaks need not have been at the same moment or
/// on the same machine. The busy share is the mean over all workers.
fn add_sender(sum: &mut Sender, workers: u32, part: &Sender, more: u32) {
    let (here, there) = (f64::from(workers), f64::from(more));
    if here + there > 0.0 {
        sum.busy = (sum.busy * here + part.busy * there) / (here + there);
    }
    sum.user_s += part.user_s;
    sum.system_s += part.system_s;
    sum.peak_bytes = sum.peak_bytes.max(part.peak_bytes);
    add_to(&mut sum.connections, part.connections);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::load::report::Failures;
    use crate::load::samples::{self, Model, STEADY};

    /// Merges reports under the names a.json, b.json, ...
    fn merge(reports: Vec<Report>) -> Result<Report, MergeError> {
        let names = ('a'..).map(|name| format!("{name}.json"));
        super::merge(names.zip(reports).collect(), false)
    }

    fn four() -> Vec<Report> {
        (0..4).map(|index| samples::shard(index, 4)).collect()
    }

    #[test]
    fn all_shards_are_the_whole() {
        let whole = Model { seconds: 5, unavailable: 100, ..STEADY }.report();
        let merged = merge(four()).unwrap();
        assert_eq!(merged.counts, whole.counts);
        assert_eq!(merged.statuses, whole.statuses);
        assert_eq!(merged.plan.rate, whole.plan.rate);
        assert_eq!((merged.plan.runs, merged.plan.shard, merged.plan.workers), (4, None, 4));
        assert_eq!(merged.merged.as_ref().unwrap().shards, [0, 1, 2, 3]);
        assert_eq!(merged.latency.planned.count(), whole.latency.planned.count());
        let planned =
            |report: &Report| report.series.iter().map(|interval| interval.planned).collect::<Vec<_>>();
        assert_eq!(planned(&merged), planned(&whole));
        assert!(merged.findings.iter().all(|finding| !finding.text.contains("missing")));
    }

    #[test]
    fn a_missing_shard_is_reported() {
        let mut parts = four();
        parts.remove(2);
        let merged = merge(parts.clone()).unwrap();
        assert!(merged.findings[0].text.starts_with("Shard 2 of 4 is missing"), "{:?}", merged.findings);
        assert!(merged.void.as_ref().is_some_and(|why| why.starts_with("Shard 2 of 4 is missing")));
        let named = || vec![("a.json".to_owned(), merged.clone())];
        let allowed = super::merge(named(), true).unwrap();
        assert_eq!((allowed.void, allowed.findings), (None, merged.findings.clone()));
        // Whoever allows it does so for that merge only.
        assert!(super::merge(named(), false).unwrap().void.is_some());
        parts.remove(0);
        let fewer = merge(parts).unwrap();
        assert!(fewer.findings[0].text.starts_with("2 of 4 shards are missing, among them 0"));
        // It may be merged later.
        let whole = merge(vec![merged, samples::shard(2, 4)]).unwrap();
        assert_eq!((&whole.counts, &whole.void), (&merge(four()).unwrap().counts, &None));
        assert!(whole.findings.iter().all(|finding| !finding.text.contains("missing")));
    }

    #[test]
    fn time_goes_from_the_first_start_to_the_last_end() {
        let (one, mut other) = (samples::shard(0, 2), samples::shard(1, 2));
        other.started += jiff::SignedDuration::from_secs(3);
        let end = other.elapsed_s + 3.0;
        let merged = merge(vec![other, one.clone()]).unwrap();
        assert_eq!(merged.started, one.started);
        assert!((merged.elapsed_s - end).abs() < 1e-6);
        assert!(merged.findings.iter().any(|finding| finding.text.contains("up to 3.00 s apart")));
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let message = |one: Report, other: Report| merge(vec![one, other]).unwrap_err().to_string();
        let shard = |index| samples::shard(index, 2);
        let with = |change: fn(&mut Report)| {
            let mut report = shard(1);
            change(&mut report);
            report
        };
        let texts = [
            message(samples::steady(), shard(0)),
            message(shard(0), shard(0)),
            message(shard(0), samples::shard(1, 3)),
            message(shard(0), with(|report| report.plan.rate = "9/s".to_owned())),
            message(shard(0), with(|report| report.plan.seed = 8)),
            message(shard(0), with(|report| report.plan.interval_ms = 100)),
            message(shard(0), with(|report| report.plan.stories[0].weight = 9)),
            message(shard(0), with(|report| report.search = samples::search().search)),
            merge(Vec::new()).unwrap_err().to_string(),
        ];
        insta::assert_snapshot!(texts.join("\n"));
    }

    #[test]
    fn a_report_alone_stays_itself() {
        let report = samples::stall();
        assert_eq!(merge(vec![report.clone()]).unwrap(), report);
    }

    #[test]
    fn wild_numbers_do_not_overflow() {
        let (mut one, mut other) = (samples::shard(0, 2), samples::shard(1, 2));
        for report in [&mut one, &mut other] {
            report.counts.sent = u64::MAX;
            report.elapsed_s = f64::INFINITY;
            report.series[0].in_flight = u64::MAX;
            report.errors.insert("reset".to_owned(), Failures { count: u64::MAX, first: String::new() });
        }
        assert_eq!(merge(vec![one, other]).unwrap().counts.sent, u64::MAX);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

        #[test]
        fn order_and_grouping_do_not_matter(
            order in Just(vec![0_u32, 1, 2, 3]).prop_shuffle(),
            cut in 1_usize..4,
            nested in any::<bool>(),
        ) {
            let parts: Vec<Report> = order.iter().map(|index| samples::shard(*index, 4)).collect();
            let (left, right) = parts.split_at(cut);
            let grouped = if nested {
                let mut sum = merge(vec![parts[0].clone()]).unwrap();
                for part in &parts[1..] {
                    sum = merge(vec![part.clone(), sum]).unwrap();
                }
                sum
            } else {
                merge(vec![merge(left.to_vec()).unwrap(), merge(right.to_vec()).unwrap()]).unwrap()
            };
            // Through files as well: a report that was written and read again merges alike.
            let read = Report::read(&grouped.write()).unwrap();
            let flat = merge(four()).unwrap();
            for report in [&grouped, &read] {
                prop_assert_eq!(&report.counts, &flat.counts);
                prop_assert_eq!(&report.statuses, &flat.statuses);
                prop_assert_eq!(&report.errors, &flat.errors);
                prop_assert_eq!(&report.latency, &flat.latency);
                prop_assert_eq!(&report.series, &flat.series);
                prop_assert_eq!(&report.plan, &flat.plan);
                prop_assert_eq!(report.elapsed_s, flat.elapsed_s);
                prop_assert_eq!(report.merged.as_ref().map(|merged| &merged.shards), Some(&vec![0, 1, 2, 3]));
            }
        }
    }
}
