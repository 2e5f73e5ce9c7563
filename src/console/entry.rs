//! `GET /_mock/catalog/{id}`: shows an endpoint or an event with its fields.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::World;
use super::endpoint::Answered;
use super::refused::Refused;
use crate::contract::Catalog;
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

/// Maximum number of similar ids in a message.
const MOST: usize = 20;

/// Returns the end of the message about an unknown id: the one that was meant, those that begin with the text or
/// contain it, or where all are.
fn instead(catalog: &Catalog, id: &str) -> String {
    // A pattern is near to no single id.
    let near = did_you_mean(catalog.nearest(id, |_| true).filter(|_| !id.contains('*')));
    if !near.is_empty() {
        return near;
    }
    let part = id.trim_matches('*').to_ascii_lowercase();
    let like = |is_like: &dyn Fn(&str) -> bool| -> Vec<String> {
        let ids = catalog.entries().iter().map(|entry| entry.id.as_str()).filter(|id| is_like(id));
        ids.take(MOST).map(|id| format!("`{id}`")).collect()
    };
    let begin = like(&|id| id.starts_with(&part));
    let similar = if begin.is_empty() { like(&|id| id.contains(&part)) } else { begin };
    match part.is_empty() || similar.is_empty() {
        true => "; GET /_mock/catalog lists all".to_owned(),
        false => format!("; similar: {}", similar.join(", ")),
    }
}

/// Shows an entry.
pub(super) async fn show(world: World, ask: Ask) -> Result<Answered<Entry>, Refused> {
    let entry = world.catalog.get(&ask.id).ok_or_else(|| {
        let instead = instead(&world.catalog, &ask.id);
        Refused::missing(format!("there is no endpoint or event `{}`{instead}", ask.id))
    })?;
    let fields = fields(&entry.id).map(|fields| json!(fields));
    Ok(Answered::ok(Entry { entry: json!(entry), fields }))
}
