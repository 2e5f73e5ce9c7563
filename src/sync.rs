//! Locks.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex that no panic can leave with a half-updated value, so that poisoning has no meaning.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
