//! Whether the figures of a run are reliable: if not, they are void, and every heading says so.

use super::data::{Interval, Merged, Report};
use super::units::{count, millis, percent, plural, share};

/// Returns counts that belong together but are not equal, in words; `None` if all balance.
pub(super) fn imbalance(report: &Report) -> Option<String> {
    let counts = &report.counts;
    let sum = |parts: &[u64]| parts.iter().fold(0_u64, |sum, part| sum.saturating_add(*part));
    let series = |of: fn(&Interval) -> u64| report.series.iter().map(of).fold(0, u64::saturating_add);
    let statuses = report.statuses.values().copied().fold(0, u64::saturating_add);
    let errors = report.errors.values().map(|failures| failures.count).fold(0, u64::saturating_add);
    let answered = sum(&[counts.ok, counts.wrong_status]);
    let unanswered = sum(&[counts.failed, counts.timed_out, counts.unfinished]);
    let bad = sum(&[counts.wrong_status, unanswered, counts.dropped]);
    let ends = sum(&[answered, unanswered, counts.dropped, counts.withheld]);
    let pairs = [
        ("planned", counts.planned, "answered + failed + timed_out + unfinished + dropped + withheld", ends),
        ("sent", counts.sent, "answered + failed + timed_out + unfinished", sum(&[answered, unanswered])),
        ("ok + wrong_status", answered, "all statuses", statuses),
        ("failed + timed_out + unfinished", unanswered, "all errors", errors),
        (
            "planned - withheld",
            counts.wanted(),
            "planned of all intervals",
            series(|interval| interval.planned),
        ),
        ("sent", counts.sent, "sent of all intervals", series(|interval| interval.sent)),
        ("ok", counts.ok, "ok of all intervals", series(|interval| interval.ok)),
        ("not ok", bad, "bad of all intervals", series(|interval| interval.bad)),
        ("planned", counts.planned, "events of the plan", report.plan.events.unwrap_or(counts.planned)),
    ];
    let wrong = pairs.iter().filter(|(_, left, _, right)| left != right);
    let wrong: Vec<String> = wrong
        .map(|(left, a, right, b)| format!("{left} is {}, {right} is {}", count(*a), count(*b)))
        .collect();
    (!wrong.is_empty()).then(|| wrong.join("; "))
}

/// Returns the share of the planned events that the sender held back, though they were free to go.
pub(super) fn held_back(report: &Report) -> f64 {
    report.counts.held_back as f64 / (report.counts.wanted() as f64).max(1.0)
}

/// Returns why a run is void; `None` if it is not.
pub(super) fn void(report: &Report) -> Option<String> {
    let plan = &report.plan;
    // A closed loop has no plan to fall behind.
    let is_open = plan.arrivals != "closed";
    if let Some(wrong) = imbalance(report) {
        return Some(format!("the counts do not balance: {wrong}"));
    }
    if let Some(missing) =
        report.merged.as_ref().filter(|merged| !merged.allows_missing).and_then(Merged::missing)
    {
        return Some(format!("{missing} (`merge --allow-missing` accepts that)"));
    }
    (is_open && held_back(report) > plan.most_held_back).then(|| {
        let (held, wanted) = (report.counts.held_back, report.counts.wanted());
        let late = millis(plan.late_ms);
        let most = percent(plan.most_held_back * 100.0);
        format!(
            "the sender was the limit: it held back {} of {} ({}) by more than {late}, but only {most} is allowed",
            count(held),
            plural(wanted, "event"),
            share(held, wanted)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::samples::{self, Model, STEADY};

    #[test]
    fn what_balances_is_not_void() {
        for report in [samples::steady(), samples::stall(), samples::refused(), samples::empty()] {
            assert_eq!(void(&report), None);
        }
    }

    #[test]
    fn every_planted_imbalance_voids_the_run() {
        let plants: [fn(&mut Report); 9] = [
            |report| report.counts.planned += 1,
            |report| report.counts.ok -= 1,
            |report| report.counts.dropped += 1,
            |report| report.counts.unfinished += 1,
            |report| report.counts.withheld += 1,
            |report| *report.statuses.get_mut(&200).unwrap() -= 1,
            |report| report.series[3].sent += 1,
            |report| report.series[3].bad += 1,
            |report| report.plan.events = Some(report.counts.planned + 1),
        ];
        for (index, plant) in plants.into_iter().enumerate() {
            let mut report = samples::steady();
            plant(&mut report);
            let why = void(&report).unwrap_or_else(|| panic!("plant {index}"));
            assert!(why.starts_with("the counts do not balance: "), "{why}");
        }
    }

    #[test]
    fn a_sender_that_is_the_limit_voids_the_run() {
        // 2.5 ms for each of 500/s are more than a second has.
        let report = Model { cost: 2_500.0, ..STEADY }.report();
        let why = void(&report).unwrap();
        assert!(why.starts_with("the sender was the limit: it held back "), "{why}");
        let mut allowed = report;
        allowed.plan.most_held_back = 1.0;
        assert_eq!(void(&allowed), None);
        // A slow receiver does not make a run void.
        let slow = Model { in_flight: 40, service: |_| 200_000, ..STEADY }.report();
        assert!(slow.counts.late + slow.counts.dropped > slow.counts.planned / 2);
        assert_eq!(void(&slow), None);
    }
}
