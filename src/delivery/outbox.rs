//! The outbox: every callback from the moment it is handed over until it is delivered or dead.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::{Attempt, AttemptResult, CallbackId, ErrorClass, Outgoing};

/// How many callbacks are in which state. `queued` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// All that were handed over.
    pub queued: u64,
    /// Not tried yet.
    pub pending: u64,
    /// A try is under way.
    pub in_flight: u64,
    /// Waiting for the next try.
    pub waiting: u64,
    /// Accepted by the receiver.
    pub delivered: u64,
    /// Given up.
    pub dead: u64,
    /// All tries that ended.
    pub attempts: u64,
}

/// What follows from the result of a try.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The receiver accepted it.
    Delivered {
        /// After how many tries.
        tries: u32,
    },
    /// It is tried again.
    Retry {
        /// When.
        at: Timestamp,
    },
    /// It is given up.
    Dead {
        /// After how many tries.
        tries: u32,
        /// The class of the last error.
        class: ErrorClass,
        /// The last error in words.
        reason: String,
    },
}

/// A state machine without sockets or clock.
#[derive(Debug)]
pub struct Outbox {}

impl Outbox {
    /// An empty outbox with at most this many tries in flight.
    pub fn new(_max_in_flight: usize, _seed: crate::simulator::seed::Seed) -> Self {
        Self {}
    }

    /// Takes a callback.
    pub fn push(&mut self, _callback: Arc<Outgoing>) {}

    /// The next try that is due, if any may start: the callback and the number of the try. It counts as in flight.
    pub fn start(&mut self, _now: Timestamp) -> Option<(Arc<Outgoing>, u32)> {
        None
    }

    /// Takes the result of a try.
    pub fn finish(&mut self, _attempt: &Attempt, _result: &AttemptResult, now: Timestamp) -> Verdict {
        Verdict::Retry { at: now }
    }

    /// When [`Outbox::start`] has something to do next, as far as time alone decides; nothing while the limit of
    /// tries in flight is reached.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        None
    }

    /// The sums.
    pub fn totals(&self) -> Totals {
        Totals::default()
    }

    /// What is neither delivered nor dead, in the order of the ids.
    pub fn unfinished(&self) -> Vec<(CallbackId, Arc<Outgoing>)> {
        Vec::new()
    }
}
