//! Under any mix of faults the sums match a receiver's counts, and equal runs are equal.

use std::sync::atomic::{AtomicU64, Ordering as Atomic};

use rand::RngExt;

use super::*;
use crate::content::Country;
use crate::delivery::Totals;
use crate::faults::FaultName;
use crate::journal::Lines;
use crate::scenario::Body;

/// Every entry, as written in a record.
#[derive(Clone, Default)]
struct Recorded(Arc<Mutex<Vec<String>>>);

impl Sink for Recorded {
    fn entry(&mut self, entry: &Entry) {
        let lines = Lines { whole: true, ..Lines::default() };
        self.0.lock().unwrap().push(Value::Object(lines.line(entry)).to_string());
    }
}

/// Sends 30 callbacks in three conversations under six faults to a receiver that fails now and then. Returns the totals, the
/// numbers of attempts and of accepted callbacks counted by the receiver, and the record.
async fn mixed(seed: u64) -> (Totals, u64, u64, Vec<String>) {
    let happens = |name: &&FaultName| name.is_of_callbacks() && **name != FaultName::Elsewhere;
    let names: Vec<FaultName> = FaultName::ALL.iter().filter(happens).copied().collect();
    let mut rng = Seed(seed).stream("mix", 0);
    let faults: Vec<String> = (0..6)
        .map(|_| {
            let name = names[rng.random_range(0..names.len())];
            format!("'{name} {}%'", rng.random_range(5..60))
        })
        .collect();
    let settings = format!(
        "faults = [{}]\n[delivery]\nattempts = 3\nconcurrency = 2\npause_after = 4\npause = '20s'\n",
        faults.join(", ")
    );
    let recorded = Recorded::default();
    let options = Options { max_in_flight: 1, seed: Seed(seed), ..Options::default() };
    let engine = Builder::with(Prepared::new(Settings::from_text(&settings).unwrap()), options)
        .callback_url("http://127.0.0.1:9/hook")
        .sink(recorded.clone())
        .engine()
        .unwrap();
    let epoch = "2030-01-01T00:00:00Z".parse().unwrap();
    let client = Client::new(ClientOptions::default()).unwrap();
    let driver = Driver::new(
        engine,
        Clock::starting(epoch, Speed::Max),
        client,
        Clients::Closed,
        Pace::default(),
        None,
    );
    let (came, accepted) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let (count, taken) = (Arc::clone(&came), Arc::clone(&accepted));
    let receiver: Receiver = Box::new(move |attempt| {
        count.fetch_add(1, Atomic::Relaxed);
        let number = attempt.callback.id.0 * 10 + u64::from(attempt.number);
        let fails = Seed(seed).derive("fails", number).0.is_multiple_of(3);
        taken.fetch_add(u64::from(!fails), Atomic::Relaxed);
        Box::pin(async move { answered(if fails { 503 } else { 200 }) })
    });
    let driver = with(driver, receiver);
    driver.with(|engine, now| {
        let conversations = [0; 3].map(|_| engine.open_alone(Country::Id, now));
        for number in 0..30 {
            let body = Body::Raw(format!("{{\"event\":\"session.end\",\"n\":{number}}}").into_bytes());
            engine.send_alone("session.end", body, conversations[number % 3], now).unwrap();
        }
    });
    drive(&driver).await;
    let totals = driver.with(|engine, _| engine.totals());
    let lines = recorded.0.lock().unwrap().clone();
    (totals, came.load(Atomic::Relaxed), accepted.load(Atomic::Relaxed), lines)
}

#[tokio::test(start_paused = true)]
async fn whatever_goes_wrong_the_sums_match() {
    let (mut dropped, mut copied) = (0, 0);
    for seed in 0..10 {
        let (totals, came, accepted, lines) = mixed(seed).await;
        assert_eq!(
            totals.queued,
            totals.delivered + totals.failed + totals.dropped,
            "seed {seed}: {totals:?}"
        );
        assert_eq!((totals.pending, totals.waiting, totals.in_flight), (0, 0, 0), "seed {seed}");
        assert_eq!((totals.attempts, totals.delivered), (came, accepted), "seed {seed}");
        dropped += totals.dropped;
        copied += totals.queued - 30;
        assert_eq!(mixed(seed).await.3, lines, "the same seed, the same faults on the same callbacks");
    }
    assert!(dropped > 1 && copied > 8, "{dropped} dropped, {copied} more than were sent");
}
