//! The state of a mock, its catalog, and whether it is ready.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::World;
use super::endpoint::{Answered, Nothing};
use super::refused::Refused;
use super::reloads::Reloaded;
use crate::contract::Direction;

/// The requests of the control surface.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Requests {
    /// Each with its method, its path and what it does.
    #[serde(rename = "calls")]
    requests: Vec<Value>,
}

/// Lists the requests of the control surface.
pub(super) async fn list(_: World, _: Nothing) -> Result<Answered<Requests>, Refused> {
    let requests = super::ROWS.iter().map(|row| {
        let path = format!("{}{}", super::PREFIX, row.path);
        json!({ "method": row.method, "path": path, "name": row.name, "what": row.what })
    });
    Ok(Answered::ok(Requests { requests: requests.collect() }))
}

/// The state of a mock.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct State {
    /// Its time.
    now: String,
    /// Whether something is in progress that ends on its own.
    busy: bool,
    /// The stories: their number (`total`), and the number of finished ones (`over`).
    stories: Map<String, Value>,
    /// The callbacks by state.
    callbacks: Value,
    /// The findings about your requests.
    found: Vec<Value>,
    /// The journal: the number of `entries` kept, their approximate `bytes`, the number of older entries `dropped`, the `last`
    /// number, and its `id`. Numbers of entries and callbacks are comparable only under the same id: it changes when the mock
    /// is started, reset, restored or set to an imported state, and when its journal is cleared.
    journal: Map<String, Value>,
    /// The results of reloading changed files.
    files: Reloaded,
}

/// Shows the state.
pub(super) async fn look(world: World, _: Nothing) -> Result<Answered<State>, Refused> {
    let table = |value: Value| match value {
        Value::Object(table) => table,
        _ => Map::new(),
    };
    let kept = world.journal().counts();
    let journal = json!({
        "entries": kept.entries, "bytes": kept.bytes, "dropped": kept.dropped, "last": kept.last,
        "id": world.journal().id().to_string(),
    });
    Ok(Answered::ok(world.driver.with(|engine, now| State {
        now: now.to_string(),
        busy: engine.is_busy(),
        stories: table(json!({ "total": engine.stories().len(), "over": engine.stories_over() })),
        callbacks: json!(engine.totals()),
        found: engine.findings().all().map(|found| json!(found)).collect(),
        journal: table(journal),
        files: world.reloads.lock().clone(),
    })))
}

/// The catalog.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Entries {
    /// Each endpoint and event with its id, direction, provenance and paths.
    entries: Vec<Value>,
}

/// Lists the catalog.
pub(super) async fn list_catalog(world: World, _: Nothing) -> Result<Answered<Entries>, Refused> {
    let entries = world.catalog.entries().iter().map(|entry| {
        let paths = entry.routes.iter().map(|route| format!("{} {}", route.method, route.path));
        json!({
            "id": entry.id,
            "direction": if entry.direction == Direction::Request { "request" } else { "callback" },
            "provenance": entry.provenance,
            "corrected": entry.overridden,
            "paths": paths.collect::<Vec<_>>(),
        })
    });
    Ok(Answered::ok(Entries { entries: entries.collect() }))
}

/// The program that runs here.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Health {
    /// `airudder-mock`.
    name: &'static str,
    /// Its version.
    version: &'static str,
    /// When the program was built, if known.
    built: Option<&'static str>,
    /// Whether it accepts requests; false while it shuts down, or while its data folder can't be written.
    ready: bool,
    /// Why it accepts none.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// Shows which program responds here, and whether it accepts requests.
pub(super) async fn ready(world: World, _: Nothing) -> Result<Answered<Health>, Refused> {
    let message = match world.driver.is_ending() {
        true => Some("it is shutting down".to_owned()),
        false => world.driver.storage_failure().map(|why| format!("its data folder can't be written: {why}")),
    };
    let ready = message.is_none();
    let health = Health {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        built: world.built,
        ready,
        message,
    };
    Ok(Answered::Json(if ready { 200 } else { 503 }, health))
}
