//! How many events were unanswered when the plan ended, beside what is usual for the receiver: more than that means that a
//! queue has grown, however short the run was.

use super::data::{Interval, Report};

/// Share of the planned events by which a backlog may exceed the usual one.
const SPARE: f64 = 0.02;

/// The events that were unanswered when the plan ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Backlog {
    /// Number of events that were unanswered then, whether or not they had been sent.
    pub(crate) left: u64,
    /// Number of events that are unanswered at any moment if the receiver keeps up: the rate times the response time of the
    /// beginning (Little's law).
    pub(crate) usual: f64,
    planned: u64,
}

impl Backlog {
    /// Returns the backlog of a run with a plan.
    pub(crate) fn of(report: &Report) -> Self {
        let last = report.series.iter().rposition(|interval| interval.planned > 0);
        let series = last.and_then(|last| report.series.get(..=last)).unwrap_or_default();
        let sum = |part: &[Interval], of: fn(&Interval) -> u64| part.iter().map(of).sum::<u64>();
        let planned = sum(series, |interval| interval.planned);
        let ended = sum(series, |interval| interval.ok + interval.bad);
        // By the end, a queue makes the receiver look slower than it is.
        let early = &series[..series.len().div_ceil(4)];
        let took_s = match sum(early, |interval| interval.latency.count()) {
            0 => report.latency.sent.percentile(50.0).as_secs_f64(),
            answers => sum(early, |interval| interval.took_us) as f64 / 1e6 / answers as f64,
        };
        let usual = planned as f64 / report.plan.duration_s.max(1e-3) * took_s;
        Self { left: planned.saturating_sub(ended), usual, planned }
    }

    /// Whether it is larger than a receiver that keeps up would have it. The number in flight varies by its square root.
    pub(crate) fn has_grown(&self) -> bool {
        self.left as f64 > self.usual + 2.0 * self.usual.sqrt() + self.planned as f64 * SPARE + 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::samples::{Model, STEADY};

    /// A receiver that takes 2.65 ms for each event, one after the other: about 371 a second.
    const SERIAL: Model = Model { seconds: 5, servers: 1, service: |_| 2_650, ..STEADY };

    #[test]
    fn a_receiver_that_answers_too_few_has_a_backlog() {
        for (rate, has_grown) in [(300, false), (340, false), (394, true), (600, true)] {
            let backlog = Backlog::of(&Model { rate, ..SERIAL }.report());
            assert_eq!(backlog.has_grown(), has_grown, "{rate}/s: {backlog:?}");
        }
    }

    #[test]
    fn a_slow_receiver_that_keeps_up_has_none() {
        for service in [|_: f64| 40_000, |_| 400_000, |at| if at < 1.0 { 300_000 } else { 20_000 }] {
            let backlog = Backlog::of(&Model { seconds: 5, service, ..STEADY }.report());
            assert!(!backlog.has_grown(), "{backlog:?}");
        }
    }
}
