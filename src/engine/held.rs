//! Callbacks that are held back on purpose: until others were attempted, until there are enough of them, or for a time.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use crate::delivery::{CallbackId, QueuedCallback};
use crate::faults::{CallbackFault, FaultName};
use crate::time::later;

/// What is held back. The outbox has all of it as pending, due when the longest wait is over.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    waiting: BTreeMap<CallbackId, Waiting>,
    /// Callbacks that will come together, by how many they are to be.
    gathering: BTreeMap<u32, Vec<CallbackId>>,
    /// Those that come together with one of theirs, once that starts.
    together: Vec<Vec<CallbackId>>,
    /// Those that start right now, beside what has just started.
    beside: VecDeque<CallbackId>,
    /// Whose wait is over.
    released: Vec<CallbackId>,
}

/// A callback that waits for others.
#[derive(Clone, Debug)]
struct Waiting {
    /// Whose callbacks count; all of them without it.
    conversation: Option<Arc<str>>,
    /// For so many more.
    left: u32,
}

impl Held {
    /// A new callback as it is handed to the outbox.
    pub(super) fn take(&mut self, callback: Arc<QueuedCallback>, now: Timestamp) -> Arc<QueuedCallback> {
        let Some(fault) = callback.delivery_fault().cloned() else { return callback };
        match fault.name {
            FaultName::Delay => {
                Arc::new(QueuedCallback { due: later(now, fault.after), ..(*callback).clone() })
            }
            FaultName::Hold | FaultName::Reorder => {
                let is_own = fault.name == FaultName::Reorder;
                let conversation = callback.order_key.clone().filter(|_| is_own);
                // Without a conversation it could wait for nobody.
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

    /// A callback was attempted for the first time, or never will be.
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

    /// A callback started: those that come together with it start beside it.
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

    /// This one starts beside what has just started.
    pub(super) fn start_beside(&mut self, id: CallbackId) {
        self.beside.push_back(id);
    }

    /// The next that starts right now.
    pub(super) fn next_beside(&mut self) -> Option<CallbackId> {
        self.beside.pop_front()
    }

    /// Those whose wait is over: they are due at once.
    pub(super) fn released(&mut self) -> Vec<CallbackId> {
        std::mem::take(&mut self.released)
    }
}

/// A callback that stands in no order and waits at most so long.
fn freed(callback: &QueuedCallback, fault: &CallbackFault, now: Timestamp) -> Arc<QueuedCallback> {
    Arc::new(QueuedCallback {
        order_key: None,
        part_of: Vec::new(),
        sums_up: None,
        due: later(now, fault.within),
        ..callback.clone()
    })
}
