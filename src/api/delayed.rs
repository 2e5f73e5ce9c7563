//! Requests that take effect late because of a fault, by their numbers among the inputs of the engine.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::decoded::{Decoded, RouteMatch};
use crate::faults::Fault;
use crate::net::HttpRequest;
use crate::sync::lock;

/// A request that has not taken effect yet.
#[derive(Clone)]
pub(super) struct Delayed {
    pub(super) delay: Duration,
    pub(super) fault: Option<Fault>,
    pub(super) route: RouteMatch,
    pub(super) decoded: Decoded,
    pub(super) request: Arc<HttpRequest>,
    pub(super) started: Instant,
}

/// The requests that had not taken effect at a moment, for a mock that is put back to it.
#[derive(Clone, Default)]
pub struct Late(BTreeMap<u64, Delayed>);

impl Debug for Late {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Late").field(&self.0.len()).finish()
    }
}

/// Identifies a delayed request for its timer. Its number is not enough: numbers start again when the mock is put back, while
/// the timers of the previous requests still run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timer {
    /// The number of the request among the inputs.
    pub(super) number: u64,
    /// The count of timers up to this one.
    serial: u64,
}

#[derive(Default)]
struct Pending {
    requests: BTreeMap<u64, (Timer, Delayed)>,
    /// Number of timers so far.
    timers: u64,
}

impl Pending {
    fn put(&mut self, number: u64, request: Delayed) -> Timer {
        self.timers += 1;
        let timer = Timer { number, serial: self.timers };
        self.requests.insert(number, (timer, request));
        timer
    }
}

/// All delayed requests. Clones share them.
#[derive(Clone, Default)]
pub struct LateRequests(Arc<Mutex<Pending>>);

impl Debug for LateRequests {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LateRequests").field(&self.count()).finish()
    }
}

impl LateRequests {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.lock().requests.len()
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        lock(&self.0)
    }

    /// Adds a request.
    pub(super) fn put(&self, number: u64, request: Delayed) -> Timer {
        self.lock().put(number, request)
    }

    /// Takes the request of this number, which is about to take effect.
    pub(super) fn take(&self, number: u64) -> Option<Delayed> {
        self.lock().requests.remove(&number).map(|(_, request)| request)
    }

    /// Takes the request of this timer. `None` if its state was replaced.
    pub(super) fn take_of(&self, timer: Timer) -> Option<Delayed> {
        let mut pending = self.lock();
        pending.requests.get(&timer.number).filter(|(own, _)| *own == timer)?;
        pending.requests.remove(&timer.number).map(|(_, request)| request)
    }

    /// Returns the timers of all requests, with the total delay of each.
    pub(super) fn all(&self) -> Vec<(Timer, Duration)> {
        self.lock().requests.values().map(|(timer, request)| (*timer, request.delay)).collect()
    }

    /// Returns a copy of all requests.
    pub(super) fn copy(&self) -> Late {
        let copied = |(number, (_, request)): (&u64, &(Timer, Delayed))| (*number, request.clone());
        Late(self.lock().requests.iter().map(copied).collect())
    }

    /// Replaces all requests. The timers of the previous ones have no effect any more.
    pub(super) fn replace(&self, others: Late) {
        let mut pending = self.lock();
        pending.requests.clear();
        for (number, request) in others.0 {
            pending.put(number, request);
        }
    }
}
