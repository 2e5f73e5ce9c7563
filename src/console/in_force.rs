//! The settings in force, while the mock runs.

use std::sync::{Arc, Mutex, PoisonError};

use crate::settings::InForce;

/// The settings in force. All clones are the same.
#[derive(Clone, Debug, Default)]
pub struct SettingsInForce(Arc<Mutex<InForce>>);

impl SettingsInForce {
    /// These hold from now on.
    pub fn set(&self, settings: InForce) {
        // Whoever panicked while he looked has changed nothing by halves.
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    pub(super) fn get(&self) -> InForce {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
