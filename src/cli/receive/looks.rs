//! Which callback a body without an event's name is, by its fields: those of calls and workflows carry none.

use serde_json::Value;

use crate::cli::body_field;
use crate::contract::Catalog;

/// So many are named at most.
const MOST: usize = 3;

/// The callbacks that such a body may be: all its fields are known of them, and of few others it lacks.
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
