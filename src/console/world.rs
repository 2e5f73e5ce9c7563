//! The context of the control surface.

use std::sync::Arc;

use jiff::Timestamp;

use super::again::{Again, Origin, Snapshots};
use super::beside::Namespaces;
use super::in_force::SettingsInForce;
use super::load_run::LoadRuns;
use super::refused::Refused;
use super::reloads::Reloads;
use crate::api::LateRequests;
use crate::contract::Catalog;
use crate::engine::{Driver, Engine};
use crate::journal::{Kept, Lines};
use crate::net::HttpRequest;
use crate::scenario::Library;

/// The context of the control surface: one mock, and the latest entries of its journal.
#[derive(Clone, Debug)]
pub struct World {
    /// The engine with its clock.
    pub driver: Driver,
    /// The catalog.
    pub catalog: Arc<Catalog>,
    /// The latest entries of the journal.
    pub kept: Kept,
    /// How entries of the journal are written.
    pub lines: Lines,
    /// When the program was built.
    pub built: Option<&'static str>,
    /// The settings in force.
    pub settings: SettingsInForce,
    /// The scenarios from which stories can be started.
    pub scenarios: Library,
    /// The results of reloading changed files.
    pub reloads: Reloads,
    /// The requests that a fault delays.
    pub late: LateRequests,
    /// The load that runs beside the mock, if any.
    pub load: Option<Arc<dyn LoadRuns>>,
    /// Creates other mocks behind the same address. `None` in such a mock.
    pub namespaces: Option<Arc<dyn Namespaces>>,
    /// Puts the mock back. `None` if inputs are not recorded.
    pub again: Option<Arc<dyn Again>>,
    /// The snapshots of the mock.
    pub snapshots: Snapshots,
    /// The request being handled.
    pub request: Option<Arc<HttpRequest>>,
}

impl World {
    /// Returns a handle for snapshots and branching.
    pub fn origin(&self) -> Origin {
        Origin { driver: self.driver.clone(), again: self.again.clone(), snapshots: self.snapshots.clone() }
    }

    /// Returns the latest entries of the journal, without those that are too old.
    pub(super) fn journal(&self) -> &Kept {
        if self.kept.looks_at_age() {
            self.kept.grow_old(self.driver.look(|_, now| now));
        }
        &self.kept
    }

    /// Returns why nothing happens any more: the inputs can't be stored, or the clock is stopped and only planned work is
    /// left. A delayed request is answered whatever the clock does.
    pub(super) fn why_nothing_happens(&self) -> Option<String> {
        if let Some(why) = self.driver.storage_failure() {
            return Some(format!("nothing happens until the data folder can be written: {why}"));
        }
        let still = self.driver.standstill().filter(|_| self.late.count() == 0)?;
        let settle = if still.is_busy { ", or settle with `advance`" } else { "" };
        Some(format!(
            "the clock stands still at {}; next is due at {}: move it{settle}",
            still.now, still.next
        ))
    }

    /// Changes the state of the mock. The request is then among the inputs like any other.
    pub(super) fn change<T>(
        &self,
        work: impl FnOnce(&mut Engine, Timestamp) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        let Some(request) = &self.request else { return self.driver.with(work) };
        let changed = self.driver.take_in(request, |engine, now, _| work(engine, now));
        changed.map_err(|error| Refused::new(503, error.to_string()))?
    }
}
