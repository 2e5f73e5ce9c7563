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

/// All delayed requests. Clones share them.
#[derive(Clone, Default)]
pub struct LateRequests(Arc<Mutex<BTreeMap<u64, Delayed>>>);

impl Debug for LateRequests {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LateRequests").field(&self.lock().len()).finish()
    }
}

impl LateRequests {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Delayed>> {
        lock(&self.0)
    }

    pub(super) fn put(&self, number: u64, request: Delayed) {
        self.lock().insert(number, request);
    }

    /// Takes the request of this number, which is about to take effect.
    pub(super) fn take(&self, number: u64) -> Option<Delayed> {
        self.lock().remove(&number)
    }

    /// Returns the numbers of all requests, with the total delay of each.
    pub(super) fn all(&self) -> Vec<(u64, Duration)> {
        self.lock().iter().map(|(number, request)| (*number, request.delay)).collect()
    }

    /// Returns a copy of all requests.
    pub(super) fn copy(&self) -> Late {
        Late(self.lock().clone())
    }

    /// Replaces all requests.
    pub(super) fn replace(&self, others: Late) {
        *self.lock() = others.0;
    }
}
