//! Calls that take effect late on purpose, by their numbers among the inputs of the engine.

use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::came::{Came, Found};
use crate::faults::Fault;
use crate::net::HttpRequest;

/// A call whose time has not come.
#[derive(Clone)]
pub(super) struct Delayed {
    pub(super) delay: Duration,
    pub(super) fault: Option<Fault>,
    pub(super) found: Found,
    pub(super) came: Came,
    pub(super) call: Arc<HttpRequest>,
    pub(super) started: Instant,
}

/// Calls whose time had not come at a moment, for a mock that is put back to it.
#[derive(Clone, Default)]
pub struct Late(BTreeMap<u64, Delayed>);

impl Debug for Late {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Late").field(&self.0.len()).finish()
    }
}

/// All of them.
#[derive(Clone, Default)]
pub(super) struct AllDelayed(Arc<Mutex<BTreeMap<u64, Delayed>>>);

impl Debug for AllDelayed {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AllDelayed").field(&self.lock().len()).finish()
    }
}

impl AllDelayed {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Delayed>> {
        // Whoever panicked while he looked has changed nothing by halves.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put(&self, number: u64, call: Delayed) {
        self.lock().insert(number, call);
    }

    /// The call of this number; its time has come.
    pub(super) fn take(&self, number: u64) -> Option<Delayed> {
        self.lock().remove(&number)
    }

    /// Which there are, and how late each is to be in all.
    pub(super) fn all(&self) -> Vec<(u64, Duration)> {
        self.lock().iter().map(|(number, call)| (*number, call.delay)).collect()
    }

    /// All of them as they are now.
    pub(super) fn copy(&self) -> Late {
        Late(self.lock().clone())
    }

    /// Puts others in place of all.
    pub(super) fn replace(&self, others: Late) {
        *self.lock() = others.0;
    }
}
