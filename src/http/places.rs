//! The places of a server for connections: one that waits for its client gives way to another.

use std::sync::{Arc, Weak};

use tokio::time::{Duration, Instant};

use super::state::ConnState;

/// The connections there are.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    /// How long one must have waited for its client.
    give_way: Duration,
    /// Those that have ended are gone from memory.
    taken: Vec<Weak<ConnState>>,
}

impl Places {
    pub(super) fn new(most: usize, give_way: Duration) -> Self {
        Self { most: most.max(1), give_way, taken: Vec::new() }
    }

    /// Whether there is none left.
    pub(super) fn are_taken(&mut self) -> bool {
        if self.taken.len() >= self.most {
            self.taken.retain(|state| state.strong_count() > 0);
        }
        self.taken.len() >= self.most
    }

    /// A connection takes a place.
    pub(super) fn take(&mut self, state: &Arc<ConnState>) {
        self.taken.push(Arc::downgrade(state));
    }

    /// Has the connection end that has waited longest for its client. Otherwise, when one may be asked to.
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
