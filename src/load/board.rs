//! Live figures of a load run for the control surface.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::report::Snapshot;
use super::send::Job;
use crate::language::RateProfile;
use crate::mock::{LoadCounts, LoadPoint, LoadRun, LoadRuns};
use crate::sync::lock;

/// Maximum number of points that are kept: in a longer run every other one is removed.
const MOST_POINTS: usize = 480;

/// The figures of a run.
#[derive(Debug)]
pub(super) struct Board(Mutex<Kept>);

#[derive(Debug)]
struct Kept {
    /// Everything but its points.
    run: LoadRun,
    points: Vec<LoadPoint>,
    /// The counts at the last point.
    before: Snapshot,
    /// Time between two points.
    every: Duration,
}

impl Board {
    /// Creates the figures of a run that begins.
    pub(super) fn new(rate: &RateProfile, job: &Job) -> Arc<Self> {
        let options = &job.options;
        let run = LoadRun {
            stories: options.stories.iter().map(|(story, _)| story.name.clone()).collect(),
            target: job.target.to_string(),
            rate: rate.to_string(),
            unit: options.unit.as_str().to_owned(),
            duration_s: job.duration.as_secs_f64(),
            in_flight_limit: options.in_flight.into(),
            ..LoadRun::default()
        };
        Arc::new(Self(Mutex::new(Kept {
            run,
            points: Vec::new(),
            before: Snapshot::default(),
            every: Duration::ZERO,
        })))
    }

    /// Records the current state.
    pub(super) fn note(&self, now: &Snapshot) {
        lock(&self.0).note(now);
    }
}

impl LoadRuns for Board {
    fn now(&self) -> LoadRun {
        let kept = lock(&self.0);
        LoadRun { points: kept.points.clone(), ..kept.run.clone() }
    }
}

impl Kept {
    fn note(&mut self, now: &Snapshot) {
        let counts = now.counts;
        let millis = |time: Duration| time.as_secs_f64() * 1e3;
        let run = &mut self.run;
        run.at_s = now.at.as_secs_f64();
        run.counts = LoadCounts {
            planned: counts.planned,
            sent: counts.sent,
            ok: counts.ok,
            wrong_status: counts.wrong_status,
            timed_out: counts.timed_out,
            failed: counts.failed,
            dropped: counts.dropped,
            withheld: counts.withheld,
            late: counts.late,
        };
        run.in_flight = now.in_flight;
        run.per_second = now.rate;
        (run.p50_ms, run.p99_ms) = (millis(now.p50), millis(now.p99));
        run.cpu = now.cpu;
        let Some(passed) = now.at.checked_sub(self.before.at).filter(|passed| !passed.is_zero()) else {
            return;
        };
        if passed < self.every {
            return;
        }
        let per_second = |count: u64, before: u64| count.saturating_sub(before) as f64 / passed.as_secs_f64();
        let before = self.before.counts;
        self.points.push(LoadPoint {
            at_s: run.at_s,
            planned: per_second(counts.planned, before.planned),
            ok: per_second(counts.ok, before.ok),
            bad: per_second(counts.bad(), before.bad()),
            in_flight: now.in_flight,
            p50_ms: run.p50_ms,
            p99_ms: run.p99_ms,
        });
        self.before = *now;
        if self.points.len() > MOST_POINTS {
            let mut at = 0;
            self.points.retain(|_| {
                at += 1;
                at % 2 == 0
            });
            // Less than the distance of the remaining points, so that a tick that comes a little early still counts.
            self.every = now.at / u32::try_from(MOST_POINTS).unwrap_or(u32::MAX) * 3 / 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::report::Counts;

    fn kept() -> Kept {
        Kept {
            run: LoadRun::default(),
            points: Vec::new(),
            before: Snapshot::default(),
            every: Duration::ZERO,
        }
    }

    fn at(millis: u64, planned: u64) -> Snapshot {
        let counts = Counts { planned, sent: planned, ok: planned - 1, dropped: 1, ..Counts::default() };
        Snapshot { at: Duration::from_millis(millis), counts, ..Snapshot::default() }
    }

    #[test]
    fn points_are_rates_between_two_looks() {
        let mut kept = kept();
        kept.note(&at(0, 1));
        kept.note(&at(500, 101));
        kept.note(&at(500, 101));
        kept.note(&at(1_000, 301));
        let rates: Vec<(f64, f64)> = kept.points.iter().map(|point| (point.planned, point.bad)).collect();
        assert_eq!(rates, [(202.0, 2.0), (400.0, 0.0)]);
        assert_eq!((kept.run.counts.planned, kept.run.at_s), (301, 1.0));
    }

    #[test]
    fn a_long_run_has_no_more_points_and_none_of_its_events_is_lost() {
        let mut kept = kept();
        let looks = 20_000;
        for look in 1..=looks {
            kept.note(&at(look * 250, look * 10));
        }
        assert!((100..=MOST_POINTS).contains(&kept.points.len()), "{}", kept.points.len());
        assert!(kept.points.iter().all(|point| (point.planned - 40.0).abs() < 0.5), "{:?}", kept.points);
        let last = kept.points.last().unwrap().at_s;
        assert!(last > 4_900.0, "{last}");
    }
}
