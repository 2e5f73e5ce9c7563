//! The search for the highest rate that holds: doubles until a rate does not hold, then halves the gap.

use std::time::Duration;

use super::report::{Backlog, Finding, Probe, Report, Search, Slo};
use crate::time::HumanDuration;

/// Ratio at which the search ends, between the lowest rate that did not hold and the highest that did: 2 %.
const CLOSE: f64 = 1.02;

/// Maximum number of probes.
const MOST_PROBES: usize = 40;

/// Minimum share of events that must be answered as wanted for a rate to hold, in addition to all other conditions.
const KEEPS_UP: f64 = 0.98;

/// Length from which on a probe tells rates apart that differ by a few percent.
const LONG_ENOUGH: Duration = Duration::from_secs(2);

/// Share of its cores from which the sender may be the bottleneck.
const BUSY: f64 = 0.9;

/// Searches, starting at a rate. `probe` probes one rate and returns nothing if it is interrupted.
pub(crate) async fn search(
    slo: &str,
    start: f64,
    mut probe: impl AsyncFnMut(f64) -> Option<Probe>,
) -> Search {
    let mut found = Search { slo: slo.to_owned(), best: 0.0, probes: Vec::new() };
    let mut rate = start;
    let mut lowest_bad: Option<f64> = None;
    while found.probes.len() < MOST_PROBES {
        let Some(probed) = probe(rate).await else { break };
        let (held, is_silent) = (probed.held, probed.achieved == 0.0);
        found.probes.push(probed);
        // The receiver does not answer at all: a lower rate will not change that.
        if is_silent && found.best == 0.0 {
            break;
        }
        if held {
            found.best = found.best.max(rate);
        } else {
            lowest_bad = Some(lowest_bad.map_or(rate, |bad| bad.min(rate)));
        }
        rate = match lowest_bad {
            None => rate * 2.0,
            // No rate has held yet: go down by halves, to at least one event in ten seconds.
            Some(bad) if found.best == 0.0 && bad > 0.1 => bad / 2.0,
            Some(bad) if found.best > 0.0 && bad / found.best > CLOSE => f64::midpoint(found.best, bad),
            Some(_) => break,
        };
        rate = readable(rate);
    }
    found
}

/// Rounds a rate to few digits: integers from 100 on, below that tenths or hundredths.
fn readable(rate: f64) -> f64 {
    let unit = match rate {
        100.0.. => 1.0,
        10.0.. => 10.0,
        _ => 100.0,
    };
    (rate * unit).round() / unit
}

/// Judges a probed rate by its report.
pub(crate) fn judge(report: &Report, rate: f64, slo: &Slo) -> Probe {
    let achieved = report.throughput();
    let latency = report.latency.planned.percentile(99.0);
    let counts = &report.counts;
    let keeps_up = counts.ok as f64 >= counts.wanted() as f64 * KEEPS_UP;
    let backlog = Backlog::of(report);
    let mut why = match (slo.check(report), &report.void) {
        (Err(breaches), _) => Some(breaches.to_string()),
        // A rate that this side could not send as planned says nothing about the receiver.
        (Ok(()), Some(void)) => Some(void.clone()),
        (Ok(()), None) if !keeps_up => {
            Some(format!("only {} of {} events were answered as expected", counts.ok, counts.wanted()))
        }
        (Ok(()), None) if backlog.has_grown() => Some(format!(
            "a queue grew: {} events were unanswered when the plan ended, instead of about {:.0}",
            backlog.left, backlog.usual
        )),
        (Ok(()), None) => None,
    };
    if let Some(why) = &mut why
        && report.sender.busy > BUSY
    {
        why.push_str("; the sender was at its own limit, give it more --workers or a machine of its own");
    }
    Probe {
        rate,
        achieved,
        p99_us: u64::try_from(latency.as_micros()).unwrap_or(u64::MAX),
        errors: report.error_share(),
        held: why.is_none(),
        why: why.unwrap_or_default(),
    }
}

/// Warns of probes in which a queue has hardly time to grow.
pub(crate) fn too_short(probe: Duration) -> Option<Finding> {
    (probe < LONG_ENOUGH).then(|| {
        let (probe, enough) = (HumanDuration(probe), HumanDuration(LONG_ENOUGH));
        Finding::run(format!(
            "The probes were only {probe} long, in which a queue has hardly time to grow: the rate that was found may be too \
             high. Use at least `--duration {enough}`."
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::report::samples::{self, Model, STEADY};

    #[test]
    fn a_rate_that_is_only_answered_later_does_not_hold() {
        let slo: Slo = "p99<1s,errors<1%".parse().unwrap();
        // About 371 a second: at 394 a second all are answered within the limit, but a queue grows.
        let at = |rate| Model { rate, seconds: 5, servers: 1, service: |_| 2_650, ..STEADY }.report();
        let probe = judge(&at(394), 394.0, &slo);
        assert!(!probe.held && probe.why.starts_with("a queue grew: "), "{probe:?}");
        assert!(judge(&at(340), 340.0, &slo).held);
    }

    #[test]
    fn short_probes_are_warned_of() {
        assert!(too_short(Duration::from_secs(1)).unwrap().text.contains("only 1s long"));
        assert_eq!(too_short(Duration::from_secs(5)), None);
    }

    #[test]
    fn a_void_probe_does_not_hold() {
        let slo: Slo = "errors<1%".parse().unwrap();
        let mut report = samples::steady();
        assert!(judge(&report, 500.0, &slo).held);
        report.void = Some("the sender was the limit".to_owned());
        let probe = judge(&report, 500.0, &slo);
        assert!(!probe.held && probe.why.contains("the sender was the limit"), "{}", probe.why);
    }

    async fn limit(limit: f64, start: f64) -> Search {
        let found = search("p99<50ms", start, async |rate| {
            let held = rate <= limit;
            Some(Probe { rate, achieved: rate.min(limit), p99_us: 1, errors: 0.0, held, why: String::new() })
        });
        found.await
    }

    #[tokio::test]
    async fn any_limit_is_found() {
        for wanted in [0.7, 3.0, 99.0, 100.0, 101.0, 1234.0, 56_789.0, 1e6] {
            for start in [1.0, 100.0, 5000.0] {
                let found = limit(wanted, start).await;
                assert!(
                    found.best <= wanted && found.best > wanted * 0.97,
                    "{wanted} from {start}: {}",
                    found.best
                );
                assert!(found.probes.len() < MOST_PROBES, "{wanted} from {start}");
            }
        }
    }

    #[tokio::test]
    async fn a_receiver_that_never_holds_ends_the_search() {
        let found = limit(0.0, 100.0).await;
        assert_eq!(found.best, 0.0);
        assert!(found.probes.len() < 15);
    }

    #[tokio::test]
    async fn an_interruption_keeps_what_was_found() {
        let mut left = 3;
        let found = search("", 100.0, async |rate| {
            left -= 1;
            let probe =
                Probe { rate, achieved: rate, p99_us: 1, errors: 0.0, held: true, why: String::new() };
            (left >= 0).then_some(probe)
        });
        let found = found.await;
        assert_eq!((found.best, found.probes.len()), (400.0, 3));
    }
}
