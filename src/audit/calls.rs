//! The receiver's own requests to the REST side that the audit serves.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::journal::{Entry, Event, Sink};

/// The requests that change something, in order of arrival. All clones share their state.
#[derive(Clone, Debug, Default)]
pub(super) struct CallsMade(Arc<Mutex<Vec<Call>>>);

/// A request.
#[derive(Debug)]
struct Call {
    /// Its path and body.
    text: Vec<u8>,
    /// Whether it was served, and neither refused nor hit by a fault.
    is_served: bool,
}

impl CallsMade {
    fn lock(&self) -> MutexGuard<'_, Vec<Call>> {
        // A panic while the lock is held leaves no partial change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how many requests mention an id: all, and those that were served.
    pub(super) fn about(&self, id: &str) -> (usize, usize) {
        let calls = self.lock();
        let found = calls.iter().filter(|call| memchr::memmem::find(&call.text, id.as_bytes()).is_some());
        found.fold((0, 0), |(all, served), call| (all + 1, served + usize::from(call.is_served)))
    }

    /// Forgets all requests.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }
}

impl Sink for CallsMade {
    fn entry(&mut self, entry: &Entry) {
        let Event::Called(call) = &entry.event else { return };
        // A request that only reads, or that fetches a token, has no effect that could happen twice.
        let changes = call.id.as_deref().is_some_and(|id| !matches!(id, "auth.token" | "dialer.auth"))
            && &*call.call.method != "GET";
        if changes {
            let text = [call.call.path_and_query().as_bytes(), &call.call.body].concat();
            let is_served =
                (200..300).contains(&call.status) && call.refusal.is_none() && call.fault.is_none();
            self.lock().push(Call { text, is_served });
        }
    }
}
