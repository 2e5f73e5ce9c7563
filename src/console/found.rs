//! `/_mock/found` and `/_mock/assumptions`: findings about requests, and the assumed parts that were used.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use super::endpoint::{Answered, Endpoint, Nothing};
use super::refused::Refused;
use crate::simulator::FindingKind;

/// Which findings.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Ask {
    /// Only those of this kind: `unread_field` is what you send and nothing reads.
    kind: Option<FindingKind>,
}

/// What was found.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Findings {
    /// Each once, in the order it was found first: its `kind`, the `id` of the request or callback, `what` of it (the path of a
    /// field), how often (`count`), how often it was an error (`errors`), and a `message`.
    found: Vec<Value>,
}

/// Lists the findings.
pub(super) struct List;

impl Endpoint for List {
    const NAME: &'static str = "found";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/found";
    const WHAT: &'static str = "lists what was found wrong with your requests; `?kind=unread_field` are the fields that nothing reads";
    type Ask = Ask;
    type Answer = Findings;

    async fn answer(world: World, ask: Ask) -> Result<Answered<Findings>, Refused> {
        let found = world.driver.look(|engine, _| {
            let all = engine.findings().all().filter(|found| ask.kind.is_none_or(|kind| found.kind == kind));
            all.map(|found| json!(found)).collect()
        });
        Ok(Answered::ok(Findings { found }))
    }
}

/// What was relied on that is only assumed.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Assumptions {
    /// Each endpoint and event that was used, by its id.
    assumptions: Vec<Shown>,
}

/// An assumption that was relied on.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Shown {
    /// The endpoint or event.
    id: String,
    /// What of it is assumed, each part behind the key that corrects it.
    what: String,
    /// Whether it was refused, as the settings say.
    refused: bool,
}

/// Shows the assumptions.
pub(super) struct Assumed;

impl Endpoint for Assumed {
    const NAME: &'static str = "assumptions";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/assumptions";
    const WHAT: &'static str = "lists the endpoints and events used so far that are only assumed about the vendor, and what of each: those to verify";
    type Ask = Nothing;
    type Answer = Assumptions;

    async fn answer(world: World, _: Nothing) -> Result<Answered<Assumptions>, Refused> {
        let assumptions = world.driver.look(|engine, _| {
            let all = engine.assumptions().iter();
            all.map(|(id, used)| Shown { id: id.clone(), what: used.what.clone(), refused: used.refused })
                .collect()
        });
        Ok(Answered::ok(Assumptions { assumptions }))
    }
}
