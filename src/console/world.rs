//! What the control surface works with.

use std::sync::Arc;

use super::namespace::Namespaces;
use super::reloads::Reloads;
use crate::contract::Catalog;
use crate::engine::Driver;
use crate::journal::{Kept, Lines};

/// What the control surface works with: one mock, and what is kept of its journal.
#[derive(Clone, Debug)]
pub struct World {
    /// The engine with its clock.
    pub driver: Driver,
    /// What exists.
    pub catalog: Arc<Catalog>,
    /// The latest of the journal.
    pub kept: Kept,
    /// How entries of the journal are shown.
    pub lines: Lines,
    /// What came of files that changed.
    pub reloads: Reloads,
    /// Makes further mocks behind the same address; nothing in one of those.
    pub namespaces: Option<Arc<dyn Namespaces>>,
}
