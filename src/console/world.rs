//! What the control surface works with.

use std::sync::Arc;

use jiff::Timestamp;

use super::again::{Again, Origin, Snapshots};
use super::beside::Namespaces;
use super::in_force::SettingsInForce;
use super::load_run::LoadRuns;
use super::refused::Refused;
use super::reloads::Reloads;
use crate::contract::Catalog;
use crate::engine::{Driver, Engine};
use crate::journal::{Kept, Lines};
use crate::net::HttpRequest;
use crate::scenario::Library;

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
    /// When the program was built.
    pub built: Option<&'static str>,
    /// The settings in force.
    pub settings: SettingsInForce,
    /// The scenarios that stories can be begun of.
    pub scenarios: Library,
    /// What came of files that changed.
    pub reloads: Reloads,
    /// The load that it runs beside; nothing in a mock of its own.
    pub load: Option<Arc<dyn LoadRuns>>,
    /// Makes further mocks behind the same address; nothing in one of those.
    pub namespaces: Option<Arc<dyn Namespaces>>,
    /// Puts it back; nothing where it keeps nothing of what it is given.
    pub again: Option<Arc<dyn Again>>,
    /// The moments that it can be put back to.
    pub snapshots: Snapshots,
    /// The request that is answered.
    pub request: Option<Arc<HttpRequest>>,
}

impl World {
    /// It, as far as its moments go.
    pub fn origin(&self) -> Origin {
        Origin { driver: self.driver.clone(), again: self.again.clone(), snapshots: self.snapshots.clone() }
    }

    /// The latest of the journal, as far as it is young enough to be kept.
    pub(super) fn journal(&self) -> &Kept {
        if self.kept.looks_at_age() {
            self.kept.grow_old(self.driver.look(|_, now| now));
        }
        &self.kept
    }

    /// Changes the state of the mock, which is then among its inputs as any other request.
    pub(super) fn change<T>(
        &self,
        work: impl FnOnce(&mut Engine, Timestamp) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        let Some(request) = &self.request else { return self.driver.with(work) };
        let changed = self.driver.take_in(request, |engine, now, _| work(engine, now));
        changed.map_err(|error| Refused::new(503, error.to_string()))?
    }
}
