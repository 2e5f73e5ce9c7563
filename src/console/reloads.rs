//! Results of reloading changed files.

use std::sync::{Arc, Mutex, MutexGuard};

use schemars::JsonSchema;
use serde::Serialize;

use crate::sync::lock;

/// The results of reloading changed files. Clones share their state.
#[derive(Clone, Debug, Default)]
pub struct Reloads(Arc<Mutex<Reloaded>>);

/// The results of reloading changed files.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Reloaded {
    /// Whether files are watched at all (`serve --watch`).
    pub watched: bool,
    /// Number of changed files that were taken over.
    pub taken: u64,
    /// The mistake in a changed file, if any; until it is corrected the previous content stays in force.
    pub mistake: Option<String>,
    /// The changed keys of the settings file that take effect only at the next start.
    pub waiting: Vec<String>,
}

impl Reloads {
    /// Locks the results for reading and changing.
    pub fn lock(&self) -> MutexGuard<'_, Reloaded> {
        lock(&self.0)
    }
}
