//! Reports for tests, made by a small model of an open loop: events at planned instants, a receiver that takes some time
//! and may stall, a limit of events in flight.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use super::data::{
    Counts, FORMAT, Failures, Interval, Latency, Plan, Probe, Report, Search, Sender, Shard, Share,
};
use super::histogram::Histogram;

/// The parameters of the model.
#[derive(Clone, Copy)]
pub(crate) struct Model {
    /// Events per second, of all shards together.
    pub(crate) rate: u64,
    pub(crate) seconds: u64,
    pub(crate) in_flight: u32,
    /// The shard, if it is not the whole.
    pub(crate) shard: Option<(u32, u32)>,
    /// The receiver's time for an event, in microseconds, by the second of the run in which it is written.
    pub(crate) service: fn(f64) -> u64,
    /// From when to when the receiver stands still, in seconds.
    pub(crate) stall: Option<(f64, f64)>,
    /// The sender's time for an event, in microseconds: it sends one at a time.
    pub(crate) cost: f64,
    /// Every n-th event is answered with 503; 0 for none.
    pub(crate) unavailable: u64,
    /// Number of events that the receiver processes at the same time; 0 for no limit.
    pub(crate) servers: usize,
    /// Whether the connection is refused.
    pub(crate) refused: bool,
    pub(crate) timeout_ms: u64,
}

pub(crate) const STEADY: Model = Model {
    rate: 500,
    seconds: 20,
    in_flight: 1024,
    shard: None,
    service: |_| 2_000,
    stall: None,
    cost: 120.0,
    unavailable: 0,
    servers: 0,
    refused: false,
    timeout_ms: 10_000,
};

const DROP_MS: u64 = 3_000;

/// A run in which everything is fine.
pub(crate) fn steady() -> Report {
    STEADY.report()
}

/// A receiver that stands still for two seconds, and is sometimes unavailable.
pub(crate) fn stall() -> Report {
    Model { stall: Some((8.0, 10.0)), unavailable: 400, ..STEADY }.report()
}

/// A run in which all connections are refused.
pub(crate) fn refused() -> Report {
    Model { refused: true, seconds: 3, ..STEADY }.report()
}

/// A run without any event.
pub(crate) fn empty() -> Report {
    Model { rate: 0, seconds: 1, ..STEADY }.report()
}

/// A shard of a steady run.
pub(crate) fn shard(index: u32, of: u32) -> Report {
    Model { shard: Some((index, of)), seconds: 5, unavailable: 100, ..STEADY }.report()
}

/// A search for the highest rate.
pub(crate) fn search() -> Report {
    let probe = |rate: f64, p99_us, why: &str| Probe {
        rate,
        achieved: rate.min(6_400.0),
        p99_us,
        errors: 0.0,
        held: why.is_empty(),
        why: why.to_owned(),
    };
    let mut report = steady();
    report.search = Some(Search {
        slo: "p99<50ms,errors<0.1%".to_owned(),
        best: 6_000.0,
        probes: vec![
            probe(1_000.0, 3_100, ""),
            probe(2_000.0, 3_900, ""),
            probe(4_000.0, 8_200, ""),
            probe(8_000.0, 1_912_000, "p99 is 1.91 s, not below 50.0 ms"),
            probe(6_000.0, 31_000, ""),
            probe(7_000.0, 640_000, "p99 is 640 ms, not below 50.0 ms"),
        ],
    });
    report
}

/// Pseudo-random numbers, the same every time.
fn noise(index: u64) -> f64 {
    let mut x = index.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

impl Model {
    pub(crate) fn report(self) -> Report {
        let (index, of) = self.shard.unwrap_or((0, 1));
        let mut counts = Counts::default();
        let mut statuses = BTreeMap::new();
        let mut errors: BTreeMap<String, Failures> = BTreeMap::new();
        let mut latency =
            Latency { planned: Histogram::fine(), sent: Histogram::fine(), lag: Histogram::fine() };
        let mut series: Vec<Interval> = (0..self.seconds).map(|_| Interval::default()).collect();
        let mut flights = Vec::new();
        let mut ends = BinaryHeap::new();
        let (mut free_at, mut last_end, mut freed) = (0.0_f64, 0.0_f64, 0.0_f64);
        let mut events = 0;
        let mut busy = vec![0.0_f64; self.servers];
        for k in (0..self.rate * self.seconds).filter(|k| k % u64::from(of) == u64::from(index)) {
            events += 1;
            let planned = k as f64 / self.rate as f64;
            counts.planned += 1;
            at(&mut series, planned).planned += 1;
            let jitter = noise(k);
            let mut written = planned.max(free_at) + 25e-6 + jitter * 60e-6;
            while ends.peek().is_some_and(|Reverse(end)| *end as f64 / 1e6 <= written) {
                ends.pop();
            }
            let full = ends.len() >= self.in_flight as usize;
            if let (true, Some(Reverse(end))) = (full, ends.peek()) {
                written = *end as f64 / 1e6;
            }
            if full {
                freed = written;
            }
            let lag = written - planned;
            let own = written - planned.max(freed);
            counts.held_back += u64::from(own > 0.01);
            if lag * 1e3 > DROP_MS as f64 {
                counts.dropped += 1;
                at(&mut series, planned + DROP_MS as f64 / 1e3).bad += 1;
                continue;
            }
            if full {
                ends.pop();
            }
            free_at = written + self.cost / 1e6;
            counts.sent += 1;
            counts.late += u64::from(lag > 0.01);
            at(&mut series, written).sent += 1;
            if self.refused {
                counts.failed += 1;
                at(&mut series, written).bad += 1;
                let failures = errors.entry("refused".to_owned()).or_default();
                failures.count += 1;
                failures.first = "connect to 127.0.0.1:3000: Connection refused (os error 111)".to_owned();
                continue;
            }
            // Long-tailed: most are near the typical time, one in a thousand takes ten times as long.
            let spread = 0.6 + 0.6 * noise(k + 1_000_003) + 0.02 / (1.003 - noise(k + 77));
            let mut end = written + (self.service)(written) as f64 * spread / 1e6;
            if self.servers > 0 {
                // The server that is free first takes it.
                let first = (0..self.servers).min_by(|a, b| busy[*a].total_cmp(&busy[*b])).unwrap_or(0);
                end += (busy[first] - written).max(0.0);
                busy[first] = end;
            }
            if let Some((from, to)) = self.stall
                && (from..to).contains(&written)
            {
                end = to + (written - from) * 0.1 + jitter * 0.02;
            }
            let timed_out = end - written > self.timeout_ms as f64 / 1e3;
            if timed_out {
                end = written + self.timeout_ms as f64 / 1e3;
            }
            ends.push(Reverse((end * 1e6) as u64));
            flights.push((written, end));
            last_end = last_end.max(end);
            let time = |seconds: f64| Duration::from_secs_f64(seconds.max(0.0));
            latency.planned.record(time(end - planned));
            latency.sent.record(time(end - written));
            latency.lag.record(time(lag));
            at(&mut series, end).latency.record(time(end - planned));
            at(&mut series, end).took_us += ((end - written) * 1e6) as u64;
            if timed_out {
                counts.timed_out += 1;
                at(&mut series, end).bad += 1;
                let failures = errors.entry("timeout".to_owned()).or_default();
                failures.count += 1;
                failures.first = format!("no answer within {} ms", self.timeout_ms);
            } else if self.unavailable > 0 && k % self.unavailable == 0 {
                counts.wrong_status += 1;
                at(&mut series, end).bad += 1;
                *statuses.entry(503).or_default() += 1;
            } else {
                counts.ok += 1;
                at(&mut series, end).ok += 1;
                *statuses.entry(200).or_default() += 1;
            }
        }
        for (index, interval) in series.iter_mut().enumerate() {
            let end = (index + 1) as f64;
            interval.in_flight =
                flights.iter().filter(|(from, to)| (*from..*to).contains(&end)).count() as u64;
        }
        let elapsed_s = last_end.max(self.seconds as f64);
        let cpu = counts.sent as f64 * self.cost * 0.9 / 1e6;
        let mut report = Report {
            format: FORMAT.to_owned(),
            version: "0.1.0".to_owned(),
            plan: Plan {
                stories: vec![
                    Share {
                        name: "Agent transfer, accepted".to_owned(),
                        weight: 3,
                        started: events * 3 / 4,
                        failed: 0,
                        first_failure: String::new(),
                    },
                    Share {
                        name: "Reminder <by voice>".to_owned(),
                        weight: 1,
                        started: events - events * 3 / 4,
                        failed: 0,
                        first_failure: String::new(),
                    },
                ],
                rate: format!("{}/s", self.rate),
                unit: "events".to_owned(),
                arrivals: "even".to_owned(),
                duration_s: self.seconds as f64,
                seed: 7,
                target: "http://127.0.0.1:3000/hook".to_owned(),
                protocol: "http/1.1".to_owned(),
                in_flight: self.in_flight,
                workers: 1,
                timeout_ms: self.timeout_ms,
                late_ms: 10,
                drop_ms: DROP_MS,
                interval_ms: 1_000,
                shard: self.shard.map(|(index, of)| Shard { index, of }),
                runs: 1,
                mode: "compiled".to_owned(),
                events: Some(events),
                most_held_back: 0.2,
            },
            started: "2030-01-01T00:00:00Z".parse().unwrap(),
            elapsed_s,
            counts,
            statuses,
            errors,
            faults: BTreeMap::new(),
            latency,
            series,
            sender: Sender {
                user_s: cpu * 0.6,
                system_s: cpu * 0.4,
                cpu_per_event_us: if counts.sent > 0 { cpu * 1e6 / counts.sent as f64 } else { 0.0 },
                busy: cpu / elapsed_s,
                peak_bytes: 38_100_000,
                connections: 64,
            },
            findings: Vec::new(),
            void: None,
            receipts: None,
            search: None,
            merged: None,
        };
        super::conclude(&mut report);
        report
    }
}

/// Returns the interval of an instant; the series grows to it.
fn at(series: &mut Vec<Interval>, seconds: f64) -> &mut Interval {
    let index = seconds as usize;
    while series.len() <= index {
        series.push(Interval::default());
    }
    &mut series[index]
}
