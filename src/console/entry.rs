//! `GET /_mock/catalog/{id}`: shows an endpoint or an event with its fields.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use super::endpoint::Answered;
use super::refused::Refused;
use crate::files::suggest::did_you_mean;
use crate::simulator::reference::fields;

/// Which.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Ask {
    /// Its id: `task.create`.
    id: String,
}

/// An entry of the catalog.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Entry {
    /// The entry, with the corrections from the settings.
    entry: Value,
    /// Its fields, as `airudder-mock catalog ID --format json` shows them; null if they are your own.
    fields: Option<Value>,
}

/// Shows an entry.
pub(super) async fn show(world: World, ask: Ask) -> Result<Answered<Entry>, Refused> {
    let entry = world.catalog.get(&ask.id).ok_or_else(|| {
        let near = did_you_mean(world.catalog.nearest(&ask.id, |_| true));
        Refused::missing(format!("there is no endpoint or event `{}`{near}", ask.id))
    })?;
    let fields = fields(&entry.id).map(|fields| json!(fields));
    Ok(Answered::ok(Entry { entry: json!(entry), fields }))
}
