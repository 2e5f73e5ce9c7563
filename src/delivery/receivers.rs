//! What the outbox records about each receiver: attempts under way, and failures.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use super::policy::Policy;
use super::{CallbackId, QueuedCallback};
use crate::time::HumanDuration;

/// Receivers by origin; only those with attempts under way or failures to remember.
#[derive(Clone, Debug, Default)]
pub(super) struct Receivers {
    known: HashMap<String, Receiver>,
    notes: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Receiver {
    in_flight: u32,
    /// The callbacks that may start as soon as fewer attempts are under way.
    parked: BTreeSet<(Timestamp, CallbackId)>,
    /// Number of consecutive failed attempts.
    failures: u32,
    failing_since: Option<Timestamp>,
    paused_until: Option<Timestamp>,
    is_disabled: bool,
}

/// Whether a due callback may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It starts now.
    Starts,
    /// It starts at this later moment.
    At(Timestamp),
    /// It starts when another attempt has ended.
    Parked,
}

/// Whether a policy depends on the state of the receiver.
fn looks(policy: &Policy) -> bool {
    policy.concurrency.is_some() || policy.pause.is_some() || policy.disable_after.is_some()
}

impl Receivers {
    /// Decides whether a due callback may start. If so, it counts as under way.
    pub(super) fn admit(
        &mut self,
        callback: &QueuedCallback,
        start: (Timestamp, CallbackId),
        now: Timestamp,
    ) -> Admission {
        if !looks(&callback.policy) {
            return Admission::Starts;
        }
        let receiver = self.known.entry(callback.target.origin().to_owned()).or_default();
        if !receiver.is_disabled {
            if let Some(until) = receiver.paused_until.filter(|until| *until > now) {
                return Admission::At(until);
            }
            // After a pause a single callback tests whether the receiver has recovered.
            let is_trial = receiver.paused_until.is_some();
            let most = if is_trial { Some(1) } else { callback.policy.concurrency };
            if most.is_some_and(|most| receiver.in_flight >= most) {
                receiver.parked.insert(start);
                return Admission::Parked;
            }
        }
        receiver.in_flight += 1;
        Admission::Starts
    }

    /// Whether a receiver is disabled.
    pub(super) fn is_disabled(&self, callback: &QueuedCallback) -> bool {
        self.known.get(callback.target.origin()).is_some_and(|receiver| receiver.is_disabled)
    }

    /// Records the end of an attempt. The result is unknown for an attempt that a fault made fail or that never left. Returns
    /// the callbacks that may start now.
    pub(super) fn ended(
        &mut self,
        callback: &QueuedCallback,
        went_well: Option<bool>,
        now: Timestamp,
    ) -> Vec<(Timestamp, CallbackId)> {
        let policy = &*callback.policy;
        let Some(receiver) = self.known.get_mut(callback.target.origin()).filter(|_| looks(policy)) else {
            return Vec::new();
        };
        receiver.in_flight = receiver.in_flight.saturating_sub(1);
        let name = callback.target.authority();
        match went_well {
            None => {}
            Some(true) => {
                if receiver.paused_until.take().is_some() {
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
                    let is_first = receiver.paused_until.is_none();
                    receiver.paused_until = Some(now.checked_add(length).unwrap_or(Timestamp::MAX));
                    if is_first {
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
        let released = std::mem::take(&mut receiver.parked);
        // The number of origins is unlimited, since stories can make them up.
        if *receiver == Receiver::default() {
            self.known.remove(callback.target.origin());
        }
        // Returns all of them: each is admitted anew.
        released.into_iter().collect()
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
