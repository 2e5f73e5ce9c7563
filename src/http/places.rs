//! Connection slots: when full, the connection that has waited longest for its client is closed.

use std::sync::{Arc, Weak};

use tokio::time::{Duration, Instant};

use super::state::ConnState;

/// The open connections.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    /// How long a connection must have waited for its client before it is asked to close.
    give_way: Duration,
    /// The connections that hold a place; those that have ended no longer upgrade.
    taken: Vec<Weak<ConnState>>,
}

impl Places {
    pub(super) fn new(most: usize, give_way: Duration) -> Self {
        Self { most: most.max(1), give_way, taken: Vec::new() }
    }

    /// Returns whether all places are taken.
    pub(super) fn are_taken(&mut self) -> bool {
        if self.taken.len() >= self.most {
            self.taken.retain(|state| state.strong_count() > 0);
        }
        self.taken.len() >= self.most
    }

    /// Takes a place for a connection.
    pub(super) fn take(&mut self, state: &Arc<ConnState>) {
        self.taken.push(Arc::downgrade(state));
    }

    /// Asks the connection that has waited longest for its client to end. If none has waited long enough, returns when the
    /// first one will have.
    pub(super) fn make_room(&self) -> Option<Instant> {
        let all = self.taken.iter().filter_map(Weak::upgrade);
        let (since, state) =
            all.filter_map(|state| Some((state.waits_since()?, state))).min_by_key(|(since, _)| *since)?;
        let at = since + self.give_way;
        if at > Instant::now() {
            return Some(at);
        }
        state.leave();
        None
    }
}
