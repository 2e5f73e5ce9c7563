//! Guesses the event of a body without an event's name by its fields: callbacks of calls and workflows carry no name.

use serde_json::Value;

use crate::cli::body_field;
use crate::contract::Catalog;

/// Maximum number of events named.
const MOST: usize = 3;

/// Returns the callbacks that such a body may be: they know all its fields, and the body lacks few of theirs.
pub(super) fn like(body: &Value) -> Vec<&'static str> {
    let Some(fields) = body.as_object().filter(|fields| fields.len() > 1) else { return Vec::new() };
    let nameless = Catalog::builtin().callbacks().filter(|entry| entry.event.is_none());
    let lacking = nameless.filter_map(|entry| {
        let tree = body_field::tree(&entry.id)?;
        let is_known = fields.keys().all(|name| tree.field(name).is_some());
        is_known.then(|| (tree.names().count() - fields.len(), entry.id.as_str()))
    });
    let lacking: Vec<(usize, &str)> = lacking.collect();
    let least = lacking.iter().map(|(count, _)| *count).min();
    let nearest = lacking.into_iter().filter(|(count, _)| Some(*count) == least);
    nearest.map(|(_, id)| id).take(MOST).collect()
}
