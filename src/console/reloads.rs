//! Results of reloading changed files.

use std::sync::{Arc, Mutex, MutexGuard};

use schemars::JsonSchema;
use serde::Serialize;

use crate::sync::lock;

/// The results of reloading changed files. Clones share their state.
#[derive(Clone, Debug, Default)]
pub struct Reloads(Arc<Mutex<Reloaded>>);

/// What came of files that changed while the mock runs.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct Reloaded {
    /// Whether files are watched at all (`serve --watch`).
    pub watched: bool,
    /// How often a changed file was taken over.
    pub taken: u64,
    /// What is wrong with a file, so that what held before stays in force; nothing once it is right.
    pub mistake: Option<String>,
    /// The keys of the settings file that are otherwise than at the start, and hold from the next start on.
    pub waiting: Vec<String>,
}

impl Reloads {
    /// Locks the results for reading and changing.
    pub fn lock(&self) -> MutexGuard<'_, Reloaded> {
        lock(&self.0)
    }
}
