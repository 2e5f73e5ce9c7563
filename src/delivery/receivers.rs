//! The receivers, as far as they decide when callbacks start: attempts under way, pauses, and failures.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use super::policy::Policy;
use super::{CallbackId, QueuedCallback};
use crate::time::HumanDuration;

/// A moment at which a callback may start; ordered by the moment, then by the callback's number.
pub(super) type Start = (Timestamp, CallbackId);

/// Receivers by origin, with the callbacks that wait for them and whose policy depends on their state; only those with
/// something to remember.
///
/// The lists of what may start follow from the rest. So asking for the next start changes nothing that could be noticed.
#[derive(Clone, Debug, Default)]
pub(super) struct Receivers {
    known: HashMap<String, Receiver>,
    /// The callbacks that may start as soon as they are due: of each receiver, the first one under each limit.
    open: BTreeSet<Start>,
    /// The paused receivers, by when the first callback may start there.
    paused: BTreeSet<(Timestamp, String)>,
    notes: Vec<String>,
    /// How often a receiver was listed.
    #[cfg(test)]
    pub(super) listings: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Receiver {
    in_flight: u32,
    /// The callbacks that wait to start, by the number of attempts under way that their policy allows. No set is empty.
    waiting: BTreeMap<u32, BTreeSet<Start>>,
    /// Those of them that are in the list of what may start.
    open: Vec<Start>,
    /// Where it is in the list of paused receivers.
    listed_at: Option<Timestamp>,
    /// Number of consecutive failed attempts.
    failures: u32,
    failing_since: Option<Timestamp>,
    pause: Option<Pause>,
    is_disabled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pause {
    Until(Timestamp),
    /// It is over, and a single callback tests whether the receiver has recovered.
    Trial,
}

impl Receiver {
    fn remove(&mut self, limit: u32, start: Start) -> bool {
        let Some(waiting) = self.waiting.get_mut(&limit) else { return false };
        let was_there = waiting.remove(&start);
        if waiting.is_empty() {
            self.waiting.remove(&limit);
        }
        was_there
    }
}

/// Whether a policy depends on the state of the receiver.
fn looks(policy: &Policy) -> bool {
    policy.concurrency.is_some() || policy.pause.is_some() || policy.disable_after.is_some()
}

fn limit(policy: &Policy) -> u32 {
    policy.concurrency.unwrap_or(u32::MAX)
}

impl Receivers {
    /// Takes a callback that may start as soon as it is due and its receiver allows it. Returns whether the receiver has a say;
    /// if not, the callback is not taken.
    pub(super) fn offer(&mut self, callback: &QueuedCallback, start: Start) -> bool {
        let (policy, origin) = (&*callback.policy, callback.target.origin());
        if !looks(policy) {
            return false;
        }
        if !self.known.contains_key(origin) {
            self.known.insert(origin.to_owned(), Receiver::default());
        }
        if let Some(receiver) = self.known.get_mut(origin) {
            receiver.waiting.entry(limit(policy)).or_default().insert(start);
        }
        self.list(origin);
        true
    }

    /// Whether this callback was taken to start at this moment.
    pub(super) fn has(&self, callback: &QueuedCallback, start: Start) -> bool {
        let receiver = self.known.get(callback.target.origin());
        let waiting = receiver.and_then(|receiver| receiver.waiting.get(&limit(&callback.policy)));
        waiting.is_some_and(|waiting| waiting.contains(&start))
    }

    /// Gives a callback back, which does not start at this moment after all. Returns whether it was there.
    pub(super) fn withdraw(&mut self, callback: &QueuedCallback, start: Start) -> bool {
        let origin = callback.target.origin();
        let Some(receiver) = self.known.get_mut(origin) else { return false };
        let was_there = receiver.remove(limit(&callback.policy), start);
        self.list(origin);
        was_there
    }

    /// Records that a callback which was waiting starts.
    pub(super) fn begin(&mut self, callback: &QueuedCallback, start: Start) {
        let (policy, origin) = (&*callback.policy, callback.target.origin());
        let Some(receiver) = self.known.get_mut(origin).filter(|_| looks(policy)) else { return };
        receiver.remove(limit(policy), start);
        receiver.in_flight += 1;
        self.list(origin);
    }

    /// Returns the first callback that may start at this moment.
    pub(super) fn first(&mut self, now: Timestamp) -> Option<Start> {
        while self.paused.first().is_some_and(|(at, _)| *at <= now)
            && let Some((_, origin)) = self.paused.pop_first()
        {
            if let Some(receiver) = self.known.get_mut(&origin) {
                receiver.pause = Some(Pause::Trial);
            }
            self.list(&origin);
        }
        self.open.first().copied().filter(|(due, _)| *due <= now)
    }

    /// Returns when a callback may start next, as far as time alone decides.
    pub(super) fn next_wakeup(&self) -> Option<Timestamp> {
        let open = self.open.first().map(|(due, _)| *due);
        let paused = self.paused.first().map(|(at, _)| *at);
        [open, paused].into_iter().flatten().min()
    }

    /// Whether a receiver is disabled.
    pub(super) fn is_disabled(&self, callback: &QueuedCallback) -> bool {
        self.known.get(callback.target.origin()).is_some_and(|receiver| receiver.is_disabled)
    }

    /// Records the end of an attempt. The result is unknown for an attempt that a fault made fail or that never left.
    pub(super) fn ended(&mut self, callback: &QueuedCallback, went_well: Option<bool>, now: Timestamp) {
        let (policy, origin) = (&*callback.policy, callback.target.origin());
        let Some(receiver) = self.known.get_mut(origin).filter(|_| looks(policy)) else { return };
        debug_assert!(receiver.in_flight > 0, "an attempt ends that never began");
        receiver.in_flight = receiver.in_flight.saturating_sub(1);
        let name = callback.target.authority();
        match went_well {
            None => {}
            Some(true) => {
                if receiver.pause.take().is_some() {
                    self.notes.push(format!("{name} accepts callbacks again: the pause is over"));
                }
                (receiver.failures, receiver.failing_since) = (0, None);
            }
            Some(false) => {
                receiver.failures = receiver.failures.saturating_add(1);
                let since = *receiver.failing_since.get_or_insert(now);
                if let Some((after, length)) = policy.pause
                    && receiver.failures >= after
                {
                    let until = now.checked_add(length).unwrap_or(Timestamp::MAX);
                    if receiver.pause.replace(Pause::Until(until)).is_none() {
                        let length = HumanDuration(length);
                        self.notes
                            .push(format!("{name} failed {after} times in a row: it is paused for {length}"));
                    }
                }
                let failed_for = Duration::try_from(now.duration_since(since)).unwrap_or_default();
                if let Some(after) = policy.disable_after
                    && failed_for >= after
                    && !receiver.is_disabled
                {
                    receiver.is_disabled = true;
                    let after = HumanDuration(after);
                    self.notes.push(format!(
                        "{name} has failed for {after} without a success: it is disabled and gets no \
                        more callbacks"
                    ));
                }
            }
        }
        self.list(origin);
    }

    /// Lists what may start at a receiver, after its state has changed.
    fn list(&mut self, origin: &str) {
        #[cfg(test)]
        {
            self.listings += 1;
        }
        let Some(receiver) = self.known.get_mut(origin) else { return };
        for start in receiver.open.drain(..) {
            self.open.remove(&start);
        }
        if let Some(at) = receiver.listed_at.take() {
            self.paused.remove(&(at, origin.to_owned()));
        }
        let first = receiver.waiting.values().filter_map(BTreeSet::first).min();
        match receiver.pause.filter(|_| !receiver.is_disabled) {
            Some(Pause::Until(until)) => {
                // With an attempt under way, its end decides.
                if let Some((due, _)) = first.filter(|_| receiver.in_flight == 0) {
                    let at = until.max(*due);
                    receiver.listed_at = Some(at);
                    self.paused.insert((at, origin.to_owned()));
                }
            }
            trial => {
                for (limit, waiting) in &receiver.waiting {
                    let limit = if trial.is_some() { 1 } else { *limit };
                    if receiver.is_disabled || receiver.in_flight < limit {
                        receiver.open.extend(waiting.first());
                    }
                }
                self.open.extend(&receiver.open);
            }
        }
        // The number of origins is unlimited, since stories can make them up.
        if *receiver == Receiver::default() {
            self.known.remove(origin);
        }
    }

    /// Number of receivers that are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// Takes the notes for the user, each of which is given once.
    pub(super) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }
}
