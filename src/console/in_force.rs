//! The settings in force, while the mock runs.

use std::sync::{Arc, Mutex};

use crate::settings::InForce;
use crate::sync::lock;

/// The settings in force. All clones share their state.
#[derive(Clone, Debug, Default)]
pub struct SettingsInForce(Arc<Mutex<InForce>>);

impl SettingsInForce {
    /// Replaces the settings in force.
    pub fn set(&self, settings: InForce) {
        *lock(&self.0) = settings;
    }

    pub(super) fn get(&self) -> InForce {
        lock(&self.0).clone()
    }
}
