//! `GET /_mock/settings`: shows the settings in force.

use schemars::JsonSchema;
use serde::Serialize;

use super::World;
use super::endpoint::{Answered, Nothing};
use super::refused::Refused;
use crate::settings::InForce;

/// The settings in force.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Shown {
    /// The seed of its random values, as text.
    seed: String,
    /// The speed of its clock: a multiple of real time, `0` or `max`.
    speed: String,
    #[serde(flatten)]
    #[schemars(flatten)]
    settings: InForce,
}

/// Shows the settings.
pub(super) async fn show(world: World, _: Nothing) -> Result<Answered<Shown>, Refused> {
    let seed = world.driver.look(|engine, _| engine.seed().0.to_string());
    let speed = world.driver.speed().to_string();
    Ok(Answered::ok(Shown { seed, speed, settings: world.settings.get() }))
}
