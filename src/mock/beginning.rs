//! What the state of a mock begins with, as it is now.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::console::Beginning;

/// What the state of a mock begins with, shared between who puts the mock back and where its state is stored.
#[derive(Clone, Debug)]
pub(super) struct SharedBeginning(Arc<Mutex<Beginning>>);

impl SharedBeginning {
    /// For a mock that begins like this.
    pub(super) fn new(beginning: Beginning) -> Self {
        Self(Arc::new(Mutex::new(beginning)))
    }

    fn lock(&self) -> MutexGuard<'_, Beginning> {
        // It is only ever replaced as a whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It as it is now.
    pub(super) fn get(&self) -> Beginning {
        self.lock().clone()
    }

    /// Puts another in its place, and gives the one before.
    pub(super) fn replace(&self, beginning: Beginning) -> Beginning {
        std::mem::replace(&mut self.lock(), beginning)
    }
}
