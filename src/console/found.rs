//! `/_mock/found` and `/_mock/assumptions`: findings about requests, and the assumed parts that were used.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use super::endpoint::{Answered, Nothing};
use super::refused::Refused;
use crate::simulator::FindingKind;

/// Which findings.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Ask {
    /// Only findings of this kind: `unread_field` lists the fields of your requests that the mock does not use.
    kind: Option<FindingKind>,
}

/// The findings.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Findings {
    /// Each finding once, ordered by its first occurrence: its `kind`, the `id` of the request or callback, `what` part of
    /// it (the path of a field), how often it occurred (`count`) and was an error (`errors`), and a `message`.
    found: Vec<Value>,
}

/// Lists the findings.
pub(super) async fn list(world: World, ask: Ask) -> Result<Answered<Findings>, Refused> {
    let found = world.driver.look(|engine, _| {
        let all = engine.findings().all().filter(|found| ask.kind.is_none_or(|kind| found.kind == kind));
        all.map(|found| json!(found)).collect()
    });
    Ok(Answered::ok(Findings { found }))
}

/// The assumptions that were used.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Assumptions {
    /// Each endpoint and event that was used, by its id.
    assumptions: Vec<Shown>,
}

/// An assumption that was used.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Shown {
    /// The endpoint or event.
    id: String,
    /// The assumed parts, each under the key that corrects it.
    what: String,
    /// Whether it was refused because of the settings.
    refused: bool,
}

/// Shows the assumptions.
pub(super) async fn assumed(world: World, _: Nothing) -> Result<Answered<Assumptions>, Refused> {
    let assumptions = world.driver.look(|engine, _| {
        let all = engine.assumptions().iter();
        all.map(|(id, used)| Shown { id: id.clone(), what: used.what.clone(), refused: used.refused })
            .collect()
    });
    Ok(Answered::ok(Assumptions { assumptions }))
}
