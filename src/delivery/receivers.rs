//! What the outbox knows of each receiver: how much is under way to it, and how it has fared.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use super::policy::Policy;
use super::{CallbackId, QueuedCallback};
use crate::time::HumanDuration;

/// The receivers, by origin. Those of which nothing has to be known are not kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Receivers {
    known: HashMap<String, Receiver>,
    notes: Vec<String>,
}

#[derive(Clone, Debug, Default)]
struct Receiver {
    in_flight: u32,
    /// Those that may start as soon as fewer are under way.
    parked: BTreeSet<(Timestamp, CallbackId)>,
    /// So many attempts in a row have failed.
    failures: u32,
    failing_since: Option<Timestamp>,
    paused_until: Option<Timestamp>,
    is_disabled: bool,
}

/// What becomes of a callback that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It starts.
    Starts,
    /// It starts later.
    At(Timestamp),
    /// It starts when another one has ended.
    Parked,
}

/// Whether anything about the receiver matters to a policy.
fn looks(policy: &Policy) -> bool {
    policy.concurrency.is_some() || policy.pause.is_some() || policy.disable_after.is_some()
}

impl Receivers {
    /// Whether a callback that is due may start. If so, it counts as under way.
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
            // After a pause one callback shows whether it is over.
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

    /// Whether a receiver gets nothing more.
    pub(super) fn is_disabled(&self, callback: &QueuedCallback) -> bool {
        self.known.get(callback.target.origin()).is_some_and(|receiver| receiver.is_disabled)
    }

    /// An attempt ended, well or not; nothing is known of one that went wrong on purpose, or never left. Those that may
    /// start now are returned.
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
                        self.notes.push(format!(
                            "{name} failed {after} times in a row: it is left alone for {length}"
                        ));
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
                        "{name} has only failed for {after}: it is disabled and gets nothing more"
                    ));
                }
            }
        }
        // All of them: each asks anew whether it may start.
        std::mem::take(&mut receiver.parked).into_iter().collect()
    }

    /// What somebody should know, once.
    pub(super) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }
}
