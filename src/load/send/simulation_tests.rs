//! Simulated stories on virtual time, against a receiver whose responses are scripted.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::Write as _;

use super::*;
use crate::contract::Catalog;
use crate::contract::signature::{Scheme, Signer};
use crate::delivery::{AttemptResult, Policy, ReceiverResponse};
use crate::language::{Arrivals, RateProfile, RateUnit};
use crate::load::compile::Context;
use crate::load::options::Protocol;
use crate::load::plan::{Curve, Mix, Pacer, Source};
use crate::load::report::{Plan, Report, Shard, Side, conclude};
use crate::load::samples;
use crate::load::send::RunStats;
use crate::load::send::run_stats::Recorder;
use crate::net::Target;
use crate::scenario::{Story, load};
use crate::seed::Seed;
use crate::settings::{Flags, Settings};

const MS: Duration = Duration::from_millis(1);

/// Two callbacks with a pause between them.
const STORY: &str = "[[steps]]\nsend = \"session.transfer\"\n[[steps]]\npause = \"50ms\"\n[[steps]]\nsend = \"session.end\"\n";

/// Runs stories at a rate for two seconds. Each turn of the sender takes `cost` for every request it makes, and `answers`
/// is how long the receiver takes.
fn run(rate: &str, cost: Duration, answers: Duration) -> RunStats {
    run_under(None, &[], 200, rate, cost, answers)
}

/// The same under a delivery policy and faults, to a receiver that responds with this status.
fn run_under(
    policy: Option<Policy>,
    faults: &[&str],
    status: u16,
    rate: &str,
    cost: Duration,
    answers: Duration,
) -> RunStats {
    let mut file = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
    file.write_all(STORY.as_bytes()).unwrap();
    let faults = faults.iter().copied().map(str::to_owned).collect();
    let mut settings = Settings::load(None, Flags { faults, ..Flags::default() }).unwrap();
    settings.policy = policy.unwrap_or(settings.policy);
    let catalog: Arc<Catalog> = Arc::clone(&settings.catalog);
    let loaded =
        load::load(file.path(), &catalog, &[]).unwrap_or_else(|problems| panic!("{}", problems.render()));
    let is_request = |id: &str| {
        catalog.get(id).is_some_and(|entry| entry.direction == crate::contract::Direction::Request)
    };
    let story = Arc::new(Story::compile(&loaded, settings.policy.clone(), is_request).unwrap());
    let signer = Signer::new(Scheme::default(), "secret");
    let target: Arc<Target> = Arc::new("http://127.0.0.1:9/hook".parse().unwrap());
    let context = Context {
        settings: &settings,
        catalog: &catalog,
        signer: &signer,
        route_signers: &[],
        target: Some(&target),
        target_wins: true,
        set: &[],
    };
    let options = Options {
        stories: vec![(story, 1)],
        unit: RateUnit::Events,
        arrivals: Arrivals::Even,
        count: None,
        in_flight: 256,
        workers: 1,
        timeout: 10_000 * MS,
        late: 10 * MS,
        drop_after: 10_000 * MS,
        seed: Seed(7),
        shard: Shard { index: 0, of: 1 },
        protocol: Protocol::Http1,
        simulated: true,
        serves: true,
        keeps_events: false,
        most_held_back: 0.2,
        start_at: None,
    };
    let started: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
    let RateProfile::Planned(segments) = rate.parse().unwrap() else { panic!("{rate} has no plan") };
    let curve = Arc::new(Curve::new(&segments, 2_000 * MS, 0.5));
    let pacer = Pacer::new(curve, Arrivals::Even, Seed(7), 0, 1, u64::MAX);
    let schedule = Schedule::new(Source::Open(Box::new(pacer)), Arc::new(Mix::new(&[(2, 1)])));
    let recorder = || Recorder::new(options.late, 100 * MS, options.shares(), 0).bounded(options.timeout);
    let keeper = Keeper::new(recorder(), started, false);
    let builder = context.builder(options.seed, options.in_flight as usize).sink(keeper.clone());
    let mut engine = builder.engine().unwrap();
    let mut simulation = Simulation::new(&mut engine, &options, &[], schedule, keeper.clone(), started);

    let mut now = Duration::ZERO;
    let mut under_way: BinaryHeap<Reverse<(Duration, u64)>> = BinaryHeap::new();
    let mut attempts: Vec<Arc<Attempt>> = Vec::new();
    loop {
        let turn = simulation.turn(&mut engine, now);
        for attempt in &turn.attempts {
            now += cost;
            keeper.lock().written(attempt.callback.id, now);
            under_way.push(Reverse((now + answers, attempts.len() as u64)));
            attempts.push(Arc::clone(attempt));
        }
        while let Some(Reverse((_, index))) = under_way.peek().copied().filter(|Reverse((at, _))| *at <= now)
        {
            under_way.pop();
            let response =
                ReceiverResponse { status, headers: Vec::new(), body: "{}".into(), truncated: false };
            let result = AttemptResult { result: Ok(response), elapsed: answers };
            engine.finish(&attempts[index as usize], result, started + now);
        }
        if !turn.attempts.is_empty() {
            continue;
        }
        let wake = turn.wake.map(|at| Duration::try_from(at.duration_since(started)).unwrap_or_default());
        let answer = under_way.peek().map(|Reverse((at, _))| *at);
        let next = [wake, answer].into_iter().flatten().min();
        match next {
            Some(next) if next < Duration::from_secs(3600) => now = now.max(next),
            _ if turn.has_begun_all && !keeper.lock().is_busy() => break,
            _ => panic!("nothing happens any more at {now:?}"),
        }
    }
    // However many there were, the engine keeps none of them.
    assert_eq!(engine.stories_over(), engine.stories().len());
    assert_eq!((engine.stories().forgotten(), engine.stories().iter().count()), (engine.stories_over(), 0));
    keeper.lock().close(now, recorder())
}

/// Builds the report of a run that was to have this rate for two seconds.
fn report(rate: f64, stats: RunStats) -> Report {
    let mut report = samples::steady();
    let RunStats { counts, statuses, errors, latency, series, stories, .. } = stats;
    let elapsed_s = series.len() as f64 * 0.1;
    report.plan = Plan {
        stories,
        rate: format!("{rate}/s"),
        duration_s: 2.0,
        interval_ms: 100,
        events: None,
        ..report.plan
    };
    report = Report { counts, statuses, errors, latency, series, elapsed_s, ..report };
    conclude(&mut report);
    report
}

fn is_found(report: &Report, side: Side) -> bool {
    report.findings.iter().any(|finding| finding.side == side)
}

#[test]
fn a_receiver_that_answers_at_once_is_quick_at_every_rate() {
    for (rate, events) in [("2000/s", 4_000), ("4000/s", 8_000)] {
        let stats = run(rate, Duration::from_micros(40), Duration::from_micros(200));
        assert_eq!((stats.counts.planned, stats.counts.ok), (events, events), "{rate}");
        assert!(stats.latency.sent.percentile(99.0) < 20 * MS, "{:?}", stats.latency.sent.percentile(99.0));
        assert!(stats.latency.lag.percentile(99.0) < 5 * MS, "{:?}", stats.latency.lag.percentile(99.0));
        assert_eq!(stats.counts.held_back, 0, "{rate}");
        let report = report(events as f64 / 2.0, stats);
        assert_eq!(report.void, None);
        assert!(
            !is_found(&report, Side::Sender) && !is_found(&report, Side::Receiver),
            "{:?}",
            report.findings
        );
    }
}

#[test]
fn what_a_fault_drops_ends_and_is_counted_apart() {
    let cost = Duration::from_micros(40);
    let stats = run_under(None, &["drop of session.end, every 2nd"], 200, "100/s", cost, MS);
    let counts = stats.counts;
    assert_eq!((counts.planned, counts.sent, counts.ok, counts.withheld), (200, 150, 150, 50));
    assert!(stats.errors.is_empty(), "{:?}", stats.errors);
    let of_rest = report(100.0, stats);
    assert_eq!((of_rest.void.clone(), of_rest.error_share()), (None, 0.0));
    assert!(!is_found(&of_rest, Side::Sender), "{:?}", of_rest.findings);

    let all = report(100.0, run_under(None, &["drop"], 200, "100/s", cost, MS));
    assert_eq!((all.counts.withheld, all.counts.sent, all.void.clone()), (200, 0, None));
    assert_eq!(all.findings.len(), 1, "{:?}", all.findings);
    assert_eq!(all.findings[0].text, "A fault dropped all of the 200 events, so nothing was measured.");
}

#[test]
fn what_goes_to_a_receiver_that_was_given_up_ends_as_failed() {
    let policy = Policy { disable_after: Some(500 * MS), ..Policy::once() };
    let stats = run_under(Some(policy), &[], 500, "100/s", Duration::from_micros(40), MS);
    let counts = stats.counts;
    assert_eq!((counts.planned, counts.sent, counts.ok), (200, 200, 0));
    assert!(counts.wrong_status > 40 && counts.failed > 100, "{counts:?}");
    assert_eq!(counts.wrong_status + counts.failed, 200);
    assert_eq!(stats.errors["disabled"].count, counts.failed);
    assert_eq!(report(100.0, stats).void, None);
}

#[test]
fn a_sender_that_is_the_limit_lags_and_leaves_the_receiver_alone() {
    // 500 us for each allow at most 2,000 a second, of 4,000.
    let stats = run("4000/s", Duration::from_micros(500), Duration::from_micros(200));
    assert_eq!(stats.counts.ok, 8_000);
    // The receiver's time is not distorted, except by half a turn of the sender before it looks.
    assert!(stats.latency.sent.percentile(99.0) < 20 * MS, "{:?}", stats.latency.sent.percentile(99.0));
    // The sender's time is in its own column, and is long enough to make the run void.
    assert!(stats.latency.lag.percentile(99.0) > 1_000 * MS, "{:?}", stats.latency.lag.percentile(99.0));
    assert!(stats.counts.held_back > 4_000, "{}", stats.counts.held_back);
    let report = report(4_000.0, stats);
    assert!(
        report.void.as_ref().is_some_and(|why| why.starts_with("the sender was the limit")),
        "{:?}",
        report.void
    );
    assert!(is_found(&report, Side::Sender) && !is_found(&report, Side::Receiver), "{:?}", report.findings);
}

#[test]
fn from_sending_counts_from_the_write_of_each_request() {
    // A sender so slow that the requests of one turn are written over 80 ms.
    let cost = 5 * MS;
    let stats = run("400/s", cost, Duration::from_micros(200));
    let sent = &stats.latency.sent;
    // The last request of a turn is written right before the responses are checked, the first one a whole turn before.
    // Measured from the moment when they were taken up together, all of them would have taken the whole turn.
    assert!(sent.percentile(5.0) < 2 * cost, "{:?}", sent.percentile(5.0));
    let half = sent.percentile(50.0);
    assert!((6 * cost..10 * cost).contains(&half), "{half:?}");
    assert!(sent.max() < 17 * cost, "{:?}", sent.max());
}

#[test]
fn a_slow_receiver_is_what_is_slow() {
    // 300 ms each: 600 would be in flight, of which 256 may.
    let stats = run("2000/s", Duration::from_micros(10), 300 * MS);
    assert!(stats.latency.sent.percentile(50.0) >= 300 * MS);
    assert!(stats.counts.late > 1_000, "{}", stats.counts.late);
    assert_eq!(stats.counts.held_back, 0);
}
