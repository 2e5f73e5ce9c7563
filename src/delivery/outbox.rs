//! The outbox: every callback from the moment it is handed over until it is delivered or dead.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::{Attempt, AttemptResult, CallbackId, ErrorClass, Order, QueuedCallback};
use crate::seed::{Rng, Seed};

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

/// A moment at which a callback may start; ordered by the moment, then by the callback's number.
type Start = (Timestamp, CallbackId);

/// A callback that is neither delivered nor dead.
#[derive(Debug)]
struct Slot {
    callback: Arc<QueuedCallback>,
    /// The tries that were started.
    tries: u32,
    in_flight: bool,
    /// Where the jitter of its gaps comes from, from its first retry on.
    rng: Option<Box<Rng>>,
}

/// The callbacks of one conversation that keep their order.
#[derive(Debug, Default)]
struct Line {
    /// The one that was tried and is neither delivered nor dead: nothing overtakes it.
    active: Option<CallbackId>,
    /// Those not tried yet.
    queue: BTreeSet<Start>,
}

/// A state machine without sockets or clock.
///
/// Callbacks start in the order of their due times, and of their numbers where these are equal. In a conversation
/// that keeps its order, that order decides too: only the earliest callback may start, and once it was tried, the
/// others wait until it is delivered or dead. What is delivered or dead is only counted, not kept.
#[derive(Debug)]
pub struct Outbox {
    max_in_flight: u64,
    seed: Seed,
    slots: BTreeMap<CallbackId, Slot>,
    /// Exactly those that may start as soon as it is time. Of each line, at most one.
    ready: BTreeSet<Start>,
    /// Only looked up by key, never iterated, so its random order shows nowhere.
    lines: HashMap<Arc<str>, Line>,
    totals: Totals,
}

/// The key of the line a callback stands in, if it stands in one.
fn line_key(callback: &QueuedCallback) -> Option<&Arc<str>> {
    match callback.policy.order {
        Order::FifoPerSession => callback.order_key.as_ref(),
        Order::Independent => None,
    }
}

impl Outbox {
    /// An empty outbox with at most this many tries in flight; at least one is allowed.
    pub fn new(max_in_flight: usize, seed: Seed) -> Self {
        Self {
            max_in_flight: u64::try_from(max_in_flight.max(1)).unwrap_or(u64::MAX),
            seed,
            slots: BTreeMap::new(),
            ready: BTreeSet::new(),
            lines: HashMap::new(),
            totals: Totals::default(),
        }
    }

    /// Takes a callback. Its number must be new: a callback whose number is still in the outbox is not taken again.
    pub fn push(&mut self, callback: Arc<QueuedCallback>) {
        let start = (callback.due, callback.id);
        if self.slots.contains_key(&callback.id) {
            debug_assert!(false, "callback {} was pushed twice", callback.id.0);
            return;
        }
        match line_key(&callback) {
            None => {
                self.ready.insert(start);
            }
            Some(key) => {
                let line = self.lines.entry(key.clone()).or_default();
                let head = line.queue.first().copied();
                line.queue.insert(start);
                if line.active.is_none() && head.is_none_or(|head| start < head) {
                    if let Some(head) = head {
                        self.ready.remove(&head);
                    }
                    self.ready.insert(start);
                }
            }
        }
        self.slots.insert(callback.id, Slot { callback, tries: 0, in_flight: false, rng: None });
        self.totals.queued += 1;
        self.totals.pending += 1;
    }

    /// The next try that is due, if any may start: the callback and the number of the try. It counts as in flight.
    pub fn start(&mut self, now: Timestamp) -> Option<(Arc<QueuedCallback>, u32)> {
        if self.totals.in_flight >= self.max_in_flight {
            return None;
        }
        let start = *self.ready.first().filter(|(due, _)| *due <= now)?;
        self.ready.remove(&start);
        let id = start.1;
        let slot = self.slots.get_mut(&id).expect("what is ready has a slot");
        if slot.tries == 0 {
            self.totals.pending -= 1;
        } else {
            self.totals.waiting -= 1;
        }
        self.totals.in_flight += 1;
        slot.tries = slot.tries.saturating_add(1);
        slot.in_flight = true;
        if let Some(line) = line_key(&slot.callback).and_then(|key| self.lines.get_mut(key)) {
            line.queue.remove(&start);
            line.active = Some(id);
        }
        Some((slot.callback.clone(), slot.tries))
    }

    /// Takes the result of a try. A gap is counted from `now`, the moment of the failure.
    ///
    /// The result of a try that is not in flight changes nothing, and its verdict says so.
    pub fn finish(&mut self, attempt: &Attempt, result: &AttemptResult, now: Timestamp) -> Verdict {
        let id = attempt.callback.id;
        let Some(slot) = self.slots.get_mut(&id).filter(|slot| slot.in_flight) else {
            return Verdict::Dead {
                tries: attempt.number,
                class: ErrorClass::Rejected,
                reason: format!("callback {} has no try in flight", id.0),
            };
        };
        slot.in_flight = false;
        self.totals.in_flight -= 1;
        self.totals.attempts += 1;
        let tries = slot.tries;
        let policy = &slot.callback.policy;
        let (class, reason) = match &result.result {
            Ok(answer) => match policy.success.judge(answer) {
                Ok(()) => {
                    self.totals.delivered += 1;
                    self.forget(id);
                    return Verdict::Delivered { tries };
                }
                Err(reason) => (ErrorClass::Rejected, format!("the receiver {reason}")),
            },
            Err(failure) => (failure.class, failure.message.clone()),
        };
        if class.is_final() || tries >= policy.tries {
            self.totals.dead += 1;
            self.forget(id);
            return Verdict::Dead { tries, class, reason };
        }
        let seed = self.seed;
        let rng = slot.rng.get_or_insert_with(|| Box::new(seed.stream("retry", id.0)));
        let at = now.checked_add(policy.gap(tries, rng)).unwrap_or(Timestamp::MAX);
        self.totals.waiting += 1;
        self.ready.insert((at, id));
        Verdict::Retry { at }
    }

    /// Drops a callback that came to its end, and lets the next of its conversation step forward.
    fn forget(&mut self, id: CallbackId) {
        let Some(slot) = self.slots.remove(&id) else { return };
        let Some(key) = line_key(&slot.callback) else { return };
        let Some(line) = self.lines.get_mut(key) else { return };
        line.active = None;
        match line.queue.first() {
            Some(head) => {
                self.ready.insert(*head);
            }
            None => {
                self.lines.remove(key);
            }
        }
    }

    /// When [`Outbox::start`] has something to do next, as far as time alone decides; nothing while the limit of
    /// tries in flight is reached.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        if self.totals.in_flight >= self.max_in_flight {
            return None;
        }
        self.ready.first().map(|(due, _)| *due)
    }

    /// The sums.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// What is neither delivered nor dead, in the order of the ids.
    pub fn unfinished(&self) -> Vec<(CallbackId, Arc<QueuedCallback>)> {
        self.slots.iter().map(|(id, slot)| (*id, slot.callback.clone())).collect()
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
