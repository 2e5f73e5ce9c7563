//! The receiver's own requests to the REST side that the audit serves.

use std::sync::{Arc, Mutex, MutexGuard};

use crate::journal::{Entry, Event, Sink};
use crate::sync::lock;

/// The requests that change something, in order of arrival. All clones share their state.
#[derive(Clone, Debug, Default)]
pub(super) struct RequestsMade(Arc<Mutex<Vec<Request>>>);

/// A request.
#[derive(Debug)]
struct Request {
    /// Its path and body.
    text: Vec<u8>,
    /// Whether it was served, and neither refused nor hit by a fault.
    is_served: bool,
}

impl RequestsMade {
    fn lock(&self) -> MutexGuard<'_, Vec<Request>> {
        // A panic while the lock is held leaves no partial change.
        lock(&self.0)
    }

    /// Returns how many requests mention an id: all, and those that were served.
    pub(super) fn about(&self, id: &str) -> (usize, usize) {
        let requests = self.lock();
        let found =
            requests.iter().filter(|request| memchr::memmem::find(&request.text, id.as_bytes()).is_some());
        found.fold((0, 0), |(all, served), request| (all + 1, served + usize::from(request.is_served)))
    }

    /// Forgets all requests.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }
}

impl Sink for RequestsMade {
    fn entry(&mut self, entry: &Entry) {
        let Event::Requested(exchange) = &entry.event else { return };
        // A request that only reads, or that fetches a token, has no effect that could happen twice.
        let changes = exchange.id.as_deref().is_some_and(|id| !matches!(id, "auth.token" | "dialer.auth"))
            && &*exchange.request.method != "GET";
        if changes {
            let text = [exchange.request.path_and_query().as_bytes(), &exchange.request.body].concat();
            let is_served = (200..300).contains(&exchange.status)
                && exchange.refusal.is_none()
                && exchange.fault.is_none();
            self.lock().push(Request { text, is_served });
        }
    }
}
