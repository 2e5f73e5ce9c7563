//! `/_mock/faults`: faults that are added and removed while the mock runs.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::World;
use super::endpoint::{Answered, Done, Nothing};
use super::refused::Refused;
use crate::contract::fields::Whole;
use crate::faults::FaultFile;
use crate::settings::Settings;

/// A fault, with the keys of `[[faults]]` in files.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Ask {
    /// The fault: `{"call": "task.create", "status": 503, "times": 2}`, with the keys that `[[faults]]` has in files; or a text
    /// such as `"duplicate of session.end, every 2nd"`.
    fault: Value,
}

/// An added fault.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Added {
    /// Its number, by which it is removed.
    fault: u64,
}

/// Adds a fault.
pub(super) async fn add(world: World, ask: Ask) -> Result<Answered<Added>, Refused> {
    if let Value::String(text) = &ask.fault {
        let fault = crate::faults::check::text_in(text, &world.catalog).map_err(Refused::wrong)?;
        return added(&world, fault);
    }
    // Parsed like a file with this fault, with the same checks and messages.
    let file = serde_json::json!({ "faults": [ask.fault] });
    let text = toml::to_string(&file).map_err(|error| Refused::wrong(format!("fault: {error}")))?;
    let read = Settings::from_text(&text).map_err(|problems| Refused::wrong(problems.sentences()))?;
    let fault = read.faults.into_iter().next().ok_or_else(|| Refused::wrong("fault is missing"))?;
    added(&world, fault)
}

/// Activates a fault; a fault that can never match is noted in the journal.
fn added(world: &World, fault: FaultFile) -> Result<Answered<Added>, Refused> {
    let number = world.change(|engine, now| {
        engine.note_stranger(&fault, now);
        Ok(engine.faults().add(fault))
    })?;
    Ok(Answered::Json(201, Added { fault: number }))
}

/// The faults in force.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Listing {
    /// In the order in which they are tried; the first one that matches applies.
    faults: Vec<Shown>,
    /// How often each fault was applied so far, by name, including those of stories and magic words.
    hits: BTreeMap<String, u64>,
}

/// A fault.
#[derive(Debug, Serialize, JsonSchema)]
struct Shown {
    /// Its number; those of the settings have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<u64>,
    /// The affected requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<String>,
    /// The affected callbacks.
    #[serde(skip_serializing_if = "Option::is_none")]
    callback: Option<String>,
    /// The effect: the name of the fault, the status, or `slow`.
    kind: String,
    /// The whole fault in one line: `duplicate of session.end, every 2nd`.
    line: String,
    /// Number of matching requests or callbacks.
    matched: u64,
    /// Number of those that it was applied to.
    hit: u64,
    /// Whether it is used up, so that it will not be applied again.
    spent: bool,
}

/// Lists the faults.
pub(super) async fn list(world: World, _: Nothing) -> Result<Answered<Listing>, Refused> {
    let (faults, hits) = world.driver.look(|engine, _| {
        let shown = |fault: crate::faults::InForce<'_>| {
            let pattern = fault.file.pattern().to_owned();
            let (call, callback) = match fault.file.is_of_callbacks() {
                true => (None, Some(pattern)),
                false => (Some(pattern), None),
            };
            Shown {
                fault: fault.number,
                call,
                callback,
                kind: fault.file.named(),
                line: fault.file.line(),
                matched: fault.matched,
                hit: fault.hit,
                spent: fault.is_spent,
            }
        };
        let hits = engine.hits().iter().map(|(name, count)| (name.to_owned(), count)).collect();
        (engine.faults().in_force().map(shown).collect(), hits)
    });
    Ok(Answered::ok(Listing { faults, hits }))
}

/// Which fault.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Named {
    /// Its number.
    fault: Whole<1, { i64::MAX }>,
}

/// Removes a fault.
pub(super) async fn remove(world: World, ask: Named) -> Result<Answered<Done>, Refused> {
    let number = u64::try_from(ask.fault.get()).unwrap_or_default();
    match world.change(|engine, _| Ok(engine.faults().remove(number)))? {
        true => Ok(Answered::ok(Done {})),
        false => Err(Refused::missing(format!("there is no added fault {number}"))),
    }
}
