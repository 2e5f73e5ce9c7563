//! `GET /_mock/vendor/openapi.json`: describes the vendor's API for client generators.

use serde_json::Value;

use super::World;
use super::endpoint::{Answered, Endpoint, Nothing};
use super::refused::Refused;
use crate::simulator::openapi::document;

/// Describes the vendor's API.
pub(super) struct Describe;

impl Endpoint for Describe {
    const NAME: &'static str = "vendor";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/vendor/openapi.json";
    const WHAT: &'static str = "describes the vendor's requests (`paths`) and callbacks (`webhooks`) as \
        OpenAPI 3.1, with the provenance of each part and your corrections applied";
    type Ask = Nothing;
    type Answer = Value;

    async fn answer(world: World, _: Nothing) -> Result<Answered<Value>, Refused> {
        Ok(Answered::ok(document(&world.catalog)))
    }
}
