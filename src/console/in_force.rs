//! The settings in force, while the mock runs.

use std::sync::{Arc, Mutex, PoisonError};

use crate::settings::InForce;

/// The settings in force. All clones share their state.
#[derive(Clone, Debug, Default)]
pub struct SettingsInForce(Arc<Mutex<InForce>>);

impl SettingsInForce {
    /// Replaces the settings in force.
    pub fn set(&self, settings: InForce) {
        // A panic under this lock cannot leave the value half updated.
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = settings;
    }

    pub(super) fn get(&self) -> InForce {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
