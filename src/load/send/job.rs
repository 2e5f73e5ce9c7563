//! What the workers of a run share: what to send, where, how long, and how they are told to stop.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::run_stats::Progress;
use crate::http::TlsPlan;
use crate::language::Arrivals;
use crate::load::compile::StoryTemplate;
use crate::load::plan::{Curve, Pacer};
use crate::load::plan::{Mix, Schedule, Source};
use crate::load::report::Shard;
use crate::net::Target;
use crate::seed::Seed;

/// How often whoever waits for the start looks for an interruption.
const LOOK: Duration = Duration::from_millis(50);

/// How long what is in flight may take after an interruption.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

/// How much of an answer's body is kept where success depends on it, in bytes.
pub(crate) const ANSWER_CAP: usize = 64 * 1024;

/// How often events come.
#[derive(Clone, Debug)]
pub(crate) enum Drive {
    /// By a plan of iterations.
    Open(Arc<Curve>, Arrivals),
    /// As fast as answers come, for so long.
    Closed(Duration),
}

/// What is spoken with the receiver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// One event at a time over each connection.
    #[default]
    Http1,
    /// All events of a worker over one connection.
    Http2,
}

impl Protocol {
    /// Its name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http1 => "http/1.1",
            Self::Http2 => "http/2",
        }
    }

    /// Its name when it is agreed on over TLS (RFC 7301, RFC 9113).
    pub(crate) fn alpn(self) -> &'static [u8] {
        match self {
            Self::Http1 => b"http/1.1",
            Self::Http2 => b"h2",
        }
    }
}

/// A run as its workers see it.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) templates: Arc<[StoryTemplate]>,
    pub(crate) mix: Arc<Mix>,
    pub(crate) drive: Drive,
    pub(crate) seed: Seed,
    /// Iterations from this number on are not told.
    pub(crate) limit: u64,
    pub(crate) shard: Shard,
    pub(crate) protocol: Protocol,
    pub(crate) target: Arc<Target>,
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<TlsPlan>,
    pub(crate) timeout: Duration,
    pub(crate) late: Duration,
    /// After which lag an event is dropped.
    pub(crate) drop_after: Duration,
    pub(crate) interval: Duration,
    /// How many intervals there will be, about.
    pub(crate) intervals: usize,
    /// How many events may be in flight, over all workers.
    pub(crate) in_flight: u32,
    pub(crate) workers: u32,
    /// When the run begins.
    pub(crate) start: Instant,
    /// The same moment on the clock of the wall.
    pub(crate) started: Timestamp,
    /// Set when no further event is to be sent.
    pub(crate) stop: AtomicBool,
    /// Where each worker stands.
    pub(crate) progress: Vec<Mutex<Progress>>,
}

impl Job {
    /// The part of a worker.
    pub(crate) fn schedule(&self, worker: u32) -> Schedule {
        let (shards, workers) = (u64::from(self.shard.of), u64::from(self.workers));
        let first = u64::from(self.shard.index) + shards * u64::from(worker);
        let stride = shards * workers;
        let source = match &self.drive {
            Drive::Open(curve, arrivals) => Source::Open(Box::new(Pacer::new(
                Arc::clone(curve),
                *arrivals,
                self.seed,
                first,
                stride,
                self.limit,
            ))),
            Drive::Closed(until) => Source::Closed { next: first, stride, limit: self.limit, until: *until },
        };
        Schedule::new(source, Arc::clone(&self.mix), self.drop_after)
    }

    /// How many events a worker may have in flight: the limit in equal parts, at least one.
    pub(crate) fn slots(&self, worker: u32) -> usize {
        let (whole, rest) = (self.in_flight / self.workers, self.in_flight % self.workers);
        (whole + u32::from(worker < rest)).max(1) as usize
    }

    /// A number for each request of the run.
    pub(crate) fn nonce(&self, iteration: u64, step: usize) -> u64 {
        let most = self.templates.iter().map(StoryTemplate::steps).max().unwrap_or(1);
        iteration * most as u64 + step as u64 + 1
    }

    /// How long the run has been going on; zero before it begins.
    pub(crate) fn now(&self) -> Duration {
        Instant::now().saturating_duration_since(self.start)
    }

    /// The present on the clock of the wall.
    pub(crate) fn wall(&self, now: Duration) -> Timestamp {
        self.started.checked_add(now).unwrap_or(self.started)
    }

    /// Waits until the run begins; false if it was stopped before.
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

    /// Lets a worker tell where it stands.
    pub(crate) fn publish(&self, worker: u32, tell: impl FnOnce(&mut Progress)) {
        if let Some(slot) = self.progress.get(worker as usize) {
            tell(&mut slot.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}
