//! The outbox: every callback from the moment it is handed over until it is delivered or has failed.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::receivers::{Receivers, Start};
use super::shared_bytes::SharedBytes;
use super::{
    Attempt, AttemptOutcome, AttemptResult, CallbackId, End, ErrorClass, Failure, Ordering, QueuedCallback,
};
use crate::seed::{Rng, Seed};

/// The number of callbacks in each state. `queued` is the sum of the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// All callbacks that were pushed.
    pub queued: u64,
    /// Callbacks that were not attempted yet.
    pub pending: u64,
    /// Callbacks with an attempt under way.
    pub in_flight: u64,
    /// Callbacks that wait for the next attempt.
    pub waiting: u64,
    /// Callbacks that the receiver accepted.
    pub delivered: u64,
    /// Callbacks that a fault dropped, so that they were never sent.
    pub dropped: u64,
    /// Callbacks that failed: attempts exhausted, or no further attempt can succeed.
    pub failed: u64,
    /// All attempts that ended.
    pub attempts: u64,
}

/// Delay before retrying a callback for which no file descriptor was available.
const NO_DESCRIPTORS: Duration = Duration::from_secs(1);

/// A callback on its way.
#[derive(Clone, Debug)]
struct Slot {
    callback: Arc<QueuedCallback>,
    /// Number of attempts that were started.
    attempts: u32,
    in_flight: bool,
    /// Number of groups (task, plan, workflow) in which it still waits for earlier callbacks.
    held: usize,
    /// Draws the jitter of its gaps, from its first retry on.
    rng: Option<Box<Rng>>,
}

/// The callbacks of one conversation that keep their order.
#[derive(Clone, Debug, Default)]
struct FifoQueue {
    /// The callback that was attempted and is still on its way. No other callback overtakes it.
    active: Option<CallbackId>,
    /// The callbacks that were not attempted yet.
    waiting: BTreeSet<Start>,
}

/// The callbacks of a task, a plan or a workflow that were not attempted yet, in stages: the parts, then the callbacks that
/// sum them up, then further parts. Only the first stage may start.
#[derive(Clone, Debug, Default)]
struct Whole(VecDeque<Stage>);

#[derive(Clone, Debug, Default)]
struct Stage {
    is_sum: bool,
    /// Number of callbacks in the stage that were not attempted yet; never 0.
    open: usize,
    /// The callbacks that wait for their turn.
    held: Vec<CallbackId>,
}

impl Whole {
    /// Adds a callback. Returns whether it has to wait.
    fn join(&mut self, id: CallbackId, is_sum: bool) -> bool {
        if is_sum || self.0.back().is_none_or(|last| last.is_sum) {
            self.0.push_back(Stage { is_sum, ..Stage::default() });
        }
        let waits = self.0.len() > 1;
        if let Some(last) = self.0.back_mut() {
            last.open += 1;
            last.held.extend(waits.then_some(id));
        }
        waits
    }

    /// Records that a callback of the first stage was attempted. Returns the callbacks whose turn has come.
    fn attempted(&mut self) -> Vec<CallbackId> {
        let Some(first) = self.0.front_mut() else { return Vec::new() };
        first.open -= 1;
        if first.open > 0 {
            return Vec::new();
        }
        self.0.pop_front();
        self.0.front_mut().map(|next| std::mem::take(&mut next.held)).unwrap_or_default()
    }
}

/// The state machine of delivery, without sockets or clock.
///
/// Callbacks start in the order of their due times, and of their numbers where these are equal. In a conversation that keeps
/// its order, only the earliest callback may start; once it was attempted, the others wait until it is delivered or has
/// failed. A callback that sums up others starts once they were attempted, so that it never overtakes them. Finished callbacks
/// are only counted, not kept.
#[derive(Clone, Debug)]
pub struct Outbox {
    max_in_flight: u64,
    seed: Seed,
    slots: BTreeMap<CallbackId, Slot>,
    /// The callbacks that may start as soon as they are due, at most one of each queue, without those for which their
    /// receiver decides, too.
    ready: BTreeSet<Start>,
    /// Only looked up by key and never iterated, so that its random order has no effect.
    queues: HashMap<Arc<str>, FifoQueue>,
    /// Also only looked up by key.
    wholes: HashMap<Arc<str>, Whole>,
    /// Has the other callbacks that may start, as soon as they are due and their receiver allows it.
    receivers: Receivers,
    /// The bodies of the callbacks on their way.
    bodies: SharedBytes,
    totals: Totals,
}

/// Returns the key of the callback's queue, if it belongs to one.
fn queue_key(callback: &QueuedCallback) -> Option<Arc<str>> {
    match callback.policy.ordering {
        Ordering::FifoPerSession => callback.order_key.clone(),
        Ordering::Fifo => (!callback.is_out_of_order()).then(|| Arc::from(callback.target.origin())),
        Ordering::Independent => None,
    }
}

/// Returns the groups a callback is a part of or sums up, each with whether it sums it up. Without ordering, sums do not wait
/// for their parts either.
fn wholes(callback: &QueuedCallback) -> impl Iterator<Item = (&Arc<str>, bool)> {
    let is_ordered = callback.policy.ordering != Ordering::Independent;
    let parts = callback.part_of.iter().map(|key| (key, false));
    parts.chain(callback.sums_up.iter().map(|key| (key, true))).filter(move |_| is_ordered)
}

impl Outbox {
    /// Creates an empty outbox with at most this many attempts in flight, and at least one.
    pub fn new(max_in_flight: usize, seed: Seed) -> Self {
        Self {
            max_in_flight: u64::try_from(max_in_flight.max(1)).unwrap_or(u64::MAX),
            seed,
            slots: BTreeMap::new(),
            ready: BTreeSet::new(),
            queues: HashMap::new(),
            wholes: HashMap::new(),
            receivers: Receivers::default(),
            bodies: SharedBytes::default(),
            totals: Totals::default(),
        }
    }

    /// Adds a callback. Its number must be new: a callback whose number is still in the outbox is ignored.
    pub fn push(&mut self, callback: Arc<QueuedCallback>) {
        let start = (callback.due, callback.id);
        if self.slots.contains_key(&callback.id) {
            debug_assert!(false, "callback {} was pushed twice", callback.id.0);
            return;
        }
        let mut held = 0;
        for (key, is_sum) in wholes(&callback) {
            let whole = self.wholes.entry(Arc::clone(key)).or_default();
            held += usize::from(whole.join(callback.id, is_sum));
        }
        if let Some(key) = queue_key(&callback) {
            let queue = self.queues.entry(key).or_default();
            let overtaken = queue.waiting.first().copied().filter(|head| start < *head);
            queue.waiting.insert(start);
            if let Some(head) = overtaken {
                self.withdraw(head);
            }
        }
        self.bodies.hold(&callback.body);
        self.slots.insert(callback.id, Slot { callback, attempts: 0, in_flight: false, held, rng: None });
        self.make_ready(start);
        self.totals.queued += 1;
        self.totals.pending += 1;
    }

    /// Lets a callback start that was not attempted yet, unless others come first.
    fn make_ready(&mut self, start: Start) {
        let Some(slot) = self.slots.get(&start.1).filter(|slot| slot.held == 0) else { return };
        let queue = queue_key(&slot.callback).and_then(|key| self.queues.get(&key));
        if queue.is_none_or(|queue| queue.active.is_none() && queue.waiting.first() == Some(&start)) {
            self.offer(start);
        }
    }

    /// Lets a callback start as soon as it is due and its receiver allows it.
    fn offer(&mut self, start: Start) {
        let Some(slot) = self.slots.get(&start.1) else { return };
        if !self.receivers.offer(&slot.callback, start) {
            self.ready.insert(start);
        }
    }

    /// Takes back that a callback may start. Returns whether it might have.
    fn withdraw(&mut self, start: Start) -> bool {
        let Some(slot) = self.slots.get(&start.1) else { return false };
        self.ready.remove(&start) || self.receivers.withdraw(&slot.callback, start)
    }

    /// Records that a callback was attempted for the first time, and releases the callbacks that waited for that.
    fn attempted(&mut self, callback: &QueuedCallback) {
        for (key, _) in wholes(callback) {
            let Some(whole) = self.wholes.get_mut(key) else { continue };
            let released = whole.attempted();
            if whole.0.is_empty() {
                self.wholes.remove(key);
            }
            for id in released {
                let Some(slot) = self.slots.get_mut(&id) else { continue };
                slot.held -= 1;
                let start = (slot.callback.due, id);
                self.make_ready(start);
            }
        }
    }

    /// Returns the next attempt that is due and may start: the callback and the number of the attempt. It counts as in flight.
    /// If there is none, nothing is changed: however often it is asked, later attempts are the same.
    pub fn start(&mut self, now: Timestamp) -> Option<(Arc<QueuedCallback>, u32)> {
        if self.totals.in_flight >= self.max_in_flight {
            return None;
        }
        let start = [self.ready.first().copied(), self.receivers.first(now)].into_iter().flatten().min()?;
        (start.0 <= now).then(|| self.begin(start))
    }

    /// Whether a callback that was started must not be sent, because its receiver is disabled.
    pub fn is_disabled(&self, callback: &QueuedCallback) -> bool {
        self.receivers.is_disabled(callback)
    }

    /// Takes the notes about receivers, each of which is given once.
    pub fn take_notes(&mut self) -> Vec<String> {
        self.receivers.take_notes()
    }

    /// Like [`Outbox::start`], for this callback only and regardless of the number of attempts in flight, in which it counts.
    pub fn start_this(&mut self, id: CallbackId, now: Timestamp) -> Option<(Arc<QueuedCallback>, u32)> {
        let slot = self.slots.get(&id).filter(|slot| !slot.in_flight && slot.attempts == 0)?;
        let start = (slot.callback.due, id);
        let is_ready = self.ready.contains(&start) || self.receivers.has(&slot.callback, start);
        (start.0 <= now && is_ready).then(|| self.begin(start))
    }

    /// Moves the start of a callback that was not attempted yet and is exempt from ordering.
    pub fn move_to(&mut self, id: CallbackId, due: Timestamp) {
        let Some(slot) = self.slots.get(&id).filter(|slot| slot.attempts == 0 && !slot.in_flight) else {
            return;
        };
        let old = (slot.callback.due, id);
        if self.withdraw(old)
            && let Some(slot) = self.slots.get_mut(&id)
        {
            // Other owners still see the callback as it was pushed.
            Arc::make_mut(&mut slot.callback).due = due;
            self.offer((due, id));
        }
    }

    /// Ends a callback that was started without sending it: a fault drops it, or it fails. Returns the number of earlier
    /// attempts.
    pub fn end_started(&mut self, callback: &QueuedCallback, is_dropped: bool, now: Timestamp) -> u32 {
        let id = callback.id;
        let Some(slot) = self.slots.get(&id).filter(|slot| slot.in_flight) else { return 0 };
        let made = slot.attempts - 1;
        self.totals.in_flight -= 1;
        match is_dropped {
            true => self.totals.dropped += 1,
            false => self.totals.failed += 1,
        }
        self.receivers.ended(callback, None, now);
        self.forget(id);
        if made == 0 {
            self.attempted(callback);
        }
        made
    }

    fn begin(&mut self, start: Start) -> (Arc<QueuedCallback>, u32) {
        let id = start.1;
        let slot = self.slots.get_mut(&id).expect("what is ready has a slot");
        if !self.ready.remove(&start) {
            self.receivers.begin(&slot.callback, start);
        }
        if slot.attempts == 0 {
            self.totals.pending -= 1;
        } else {
            self.totals.waiting -= 1;
        }
        self.totals.in_flight += 1;
        slot.attempts = slot.attempts.saturating_add(1);
        slot.in_flight = true;
        if let Some(queue) = queue_key(&slot.callback).and_then(|key| self.queues.get_mut(&key)) {
            // It may start later than it was due.
            queue.waiting.remove(&(slot.callback.due, id));
            queue.active = Some(id);
        }
        (slot.callback.clone(), slot.attempts)
    }

    /// Takes the result of an attempt. The gap is counted from `now`, the moment of the failure.
    ///
    /// The result of an attempt that is not in flight changes nothing, and its outcome says so.
    pub fn finish(&mut self, attempt: &Attempt, result: &AttemptResult, now: Timestamp) -> AttemptOutcome {
        let id = attempt.callback.id;
        let rejected = |message: String| Failure { class: ErrorClass::Rejected, message };
        let Some(slot) = self.slots.get_mut(&id).filter(|slot| slot.in_flight) else {
            let failure = Some(rejected(format!("callback {} has no attempt in flight", id.0)));
            return AttemptOutcome::Ended(End { attempts: attempt.number, failure });
        };
        slot.in_flight = false;
        self.totals.in_flight -= 1;
        if let Err(Failure { class: ErrorClass::NoDescriptors, .. }) = &result.result {
            // None of it has left this machine, so it waits as if nothing had been tried.
            slot.attempts -= 1;
            match slot.attempts {
                0 => self.totals.pending += 1,
                _ => self.totals.waiting += 1,
            }
            let at = now.checked_add(NO_DESCRIPTORS).unwrap_or(Timestamp::MAX);
            self.receivers.ended(&slot.callback, None, now);
            self.offer((at, id));
            return AttemptOutcome::Retry { at };
        }
        self.totals.attempts += 1;
        let (attempts, policy) = (slot.attempts, &slot.callback.policy);
        let callback = Arc::clone(&slot.callback);
        let failure = match &result.result {
            Ok(answer) => {
                policy.success.judge(answer).err().map(|why| rejected(format!("the receiver {why}")))
            }
            Err(failure) => Some(failure.clone()),
        };
        let asked = result.result.as_ref().ok().and_then(|answer| policy.asked(answer, now));
        // A failure caused by a fault says nothing about the receiver.
        let went_well = attempt.faults.is_empty().then_some(failure.is_none());
        self.receivers.ended(&callback, went_well, now);
        if let Some(failure) = &failure
            && !failure.class.is_final()
            && attempts < policy.attempts
        {
            let seed = self.seed;
            let rng = slot.rng.get_or_insert_with(|| Box::new(seed.stream("retry", id.0)));
            let gap = policy.gap(attempts, rng);
            let at = now.checked_add(asked.unwrap_or(gap)).unwrap_or(Timestamp::MAX);
            self.totals.waiting += 1;
            self.offer((at, id));
            if attempts == 1 {
                self.attempted(&callback);
            }
            return AttemptOutcome::Retry { at };
        }
        match &failure {
            None => self.totals.delivered += 1,
            Some(_) => self.totals.failed += 1,
        }
        self.forget(id);
        if attempts == 1 {
            self.attempted(&callback);
        }
        AttemptOutcome::Ended(End { attempts, failure })
    }

    /// Removes a finished callback and lets the next one of its conversation proceed.
    fn forget(&mut self, id: CallbackId) {
        let Some(slot) = self.slots.remove(&id) else { return };
        self.bodies.let_go(&slot.callback.body);
        let Some(key) = queue_key(&slot.callback) else { return };
        let Some(queue) = self.queues.get_mut(&key) else { return };
        queue.active = None;
        match queue.waiting.first().copied() {
            Some(head) => self.make_ready(head),
            None => drop(self.queues.remove(&key)),
        }
    }

    /// Returns when [`Outbox::start`] has something to do next, as far as time alone decides. Returns `None` while the limit
    /// of attempts in flight is reached.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        if self.totals.in_flight >= self.max_in_flight {
            return None;
        }
        let due = self.ready.first().map(|(due, _)| *due);
        [due, self.receivers.next_wakeup()].into_iter().flatten().min()
    }

    /// Returns the memory taken by the bodies of all callbacks on their way. Bodies that share their bytes count once.
    pub fn bytes(&self) -> usize {
        self.bodies.sum()
    }

    /// Returns the totals.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Returns the number of unfinished callbacks.
    pub fn open(&self) -> usize {
        self.slots.len()
    }

    /// Returns the callbacks that were not sent or await another attempt, in the order of their ids, with the attempts so far.
    pub fn left(&self) -> impl Iterator<Item = (&QueuedCallback, u32)> {
        let made = |slot: &Slot| slot.attempts - u32::from(slot.in_flight);
        self.slots.values().map(move |slot| (&*slot.callback, made(slot)))
    }

    /// Returns the callbacks on their way, in the order of the ids.
    pub fn unfinished(&self) -> impl Iterator<Item = (CallbackId, &Arc<QueuedCallback>)> {
        self.slots.iter().map(|(id, slot)| (*id, &slot.callback))
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
