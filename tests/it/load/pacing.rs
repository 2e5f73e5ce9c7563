//! When events go out: by the plan, whatever the receiver does.

use std::thread;
use std::time::Duration;

use super::harness::{each, load, number};
use super::receiver::{OK, Receiver, answer};

#[test]
fn a_constant_rate_fills_its_whole_time() {
    let receiver = Receiver::new();
    let run = load(&receiver.url(), &["--rate", "1000/s", "--duration", "2s"]);
    run.assert_all_well(2000);
    let arrived = receiver.arrived();
    assert_eq!(arrived.len(), 2000);
    let took = arrived[1999].at - arrived[0].at;
    assert!((Duration::from_millis(1900)..Duration::from_millis(3000)).contains(&took), "{took:?}");
    // Half of them in about half of the time: they come evenly, not in heaps.
    let half = arrived[1000].at - arrived[0].at;
    assert!((Duration::from_millis(800)..Duration::from_millis(1600)).contains(&half), "{half:?}");
}

#[test]
fn ramps_and_steps_come_to_as_many_as_planned() {
    each(
        [
            ("0/s..400/s", "400ms", 80),
            ("100/s for 200ms, 300/s for 200ms", "400ms", 80),
            ("100/s~300/s every 200ms", "400ms", 80),
            ("6000/m", "400ms", 40),
        ],
        |(rate, duration, count)| {
            let receiver = Receiver::new();
            load(&receiver.url(), &["--rate", rate, "--duration", duration]).assert_all_well(count);
            assert_eq!(receiver.count(), count, "{rate}");
        },
    );
}

#[test]
fn the_length_of_the_stages_is_that_of_the_run() {
    let receiver = Receiver::new();
    load(&receiver.url(), &["--rate", "100/s for 300ms, 200/s for 300ms"]).assert_all_well(90);
}

#[test]
fn random_arrivals_are_as_many_as_chance_allows_and_the_same_for_a_seed() {
    let receiver = Receiver::new();
    let planned = |seed: &str| {
        let args = ["--rate", "2000/s", "--duration", "250ms", "--arrivals", "poisson", "--seed", seed];
        let run = load(&receiver.url(), &args);
        let count = run.count("planned");
        run.assert_all_well(count);
        count
    };
    let counts = ["1", "2", "3"].map(planned);
    // Six standard deviations around 500.
    assert!(counts.iter().all(|count| (366..=634).contains(count)), "{counts:?}");
    assert_eq!(planned("1"), counts[0]);
    assert!(counts.iter().any(|count| *count != 500), "{counts:?}");
}

#[test]
fn a_receiver_that_freezes_shows_in_the_latency_from_the_planned_instant() {
    let first = std::sync::OnceLock::new();
    let freezing = move || {
        // A second after the first event, for a second: everybody waits for the same moment.
        let at = first.get_or_init(std::time::Instant::now).elapsed();
        let (from, to) = (Duration::from_secs(1), Duration::from_secs(2));
        if at >= from && at < to {
            thread::sleep(to - at);
        }
    };
    let receiver = Receiver::with(move |stream, _| {
        freezing();
        answer(stream, OK)
    });
    let run = load(&receiver.url(), &["--rate", "500/s", "--duration", "3s", "--in-flight", "64"]);
    run.assert_all_well(1500);
    let latency = &run.report["latency"];
    // A third of the events was planned while it stood still; a generator that waits for answers would see 64 slow ones.
    let (p99, p75) = (number(&latency["planned"]["p99"]), number(&latency["planned"]["p75"]));
    assert!(p99 > 700_000, "{latency}");
    assert!(p75 > 50_000, "{latency}");
    assert!(number(&latency["sent"]["p90"]) < p99 / 2, "{latency}");
    assert!(run.count("late") > 200, "{}", run.report["counts"]);
}
