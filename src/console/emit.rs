//! `POST /_mock/emit` and `/_mock/callbacks/{callback}/resend`: sends callbacks at once.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::World;
use super::endpoint::Answered;
use super::refused::Refused;
use crate::content::Country;
use crate::contract::Direction;
use crate::contract::fields::{self, FieldTree, Whole};
use crate::delivery::QueuedCallback;
use crate::engine::Engine;
use crate::files::suggest::did_you_mean;
use crate::journal::Event;
use crate::scenario::{Body, SendError};
use crate::simulator::reference::{self, EntryFields};

/// What to emit.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Ask {
    /// The event: `agent.transfer`.
    event: String,
    /// The conversation it belongs to, by its `call_id`. Default: a new one.
    conversation: Option<String>,
    /// Fields that override those of the generated body.
    body: Option<Map<String, Value>>,
    /// The country of the person in a new conversation: `MX`. Default: ID.
    country: Option<String>,
}

/// A callback that was handed to delivery.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Sent {
    /// Its number: `{"callback": 7}` in the journal.
    callback: u64,
    /// Its event.
    event: String,
    /// The URL it is sent to.
    url: String,
    /// Its body.
    body: Value,
    /// What is probably wrong with the fields that were given: fields, words or types that the vendor does not have.
    #[serde(skip_serializing_if = "Option::is_none")]
    warnings: Option<Vec<String>>,
}

impl Sent {
    fn of(callback: &QueuedCallback, warnings: Vec<String>) -> Self {
        let body = serde_json::from_slice(&callback.body)
            .unwrap_or_else(|_| String::from_utf8_lossy(&callback.body).into_owned().into());
        Self {
            callback: callback.id.0,
            event: callback.event.to_string(),
            url: callback.target.to_string(),
            body,
            warnings: (!warnings.is_empty()).then_some(warnings),
        }
    }
}

/// Returns what is probably wrong with the fields given for an event. Those of a user's own events are not known.
fn doubts(event: &str, patch: &Value) -> Vec<String> {
    match reference::fields(event) {
        Some(EntryFields::Callback(known)) => fields::doubts(&FieldTree::of(&known), event, patch),
        _ => Vec::new(),
    }
}

/// Emits a callback.
pub(super) async fn emit(world: World, ask: Ask) -> Result<Answered<Sent>, Refused> {
    let Ask { event, conversation, body, country } = ask;
    let is_callback = |direction| direction == Direction::Callback;
    if !world.catalog.get(&event).is_some_and(|entry| is_callback(entry.direction)) {
        if world.catalog.get(&event).is_some() {
            return Err(Refused::wrong(format!(
                "`{event}` is a request of the integrator: only callbacks are emitted"
            )));
        }
        let near = did_you_mean(world.catalog.nearest(&event, |entry| is_callback(entry.direction)));
        return Err(Refused::wrong(format!(
            "there is no event `{event}`{near}; GET /_mock/catalog lists all"
        )));
    }
    let country: Country = match country.as_deref() {
        Some(country) => country.parse().map_err(|error| Refused::wrong(format!("country: {error}")))?,
        None => Country::Id,
    };
    let patch = body.map_or(Value::Null, Value::Object);
    let warnings = doubts(&event, &patch);
    world.change(|engine, now| {
        needs_room(engine)?;
        let unsendable = |error: SendError| Refused::new(409, error.to_string());
        // Before anything is generated: a refused request changes nothing.
        engine.check_alone(&event, now).map_err(unsendable)?;
        let session = match &conversation {
            Some(id) => {
                let fields = serde_json::json!({ "call_id": id });
                let found = engine.simulator().find_conversation(&fields);
                found.ok_or_else(|| Refused::missing(format!("there is no conversation `{id}`")))?
            }
            None => engine.open_alone(country, now),
        };
        let body = engine.simulator().emit(session, &event, patch, now);
        let body = body.map_err(|error| Refused::wrong(error.to_string()))?;
        let sent = engine.send_alone(&event, Body::Json(body), session, now).map_err(unsendable)?;
        Ok(Answered::Json(201, Sent::of(&sent, warnings)))
    })
}

/// Checks for room. Callbacks sent by hand are refused where other callbacks would wait.
fn needs_room(engine: &Engine) -> Result<(), Refused> {
    if engine.has_room() {
        return Ok(());
    }
    Err(Refused::new(
        503,
        "too many undelivered callbacks: send it again when the receiver has accepted some".to_owned(),
    ))
}

/// Which callback to send again.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ResendAsk {
    /// Its number in the journal.
    callback: Whole<1, { i64::MAX }>,
    /// Another body, which gets a new signature. Default: the same bytes.
    body: Option<Value>,
}

/// Sends a callback again.
pub(super) async fn resend(world: World, ask: ResendAsk) -> Result<Answered<Sent>, Refused> {
    let id = u64::try_from(ask.callback.get()).unwrap_or_default();
    let kept = world.journal().latest(|entry| match &entry.event {
        Event::Queued(callback) | Event::Ended { callback, .. } if callback.id.0 == id => {
            Some(Arc::clone(callback))
        }
        _ => None,
    });
    let old = kept.ok_or_else(|| {
        Refused::missing(format!("callback {id} is not in the journal, or is no longer kept"))
    })?;
    let body = ask.body.map(|body| body.to_string().into());
    let sent = world.change(|engine, now| {
        needs_room(engine)?;
        Ok(engine.send_again(&old, body, now))
    })?;
    Ok(Answered::Json(201, Sent::of(&sent, Vec::new())))
}
