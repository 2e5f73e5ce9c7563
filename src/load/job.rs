//! What the workers of a run share: what to send, where, how long, and how they are told to stop.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::blueprint::Blueprint;
use super::ledger::Progress;
use super::pacer::{Curve, Pacer};
use super::pipe::TlsPlan;
use super::report::Shard;
use super::schedule::{Mix, Schedule, Source};
use crate::language::Arrivals;
use crate::net::Target;
use crate::seed::Seed;

/// How often whoever waits for the start looks for an interruption.
const LOOK: Duration = Duration::from_millis(50);

/// How long what is in flight may take after an interruption.
pub(super) const GRACE: Duration = Duration::from_secs(1);

/// How much of an answer's body is kept where success depends on it, in bytes.
pub(super) const ANSWER_CAP: usize = 64 * 1024;

/// How often events come.
#[derive(Clone, Debug)]
pub(super) enum Drive {
    /// By a plan of tellings.
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
    pub(super) fn alpn(self) -> &'static [u8] {
        match self {
            Self::Http1 => b"http/1.1",
            Self::Http2 => b"h2",
        }
    }
}

/// A run as its workers see it.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) blueprints: Arc<[Blueprint]>,
    pub(super) mix: Arc<Mix>,
    pub(super) drive: Drive,
    pub(super) seed: Seed,
    /// Tellings from this number on are not told.
    pub(super) limit: u64,
    pub(super) shard: Shard,
    pub(super) protocol: Protocol,
    pub(super) target: Arc<Target>,
    pub(super) address: SocketAddr,
    pub(super) tls: Option<TlsPlan>,
    pub(super) timeout: Duration,
    pub(super) late: Duration,
    /// After which lag an event is dropped.
    pub(super) patience: Duration,
    pub(super) interval: Duration,
    /// How many intervals there will be, about.
    pub(super) intervals: usize,
    /// How many events may be in flight, over all workers.
    pub(super) in_flight: u32,
    pub(super) workers: u32,
    /// When the run begins.
    pub(super) start: Instant,
    /// The same moment on the clock of the wall.
    pub(super) started: Timestamp,
    /// Set when no further event is to be sent.
    pub(super) stop: AtomicBool,
    /// Where each worker stands.
    pub(super) progress: Vec<Mutex<Progress>>,
}

impl Job {
    /// The part of a worker.
    pub(super) fn schedule(&self, worker: u32) -> Schedule {
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
        Schedule::new(source, Arc::clone(&self.mix), self.patience)
    }

    /// How many events a worker may have in flight: the limit in equal parts, at least one.
    pub(super) fn lanes(&self, worker: u32) -> usize {
        let (whole, rest) = (self.in_flight / self.workers, self.in_flight % self.workers);
        (whole + u32::from(worker < rest)).max(1) as usize
    }

    /// A number for each request of the run.
    pub(super) fn nonce(&self, telling: u64, step: usize) -> u64 {
        let most = self.blueprints.iter().map(Blueprint::steps).max().unwrap_or(1);
        telling * most as u64 + step as u64 + 1
    }

    /// How long the run has been going on; zero before it begins.
    pub(super) fn now(&self) -> Duration {
        Instant::now().saturating_duration_since(self.start)
    }

    /// The present on the clock of the wall.
    pub(super) fn wall(&self, now: Duration) -> Timestamp {
        self.started.checked_add(now).unwrap_or(self.started)
    }

    /// Waits until the run begins; false if it was stopped before.
    pub(super) fn wait_for_start(&self) -> bool {
        while !self.is_stopped() {
            let left = self.start.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return true;
            }
            std::thread::sleep(left.min(LOOK));
        }
        false
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Lets a worker tell where it stands.
    pub(super) fn publish(&self, worker: u32, tell: impl FnOnce(&mut Progress)) {
        if let Some(slot) = self.progress.get(worker as usize) {
            tell(&mut slot.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}
