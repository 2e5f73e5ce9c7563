//! `GET /_mock/load`: shows the load that runs beside this mock.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::World;
use super::endpoint::{Answered, Nothing};
use super::load_run::{LoadRun, LoadRuns};
use super::refused::Refused;

/// The load, if there is one.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Running {
    /// The run that this mock serves; null if it is not a mock of `load`.
    run: Option<LoadRun>,
}

/// Shows the load.
pub(super) async fn show(world: World, _: Nothing) -> Result<Answered<Running>, Refused> {
    Ok(Answered::ok(Running { run: world.load.as_ref().map(|load: &Arc<dyn LoadRuns>| load.now()) }))
}
