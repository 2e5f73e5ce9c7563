//! `GET /_mock/settings`: shows the settings in force.

use schemars::JsonSchema;
use serde::Serialize;

use super::World;
use super::endpoint::{Answered, Endpoint, Nothing};
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
pub(super) struct Show;

impl Endpoint for Show {
    const NAME: &'static str = "settings";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/settings";
    const WHAT: &'static str =
        "shows the settings in force, from the file, the environment and the command line, without secrets";
    type Ask = Nothing;
    type Answer = Shown;

    async fn answer(world: World, _: Nothing) -> Result<Answered<Shown>, Refused> {
        let seed = world.driver.look(|engine, _| engine.seed().0.to_string());
        let speed = world.driver.speed().to_string();
        Ok(Answered::ok(Shown { seed, speed, settings: world.settings.get() }))
    }
}
