//! `GET /_mock/vendor/openapi.json`: describes the vendor's API for client generators.

use serde_json::Value;

use super::World;
use super::endpoint::{Answered, Nothing};
use super::refused::Refused;
use crate::simulator::openapi::{Described, document};

/// Describes the vendor's API.
pub(super) async fn describe(world: World, _: Nothing) -> Result<Answered<Value>, Refused> {
    let (scheme, codes) = world.driver.look(|engine, _| (engine.scheme().clone(), engine.codes().clone()));
    Ok(Answered::ok(document(Described { catalog: &world.catalog, scheme: &scheme, codes: &codes })))
}
