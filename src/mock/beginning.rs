//! The beginning of a mock's state, shared and replaceable.

use std::sync::{Arc, Mutex, MutexGuard};

use crate::console::Beginning;
use crate::sync::lock;

/// The beginning of a mock's state, shared between the code that puts the mock back and the store of its inputs.
#[derive(Clone, Debug)]
pub(super) struct SharedBeginning(Arc<Mutex<Beginning>>);

impl SharedBeginning {
    /// Creates the shared beginning of a mock.
    pub(super) fn new(beginning: Beginning) -> Self {
        Self(Arc::new(Mutex::new(beginning)))
    }

    fn lock(&self) -> MutexGuard<'_, Beginning> {
        // It is only ever replaced as a whole.
        lock(&self.0)
    }

    /// Returns the present value.
    pub(super) fn get(&self) -> Beginning {
        self.lock().clone()
    }

    /// Replaces the value, and returns the previous one.
    pub(super) fn replace(&self, beginning: Beginning) -> Beginning {
        std::mem::replace(&mut self.lock(), beginning)
    }
}
