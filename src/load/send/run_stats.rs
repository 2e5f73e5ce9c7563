//! The statistics of one worker: every event in exactly one count. It is given the time and never asks for it.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::delivery::{ErrorClass, Failure};
use crate::load::plan::{Event, Schedule};
use crate::load::receipts::Identified;
use crate::load::report::{Counts, Failures, Interval, Latency, Share, add_counts, add_errors, add_series};
use crate::time::HumanDuration;

/// The error class of events in flight when the run was interrupted.
const INTERRUPTED: &str = "interrupted";

/// The result of an event that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// A response that counts as success.
    Ok(u16),
    /// Another response.
    Wrong(u16),
    /// No response in time.
    TimedOut(String),
    /// No response: the class, and a message.
    Failed(&'static str, String),
}

impl Outcome {
    /// The run was interrupted before a response arrived.
    pub(crate) fn interrupted() -> Self {
        Self::Failed(INTERRUPTED, "the run was interrupted".to_owned())
    }
}

impl From<Failure> for Outcome {
    fn from(Failure { class, message }: Failure) -> Self {
        match class {
            ErrorClass::Timeout => Self::TimedOut(message),
            // The receiver's doing, not this machine's.
            ErrorClass::Disabled => Self::Failed(class.as_str(), message),
            class if class.is_final() => Self::Failed("local", message),
            class => Self::Failed(class.as_str(), message),
        }
    }
}

/// The results of a worker.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunStats {
    pub(crate) counts: Counts,
    pub(crate) statuses: BTreeMap<u16, u64>,
    pub(crate) errors: BTreeMap<String, Failures>,
    pub(crate) latency: Latency,
    pub(crate) series: Vec<Interval>,
    /// The results of each story of the mix.
    pub(crate) stories: Vec<Share>,
    /// When the last event ended.
    pub(crate) last: Duration,
    /// Number of opened connections.
    pub(crate) connections: u64,
    /// Each event that was sent, if its ids are to be compared with the receiver's list.
    pub(crate) events: Vec<SentEvent>,
    /// The same, for events whose ids only the simulation knows.
    pub(crate) identified: Vec<Identified>,
    /// How often each fault has hit, by name; only the simulation has faults.
    pub(crate) faults: BTreeMap<String, u64>,
}

/// An event that was sent and has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SentEvent {
    pub(crate) iteration: u64,
    pub(crate) story: u32,
    pub(crate) step: u32,
    /// When it was written, from the start of the run.
    pub(crate) sent: Duration,
    /// Whether it was answered as wanted.
    pub(crate) is_ok: bool,
}

impl RunStats {
    /// Adds the results of another worker.
    pub(crate) fn add(&mut self, other: Self) {
        let Self {
            counts,
            statuses,
            errors,
            latency,
            series,
            stories,
            last,
            connections,
            events,
            identified,
            faults,
        } = other;
        self.counts.add(&counts);
        add_counts(&mut self.statuses, statuses);
        add_counts(&mut self.faults, faults);
        add_errors(&mut self.errors, errors);
        self.latency.add(&latency);
        add_series(&mut self.series, series);
        for (mine, other) in self.stories.iter_mut().zip(&stories) {
            mine.add(other);
        }
        self.last = self.last.max(last);
        self.connections += connections;
        self.events.extend(events);
        self.identified.extend(identified);
    }
}

/// A cheap snapshot of a running load.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    pub(crate) counts: Counts,
    pub(crate) in_flight: u64,
    /// The interval that ended last.
    pub(crate) latest: Interval,
}

/// Keeps the statistics of one worker.
#[derive(Debug)]
pub(crate) struct Recorder {
    late: Duration,
    interval: Duration,
    stats: RunStats,
    /// Number of events in flight.
    in_flight: u64,
    /// Number of intervals that are over.
    over: usize,
    /// When the present interval ends.
    present_end: Duration,
    /// Since when a slot has been free: a lag before that was not caused by the sender.
    free_since: Option<Duration>,
    /// Whether each event is kept.
    keeps_events: bool,
    /// Time after which an unanswered event counts as timed out.
    timeout: Duration,
}

impl Recorder {
    /// Creates empty statistics. `capacity` is the expected number of intervals, so that memory is allocated once.
    pub(crate) fn new(late: Duration, interval: Duration, stories: Vec<Share>, capacity: usize) -> Self {
        let stats = RunStats { stories, series: Vec::with_capacity(capacity), ..RunStats::default() };
        Self {
            late,
            interval,
            stats,
            in_flight: 0,
            over: 0,
            present_end: interval,
            free_since: Some(Duration::ZERO),
            keeps_events: false,
            timeout: Duration::MAX,
        }
    }

    /// Keeps each event, if asked to.
    pub(crate) fn keeping_events(self, keeps_events: bool) -> Self {
        Self { keeps_events, ..self }
    }

    /// Limits the recorded response times: an event that takes longer than this from its sending counts as timed out.
    pub(crate) fn bounded(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Records that no slot is free: the maximum number of events is in flight.
    pub(crate) fn full(&mut self) {
        self.free_since = None;
    }

    /// Records that a slot is free.
    pub(crate) fn free(&mut self, now: Duration) {
        self.free_since.get_or_insert(now);
    }

    /// Whether the sender alone made an event late.
    fn held_back(&self, planned: Duration, now: Duration) -> bool {
        self.free_since.is_some_and(|since| now.saturating_sub(planned.max(since)) > self.late)
    }

    fn index(&self, at: Duration) -> usize {
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        (nanos(at) / nanos(self.interval).max(1)) as usize
    }

    fn interval(&mut self, index: usize) -> &mut Interval {
        if index >= self.stats.series.len() {
            self.stats.series.resize_with(index + 1, Interval::default);
        }
        &mut self.stats.series[index]
    }

    fn interval_at(&mut self, at: Duration) -> &mut Interval {
        self.interval(self.index(at))
    }

    /// Returns the results of a story.
    pub(crate) fn story(&mut self, story: usize) -> &mut Share {
        &mut self.stats.stories[story]
    }

    /// Closes the intervals that are over.
    pub(crate) fn tick(&mut self, now: Duration) {
        if now < self.present_end {
            return;
        }
        let index = self.index(now);
        self.present_end = self.interval.saturating_mul(u32::try_from(index + 1).unwrap_or(u32::MAX));
        for over in self.over..index {
            self.interval(over).in_flight = self.in_flight;
        }
        self.over = self.over.max(index);
    }

    /// Records that an event was handed to a connection.
    pub(crate) fn release(&mut self, event: &Event, now: Duration) {
        self.tick(now);
        let lag = now.saturating_sub(event.planned);
        self.in_flight += 1;
        self.stats.counts.planned += 1;
        self.stats.counts.sent += 1;
        self.stats.counts.late += u64::from(lag > self.late);
        self.stats.counts.held_back += u64::from(self.held_back(event.planned, now));
        self.stats.latency.lag.record(lag);
        if event.step == 0 {
            self.story(event.story).started += 1;
        }
        self.interval_at(event.planned).planned += 1;
        self.interval_at(now).sent += 1;
    }

    /// Records that a released event has ended.
    pub(crate) fn end(&mut self, event: &Event, released: Duration, now: Duration, outcome: Outcome) {
        self.tick(now);
        self.in_flight -= 1;
        let stats = &mut self.stats;
        stats.last = now;
        // A response that came too late does not count; and a time-out is noticed slightly after it.
        let took = now.saturating_sub(released);
        let outcome = match outcome {
            Outcome::Ok(_) | Outcome::Wrong(_) if took > self.timeout => {
                Outcome::TimedOut(format!("no complete response within {}", HumanDuration(self.timeout)))
            }
            other => other,
        };
        let took = took.min(self.timeout);
        let is_ok = matches!(outcome, Outcome::Ok(_));
        let mut is_answered = true;
        let failure = match outcome {
            Outcome::Ok(status) | Outcome::Wrong(status) => {
                *stats.statuses.entry(status).or_default() += 1;
                *if is_ok { &mut stats.counts.ok } else { &mut stats.counts.wrong_status } += 1;
                None
            }
            Outcome::TimedOut(message) => {
                stats.counts.timed_out += 1;
                Some(("timeout", message))
            }
            Outcome::Failed(INTERRUPTED, message) => {
                stats.counts.unfinished += 1;
                is_answered = false;
                Some((INTERRUPTED, message))
            }
            Outcome::Failed(class, message) => {
                stats.counts.failed += 1;
                is_answered = false;
                Some((class, message))
            }
        };
        if let Some((class, message)) = failure {
            let failures = stats.errors.entry(class.to_owned()).or_default();
            if failures.count == 0 {
                failures.first = message;
            }
            failures.count += 1;
        }
        let latency = released.saturating_sub(event.planned) + took;
        if is_answered {
            stats.latency.planned.record(latency);
            stats.latency.sent.record(took);
        }
        if self.keeps_events {
            let (story, step) = (event.story as u32, event.step as u32);
            self.stats.events.push(SentEvent {
                iteration: event.iteration,
                story,
                step,
                sent: released,
                is_ok,
            });
        }
        let interval = self.interval_at(now);
        *if is_ok { &mut interval.ok } else { &mut interval.bad } += 1;
        if is_answered {
            interval.latency.record(latency);
            interval.took_us += u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        }
    }

    /// Counts the events that are overdue when the run is interrupted as dropped. Those that are due only now are no longer
    /// planned: nothing but the interruption kept them from being sent.
    pub(crate) fn interrupt(&mut self, schedule: &mut Schedule, now: Duration) {
        self.drop_overdue(schedule, now, self.late);
    }

    /// Counts the events that should have been sent more than `lag` ago as dropped.
    pub(crate) fn drop_overdue(&mut self, schedule: &mut Schedule, now: Duration, lag: Duration) {
        while let Some(event) = schedule.overdue(now, lag) {
            self.tick(now);
            let steps = event.steps as u64;
            self.stats.counts.planned += steps;
            self.stats.counts.dropped += steps;
            if self.held_back(event.planned, now) {
                self.stats.counts.held_back += steps;
            }
            self.interval_at(event.planned).planned += steps;
            self.interval_at(now).bad += steps;
            self.stats.last = now;
        }
    }

    /// Records that an event will not be sent because the run was interrupted. One that is due only now is no longer planned.
    pub(crate) fn drop_event(&mut self, event: &Event, now: Duration) {
        if now.saturating_sub(event.planned) <= self.late {
            return;
        }
        self.tick(now);
        self.stats.counts.planned += 1;
        self.stats.counts.dropped += 1;
        self.interval_at(event.planned).planned += 1;
        self.interval_at(now).bad += 1;
        self.stats.last = now;
    }

    /// Records that an event was not sent because a fault drops it. It belongs to no interval: nothing was to be sent.
    pub(crate) fn withhold(&mut self, now: Duration) {
        self.tick(now);
        self.stats.counts.planned += 1;
        self.stats.counts.withheld += 1;
        self.stats.last = now;
    }

    /// Returns the number of events in flight.
    pub(crate) fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// Writes the current progress.
    pub(crate) fn progress(&self, into: &mut Progress) {
        into.counts = self.stats.counts;
        into.in_flight = self.in_flight;
        if let Some(latest) = self.over.checked_sub(1).and_then(|latest| self.stats.series.get(latest)) {
            into.latest.clone_from(latest);
        }
    }

    /// Closes the statistics.
    pub(crate) fn close(mut self) -> RunStats {
        let intervals = u32::try_from(self.stats.series.len()).unwrap_or(u32::MAX);
        self.tick(self.interval.saturating_mul(intervals));
        self.stats
    }
}
