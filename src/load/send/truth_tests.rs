//! The arithmetic of a run, on virtual time, against receivers whose responses are scripted.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use super::run_stats::{Outcome, Recorder, RunStats};
use crate::language::rate::Segment;
use crate::language::{Arrivals, RateProfile};
use crate::load::plan::{Curve, Event, Mix, Next, Pacer, Schedule, Source};
use crate::load::report::Share;
use crate::seed::Seed;

const MS: Duration = Duration::from_millis(1);

/// Returns when an event that is written at a moment is answered, and how.
type Receiver = dyn Fn(Duration) -> (Duration, Outcome);

/// Does what a worker does, with a simulated clock and receiver.
fn run(
    rate: &str,
    duration: Duration,
    slots: usize,
    drop_after: Duration,
    steps: usize,
    receiver: &Receiver,
) -> RunStats {
    let mix = Arc::new(Mix::new(&[(steps, 1)]));
    let source = match rate.parse().unwrap() {
        RateProfile::Max => Source::Closed { next: 0, stride: 1, limit: u64::MAX, until: duration },
        RateProfile::Planned(segments) => {
            let curve = Arc::new(Curve::new(&segments, duration, 1.0));
            Source::Open(Box::new(Pacer::new(curve, Arrivals::Even, Seed(1), 0, 1, u64::MAX)))
        }
    };
    let mut schedule = Schedule::new(source, mix);
    let mut recorder = Recorder::new(10 * MS, 1000 * MS, vec![Share::default()], 0);
    let mut busy: BinaryHeap<Reverse<(Duration, u64)>> = BinaryHeap::new();
    let mut flights: Vec<Option<(Event, Duration, Outcome)>> = Vec::new();
    let mut now = Duration::ZERO;
    let mut following: Vec<Event> = Vec::new();
    loop {
        let mut wake = None;
        let mut over = false;
        loop {
            recorder.drop_overdue(&mut schedule, now, drop_after);
            if busy.len() >= slots {
                break;
            }
            let next = match following.pop() {
                Some(event) => Next::Release(event),
                None => schedule.next(now),
            };
            match next {
                Next::Release(event) => {
                    recorder.release(&event, now);
                    let (answered, outcome) = receiver(now);
                    busy.push(Reverse((answered, flights.len() as u64)));
                    flights.push(Some((event, now, outcome)));
                }
                Next::Wait(due) => {
                    wake = Some(due);
                    break;
                }
                Next::Over => {
                    over = true;
                    break;
                }
            }
        }
        let answer = busy.peek().map(|Reverse((at, _))| *at);
        now = match (answer, wake) {
            (None, None) if over => return recorder.close(),
            (answer, wake) => answer.into_iter().chain(wake).min().unwrap(),
        };
        while let Some(Reverse((at, flight))) = busy.peek().copied() {
            if at > now {
                break;
            }
            busy.pop();
            let (event, released, outcome) = flights[flight as usize].take().unwrap();
            recorder.end(&event, released, now, outcome);
            following.extend(event.following(released, now, |_| Duration::ZERO));
        }
    }
}

fn planned(rate: &str) -> Vec<Segment> {
    match rate.parse().unwrap() {
        RateProfile::Planned(segments) => segments,
        RateProfile::Max => panic!("{rate} has no plan"),
    }
}

fn ok(at: Duration) -> (Duration, Outcome) {
    (at, Outcome::Ok(200))
}

/// Stands still within the fifth second, otherwise answers within a millisecond.
fn freezing(at: Duration) -> (Duration, Outcome) {
    let (from, to) = (4000 * MS, 5000 * MS);
    ok(if (from..to).contains(&at) { to + MS } else { at + MS })
}

fn sums(stats: &RunStats) {
    let counts = &stats.counts;
    assert_eq!(counts.planned, counts.sent + counts.dropped);
    let ended = counts.ok + counts.wrong_status + counts.failed + counts.timed_out + counts.unfinished;
    assert_eq!(counts.sent, ended);
    let series = |pick: fn(&crate::load::report::Interval) -> u64| stats.series.iter().map(pick).sum::<u64>();
    assert_eq!(series(|interval| interval.planned), counts.planned);
    assert_eq!(series(|interval| interval.sent), counts.sent);
    assert_eq!(series(|interval| interval.ok), counts.ok);
    assert_eq!(series(|interval| interval.bad), counts.planned - counts.ok);
    assert_eq!(series(|interval| interval.latency.count()), stats.latency.planned.count());
}

#[test]
fn a_stall_shows_from_the_planned_instant_and_hides_from_the_sending() {
    let stats = run("1000/s", 10_000 * MS, 32, 10_000 * MS, 1, &freezing);
    sums(&stats);
    assert_eq!((stats.counts.planned, stats.counts.ok, stats.counts.dropped), (10_000, 10_000, 0));
    // The events of the lost second waited for the rest of it: a tenth of them more than 0.9 s, which is a hundredth of all
    // events.
    let planned = &stats.latency.planned;
    assert!((900 * MS..=905 * MS).contains(&planned.percentile(99.0)), "{:?}", planned.percentile(99.0));
    assert!((1000 * MS..=1003 * MS).contains(&planned.max()), "{:?}", planned.max());
    assert_eq!(planned.percentile(50.0), MS);
    // Only the events in flight waited after they were sent: 32 of 10,000.
    assert_eq!(stats.latency.sent.percentile(99.0), MS);
    assert!((990 * MS..=995 * MS).contains(&stats.latency.sent.percentile(99.9)));
    // All other events of that second were late, and those that became due while they were sent.
    assert!((950..=1_000).contains(&stats.counts.late), "{}", stats.counts.late);
    // The difference is the lag.
    assert_eq!(stats.latency.lag.percentile(50.0), MS / 1000);
    assert!(stats.latency.lag.max() > 950 * MS);
}

#[test]
fn a_closed_loop_hides_the_stall() {
    let stats = run("max", 10_000 * MS, 1, 10_000 * MS, 1, &freezing);
    sums(&stats);
    // Nine seconds of one response per millisecond, and one second in which the test stood still with its receiver.
    assert_eq!(stats.counts.ok, 9_000);
    assert_eq!(stats.latency.planned.percentile(99.9), MS);
    assert_eq!(stats.latency.planned.max(), stats.latency.sent.max());
}

#[test]
fn a_receiver_that_is_too_slow_makes_events_wait_and_then_be_dropped() {
    // 4 at a time of 10 ms each are 400 a second, half of what is requested.
    let slow = |at: Duration| ok(at + 10 * MS);
    let stats = run("800/s", 10_000 * MS, 4, 1_000 * MS, 1, &slow);
    sums(&stats);
    assert_eq!(stats.counts.planned, 8_000);
    // It answers 400 a second for the ten seconds and the one in which the last are still sent.
    assert!((3_550..=3_650).contains(&stats.counts.dropped), "{}", stats.counts.dropped);
    assert!(
        (1000 * MS..=1011 * MS).contains(&stats.latency.planned.max()),
        "{:?}",
        stats.latency.planned.max()
    );
    // Histograms distinguish times to a thousandth.
    assert!((10 * MS..=10 * MS + MS / 100).contains(&stats.latency.sent.max()));
}

#[test]
fn what_is_due_at_the_moment_of_an_interruption_is_no_longer_planned() {
    let curve = Arc::new(Curve::new(&planned("100/s"), 1_000 * MS, 1.0));
    let source = Source::Open(Box::new(Pacer::new(curve, Arrivals::Even, Seed(1), 0, 1, u64::MAX)));
    let mut schedule = Schedule::new(source, Arc::new(Mix::new(&[(1, 1)])));
    let mut recorder = Recorder::new(10 * MS, 1000 * MS, vec![Share::default()], 0);
    let now = 55 * MS;
    for _ in 0..2 {
        let Next::Release(event) = schedule.next(now) else { panic!("it is due") };
        recorder.release(&event, now);
        recorder.end(&event, now, now, Outcome::Ok(200));
    }
    // Of the events of 20, 30, 40 and 50 ms, the last one was due only now.
    recorder.interrupt(&mut schedule, now);
    let counts = recorder.close().counts;
    assert_eq!((counts.planned, counts.ok, counts.dropped), (5, 2, 3));
}

#[test]
fn the_steps_of_an_iteration_follow_each_other() {
    let quick = |at: Duration| ok(at + 2 * MS);
    let stats = run("100/s", 1_000 * MS, 8, 1_000 * MS, 3, &quick);
    sums(&stats);
    assert_eq!((stats.counts.planned, stats.stories[0].started), (300, 100));
    // Each is due when the one before it was answered.
    assert_eq!(stats.latency.planned.max(), 2 * MS);
}

#[test]
fn every_end_has_its_own_count() {
    let mixed = |at: Duration| {
        let outcome = match at.as_millis() % 4 {
            0 => Outcome::Ok(204),
            1 => Outcome::Wrong(500),
            2 => Outcome::TimedOut("slow".to_owned()),
            _ => Outcome::Failed("refused", "nobody".to_owned()),
        };
        (at + MS, outcome)
    };
    let stats = run("1000/s", 1_000 * MS, 8, 1_000 * MS, 1, &mixed);
    sums(&stats);
    let counts = &stats.counts;
    assert_eq!([counts.ok, counts.wrong_status, counts.timed_out, counts.failed], [250; 4]);
    assert_eq!(stats.statuses.into_iter().collect::<Vec<_>>(), [(204, 250), (500, 250)]);
    let errors: Vec<_> = stats.errors.iter().map(|(class, errors)| (class.as_str(), errors.count)).collect();
    assert_eq!(errors, [("refused", 250), ("timeout", 250)]);
    // Events without a response are in no distribution; timed-out events are, with the time waited.
    assert_eq!(stats.latency.planned.count(), 750);
}
