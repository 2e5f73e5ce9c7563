//! Callbacks held back by faults: until others were attempted, until there are enough of them, or for a time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use crate::delivery::{CallbackId, QueuedCallback};
use crate::faults::{CallbackFault, FaultName};
use crate::time::later;

/// The callbacks held back. In the outbox they are pending, and due when the longest wait is over.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    waiting: BTreeMap<CallbackId, Waiting>,
    /// Callbacks that will be sent together, by the size of the group.
    gathering: BTreeMap<u32, Vec<CallbackId>>,
    /// Complete groups: all of a group start together with its first callback.
    together: Vec<Vec<CallbackId>>,
    /// Callbacks that start now, beside the one that has just started.
    beside: VecDeque<CallbackId>,
    /// Callbacks whose wait is over.
    released: Vec<CallbackId>,
}

/// A callback that waits for others.
#[derive(Clone, Debug)]
struct Waiting {
    /// The conversation whose callbacks count; without it, all callbacks count.
    conversation: Option<Arc<str>>,
    /// Number of callbacks it still waits for.
    left: u32,
}

impl Held {
    /// Takes a new callback, and returns it as it is pushed to the outbox.
    pub(super) fn take(&mut self, callback: Arc<QueuedCallback>, now: Timestamp) -> Arc<QueuedCallback> {
        let Some(fault) = callback.delivery_fault().cloned() else { return callback };
        match fault.name {
            FaultName::Delay => {
                Arc::new(QueuedCallback { due: later(now, fault.after), ..(*callback).clone() })
            }
            FaultName::Hold | FaultName::Reorder => {
                let is_own = fault.name == FaultName::Reorder;
                let conversation = callback.order_key.clone().filter(|_| is_own);
                // Without a conversation there are no callbacks to wait for.
                if conversation.is_some() || !is_own {
                    self.waiting.insert(callback.id, Waiting { conversation, left: fault.count });
                }
                freed(&callback, &fault, now)
            }
            FaultName::Burst => {
                let gathered = self.gathering.entry(fault.count).or_default();
                gathered.push(callback.id);
                if gathered.len() >= usize::try_from(fault.count).unwrap_or(usize::MAX) {
                    let gathered = std::mem::take(gathered);
                    self.released.extend(&gathered);
                    self.together.push(gathered);
                }
                freed(&callback, &fault, now)
            }
            _ => callback,
        }
    }

    /// Records that a callback was attempted for the first time, or never will be.
    pub(super) fn passed(&mut self, callback: &QueuedCallback) {
        self.forget(callback.id);
        if self.waiting.is_empty() {
            return;
        }
        for (id, waiting) in &mut self.waiting {
            let counts = match &waiting.conversation {
                Some(own) => callback.order_key.as_ref() == Some(own),
                None => true,
            };
            if counts && *id < callback.id {
                waiting.left = waiting.left.saturating_sub(1);
                if waiting.left == 0 {
                    self.released.push(*id);
                }
            }
        }
        self.waiting.retain(|_, waiting| waiting.left > 0);
    }

    /// Records that a callback started: the others of its group start beside it.
    pub(super) fn started(&mut self, id: CallbackId) {
        self.forget(id);
        if let Some(at) = self.together.iter().position(|ids| ids.contains(&id)) {
            let others = self.together.swap_remove(at);
            self.beside.extend(others.into_iter().filter(|other| *other != id));
        }
    }

    fn forget(&mut self, id: CallbackId) {
        self.waiting.remove(&id);
        for gathered in self.gathering.values_mut() {
            gathered.retain(|other| *other != id);
        }
    }

    /// Lets this callback start beside the one that has just started.
    pub(super) fn start_beside(&mut self, id: CallbackId) {
        self.beside.push_back(id);
    }

    /// Whether callbacks are to start now.
    pub(super) fn has_beside(&self) -> bool {
        !self.beside.is_empty()
    }

    /// Returns the next callback that starts now.
    pub(super) fn next_beside(&mut self) -> Option<CallbackId> {
        self.beside.pop_front()
    }

    /// Takes the callbacks whose wait is over: they are due at once.
    pub(super) fn released(&mut self) -> Vec<CallbackId> {
        std::mem::take(&mut self.released)
    }
}

/// Returns a callback that is exempt from ordering and waits at most for the time of the fault.
fn freed(callback: &QueuedCallback, fault: &CallbackFault, now: Timestamp) -> Arc<QueuedCallback> {
    Arc::new(QueuedCallback {
        order_key: None,
        part_of: Vec::new(),
        sums_up: None,
        due: later(now, fault.within),
        ..callback.clone()
    })
}
