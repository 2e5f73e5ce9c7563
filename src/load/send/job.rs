//! What the workers of a run share: what to send, where, how long, and how they are stopped.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::Timestamp;

use super::run_stats::{Outcome, Progress, Recorder};
use crate::delivery::{Failure, ReceiverResponse};
use crate::http::TlsPlan;
use crate::load::compile::{Scratch, Sending, StoryTemplate};
use crate::load::options::Options;
use crate::load::plan::{Curve, Event, Mix, Pacer, Schedule, Source};
use crate::net::Target;
use crate::sync::lock;

/// How often a worker that waits for the start checks for an interruption.
const LOOK: Duration = Duration::from_millis(50);

/// How long events in flight may take after an interruption.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

/// Maximum number of bytes that are kept of a response's body if success depends on it.
const ANSWER_CAP: usize = 64 * 1024;

/// A run as its workers see it.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) options: Options,
    pub(crate) templates: Arc<[StoryTemplate]>,
    /// Number of steps of the longest story.
    pub(crate) most_steps: usize,
    pub(crate) mix: Arc<Mix>,
    /// When iterations are due; `None` for a closed loop.
    pub(crate) curve: Option<Arc<Curve>>,
    /// How long iterations begin.
    pub(crate) duration: Duration,
    /// Iterations from this number on are not run.
    pub(crate) limit: u64,
    pub(crate) target: Arc<Target>,
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<TlsPlan>,
    pub(crate) interval: Duration,
    /// Approximate number of intervals.
    pub(crate) intervals: usize,
    /// Number of workers that share the run.
    pub(crate) workers: u32,
    /// When the run begins.
    pub(crate) start: Instant,
    /// The same moment on the wall clock.
    pub(crate) started: Timestamp,
    /// Set when no further event is to be sent.
    pub(crate) stop: AtomicBool,
    /// The progress of each worker.
    pub(crate) progress: Vec<Mutex<Progress>>,
}

impl Job {
    /// Returns the part of a worker.
    pub(crate) fn schedule(&self, worker: u32) -> Schedule {
        let Options { shard, seed, arrivals, .. } = self.options;
        let limit = self.limit;
        let first = u64::from(shard.index) + u64::from(shard.of) * u64::from(worker);
        let stride = u64::from(shard.of) * u64::from(self.workers);
        let source = match &self.curve {
            Some(curve) => {
                Source::Open(Box::new(Pacer::new(Arc::clone(curve), arrivals, seed, first, stride, limit)))
            }
            None => Source::Closed { next: first, stride, limit, until: self.duration },
        };
        Schedule::new(source, Arc::clone(&self.mix))
    }

    /// Returns the number of events of the plan for all workers together.
    pub(crate) fn planned_events(&self) -> Option<u64> {
        let Options { shard, seed, arrivals, .. } = self.options;
        let iterations = self.curve.as_ref()?.count(arrivals, seed, self.limit);
        Some(self.mix.events_of(u64::from(shard.index), u64::from(shard.of), iterations))
    }

    /// Returns empty statistics for a worker.
    pub(crate) fn recorder(&self) -> Recorder {
        Recorder::new(self.options.late, self.interval, self.options.shares(), self.intervals)
            .keeping_events(self.options.keeps_events)
            .bounded(self.options.timeout)
    }

    /// Returns how many events a worker may have in flight: an equal part of the limit, at least one.
    pub(crate) fn slots(&self, worker: u32) -> usize {
        let in_flight = self.options.in_flight;
        let (whole, rest) = (in_flight / self.workers, in_flight % self.workers);
        (whole + u32::from(worker < rest)).max(1) as usize
    }

    /// Appends the request of an event, as it goes over the wire in HTTP/1.1.
    pub(crate) fn write(&self, event: &Event, now: Duration, scratch: &mut Scratch, out: &mut Vec<u8>) {
        self.templates[event.story].write(&self.sending(event, now), scratch, out);
    }

    /// Writes the header block of an event for HTTP/2; the body is left in the scratch buffer.
    pub(crate) fn write_http2(
        &self,
        event: &Event,
        now: Duration,
        scratch: &mut Scratch,
        block: &mut Vec<u8>,
    ) -> Result<(), Failure> {
        self.templates[event.story].write_http2(&self.sending(event, now), scratch, block)
    }

    fn sending(&self, event: &Event, now: Duration) -> Sending {
        let Event { iteration, step, begun, .. } = *event;
        let moment = |since_start| self.started.checked_add(since_start).unwrap_or(self.started);
        Sending {
            iteration,
            step,
            nonce: iteration * self.most_steps as u64 + step as u64 + 1,
            now: moment(now),
            begun: moment(begun.unwrap_or(now)),
        }
    }

    /// Returns the next step of an event's iteration, once the event has been sent and has ended.
    pub(crate) fn following(&self, event: &Event, sent: Duration, now: Duration) -> Option<Event> {
        let pause = |next: &Event| self.templates[next.story].pause(next.iteration, next.step);
        event.following(sent, now, pause)
    }

    /// Returns how many bytes of each response's body are needed.
    pub(crate) fn answer_cap(&self) -> usize {
        let mut rules = self.templates.iter().flat_map(|template| &template.success);
        if rules.any(|rule| rule.body.is_some()) { ANSWER_CAP } else { 0 }
    }

    /// Judges the response to an event.
    pub(crate) fn judge(&self, event: &Event, status: u16, body: &[u8]) -> Outcome {
        let rule = &self.templates[event.story].success[event.step];
        let has_body = || {
            let body = Bytes::copy_from_slice(body);
            let response = ReceiverResponse { status, headers: Vec::new(), body, truncated: false };
            rule.judge(&response).is_ok()
        };
        let is_ok = rule.status.contains(status) && (rule.body.is_none() || has_body());
        if is_ok { Outcome::Ok(status) } else { Outcome::Wrong(status) }
    }

    /// Returns how long the run has been going on; zero before it begins.
    pub(crate) fn now(&self) -> Duration {
        Instant::now().saturating_duration_since(self.start)
    }

    /// Waits until the run begins; returns false if it was stopped before.
    pub(crate) fn wait_for_start(&self) -> bool {
        while !self.is_stopped() {
            let left = self.start.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            std::thread::sleep(left.min(LOOK));
        }
        false
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Publishes the progress of a worker.
    pub(crate) fn publish(&self, worker: u32, write: impl FnOnce(&mut Progress)) {
        if let Some(slot) = self.progress.get(worker as usize) {
            write(&mut lock(slot));
        }
    }
}
