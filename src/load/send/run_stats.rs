//! The stats of one worker: every event in exactly one count. Knows the time only by being told.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::load::plan::Event;
use crate::load::report::{Counts, Failures, Interval, Latency};
use crate::load::report::{Histogram, Packed};

/// How many different statuses there may be: they have three digits.
const STATUSES: usize = 1_000;

/// What became of an event that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// An answer that counts as success.
    Ok(u16),
    /// Another answer.
    Wrong(u16),
    /// No answer in time.
    TimedOut(String),
    /// No answer: the class, and what happened in words.
    Failed(&'static str, String),
}

impl Outcome {
    /// The run was interrupted before an answer came.
    pub(crate) fn interrupted() -> Self {
        Self::Failed("interrupted", "the run was interrupted".to_owned())
    }
}

/// The stats of one worker.
#[derive(Debug)]
pub(crate) struct Recorder {
    late: Duration,
    interval: Duration,
    counts: Counts,
    statuses: Box<[u64; STATUSES]>,
    errors: BTreeMap<&'static str, Failures>,
    latency: Latency,
    pub(crate) stories: Stories,
    /// How many events are in flight.
    in_flight: u64,
    /// Counters of the intervals so far.
    series: Vec<Counters>,
    /// The distributions of the intervals that are over.
    packed: Vec<Packed>,
    /// The distribution of the present interval.
    present: Histogram,
    /// When the present interval ends.
    present_end: Duration,
    last: Duration,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counters {
    planned: u64,
    sent: u64,
    ok: u64,
    bad: u64,
    in_flight: u64,
}

/// What a worker found out.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunStats {
    pub(crate) counts: Counts,
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) errors: BTreeMap<String, Failures>,
    pub(crate) latency: Latency,
    pub(crate) series: Vec<Interval>,
    /// What became of each story of the mix.
    pub(crate) stories: Stories,
    /// When the last event came to its end.
    pub(crate) last: Duration,
}

/// What can be told of a run at any time without much ado.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) counts: Counts,
    pub(crate) in_flight: u64,
    /// Of the interval that ended last: events that ended well, and their distribution.
    pub(crate) ok: u64,
    pub(crate) latest: Histogram,
}

impl Recorder {
    /// Empty stats. `capacity` is how many intervals there will be, so that memory is taken once.
    pub(crate) fn new(late: Duration, interval: Duration, stories: usize, capacity: usize) -> Self {
        Self {
            late,
            interval,
            counts: Counts::default(),
            statuses: Box::new([0; STATUSES]),
            errors: BTreeMap::new(),
            latency: Latency::default(),
            stories: Stories(vec![Story::default(); stories]),
            in_flight: 0,
            series: Vec::with_capacity(capacity),
            packed: Vec::with_capacity(capacity),
            present: Histogram::coarse(),
            present_end: interval,
            last: Duration::ZERO,
        }
    }

    fn index(&self, at: Duration) -> usize {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        (nanos(at) / nanos(self.interval).max(1)) as usize
    }

    fn counters(&mut self, at: Duration) -> &mut Counters {
        let index = self.index(at);
        if index >= self.series.len() {
            self.series.resize(index + 1, Counters::default());
        }
        &mut self.series[index]
    }

    /// Closes the intervals that are over.
    pub(crate) fn tick(&mut self, now: Duration) {
        if now < self.present_end {
            return;
        }
        let index = self.index(now);
        self.present_end = self.interval.saturating_mul(u32::try_from(index + 1).unwrap_or(u32::MAX));
        while self.packed.len() < index {
            let over = self.packed.len();
            self.packed.push(self.present.pack());
            self.present.clear();
            if self.series.len() <= over {
                self.series.resize(over + 1, Counters::default());
            }
            self.series[over].in_flight = self.in_flight;
        }
    }

    /// An event was handed to a connection.
    pub(crate) fn release(&mut self, event: &Event, now: Duration) {
        self.tick(now);
        let lag = now.saturating_sub(event.planned);
        self.counts.planned += 1;
        self.counts.sent += 1;
        self.in_flight += 1;
        self.latency.lag.record(lag);
        if lag > self.late {
            self.counts.late += 1;
        }
        if event.step == 0 {
            self.stories.tell(event.story);
        }
        self.counters(event.planned).planned += 1;
        self.counters(now).sent += 1;
    }

    /// An event that was released came to its end.
    pub(crate) fn end(&mut self, event: &Event, released: Duration, now: Duration, outcome: Outcome) {
        self.tick(now);
        self.in_flight -= 1;
        self.last = now;
        let is_ok = matches!(outcome, Outcome::Ok(_));
        let counters = self.counters(now);
        if is_ok {
            counters.ok += 1;
        } else {
            counters.bad += 1;
        }
        match outcome {
            Outcome::Ok(status) | Outcome::Wrong(status) => {
                if is_ok {
                    self.counts.ok += 1;
                } else {
                    self.counts.wrong_status += 1;
                }
                self.statuses[usize::from(status).min(STATUSES - 1)] += 1;
            }
            Outcome::TimedOut(message) => {
                self.counts.timed_out += 1;
                self.fail("timeout", message);
            }
            Outcome::Failed(class, message) => {
                self.counts.failed += 1;
                self.fail(class, message);
                return;
            }
        }
        let latency = now.saturating_sub(event.planned);
        self.latency.planned.record(latency);
        self.latency.sent.record(now.saturating_sub(released));
        self.present.record(latency);
    }

    fn fail(&mut self, class: &'static str, message: String) {
        let failures = self.errors.entry(class).or_default();
        if failures.count == 0 {
            failures.first = message;
        }
        failures.count += 1;
    }

    /// An event is not going to be sent, nor are the `steps - 1` after it.
    pub(crate) fn drop(&mut self, event: &Event, steps: usize, now: Duration) {
        self.tick(now);
        let steps = steps as u64;
        self.counts.planned += steps;
        self.counts.dropped += steps;
        self.counters(event.planned).planned += steps;
        self.counters(now).bad += steps;
        self.last = now;
    }

    /// How many events are in flight.
    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// Writes down where things stand.
    pub(crate) fn progress(&self, into: &mut Progress) {
        into.counts = self.counts;
        into.in_flight = self.in_flight;
        let over = self.packed.len();
        if let Some(latest) = over.checked_sub(1) {
            into.ok = self.series.get(latest).map_or(0, |counters| counters.ok);
            into.latest = self.packed[latest].unpack();
        }
    }

    /// Closes the stats.
    pub(crate) fn close(mut self) -> RunStats {
        let end = self.interval.saturating_mul(u32::try_from(self.series.len()).unwrap_or(u32::MAX));
        self.tick(end);
        let distributions = self.packed.iter().map(Packed::unpack);
        let series = self.series.iter().zip(distributions).map(|(counters, latency)| Interval {
            planned: counters.planned,
            sent: counters.sent,
            ok: counters.ok,
            bad: counters.bad,
            in_flight: counters.in_flight,
            latency,
        });
        let statuses = self.statuses.iter().enumerate().filter(|(_, count)| **count > 0);
        RunStats {
            counts: self.counts,
            series: series.collect(),
            statuses: statuses.map(|(status, count)| (status as u16, *count)).collect(),
            errors: self.errors.into_iter().map(|(class, failures)| (class.to_owned(), failures)).collect(),
            latency: self.latency,
            stories: self.stories,
            last: self.last,
        }
    }
}

impl RunStats {
    /// Adds what another worker found out.
    pub(crate) fn add(&mut self, other: Self) {
        let Self { counts, statuses, errors, latency, series, stories, last } = other;
        self.counts.add(&counts);
        for (status, count) in statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        for (class, failures) in errors {
            self.errors.entry(class).or_default().add(failures);
        }
        self.latency.add(&latency);
        if self.series.len() < series.len() {
            self.series.resize_with(series.len(), Interval::default);
        }
        for (mine, other) in self.series.iter_mut().zip(series) {
            mine.add(&other);
        }
        self.stories.add(stories);
        self.last = self.last.max(last);
    }
}

/// What became of the stories of a mix.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stories(Vec<Story>);

/// What became of a story.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Story {
    /// How often it was told.
    pub(crate) told: u64,
    /// How often it did not end as it should.
    pub(crate) failed: u64,
    /// What went wrong first, with its place.
    pub(crate) first: String,
}

impl Stories {
    /// A iteration began.
    pub(crate) fn tell(&mut self, story: usize) {
        if let Some(story) = self.0.get_mut(story) {
            story.told += 1;
        }
    }

    /// A iteration did not end as it should.
    pub(crate) fn fail(&mut self, story: usize) {
        if let Some(story) = self.0.get_mut(story) {
            story.failed += 1;
        }
    }

    /// An expectation of a iteration failed.
    pub(crate) fn blame(&mut self, story: usize, place: &str, message: &str) {
        if let Some(story) = self.0.get_mut(story)
            && story.first.is_empty()
        {
            story.first = format!("{} ({place})", message.lines().next().unwrap_or_default());
        }
    }

    /// What became of a story; nothing is known of one that is none of the mix.
    pub(crate) fn get(&self, story: usize) -> Story {
        self.0.get(story).cloned().unwrap_or_default()
    }

    fn add(&mut self, other: Self) {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), Story::default());
        }
        for (mine, other) in self.0.iter_mut().zip(other.0) {
            mine.told += other.told;
            mine.failed += other.failed;
            if mine.first.is_empty() {
                mine.first = other.first;
            }
        }
    }
}
