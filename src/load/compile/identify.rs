//! Finds the ids of an event after the run: they are a function of the iteration's number.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::segments::Filler;
use super::template::{RequestTemplate, StoryTemplate, Variant};

/// Minimum length of an id: shorter values identify nothing, since other fields have them too.
const SHORTEST: usize = 6;

/// The positions of ids in the bodies of a story, for each variant and step: the path of the field, and the index of the
/// id.
#[derive(Debug)]
pub(crate) struct IdFields(Vec<Vec<Vec<(String, usize)>>>);

impl StoryTemplate {
    /// Finds the positions of the ids.
    pub(crate) fn id_fields(&self) -> IdFields {
        let of_step = |variant: &Variant, step: usize| {
            let filler = Filler {
                ids: &variant.ids,
                keys: self.keys,
                iteration: 0,
                now: Timestamp::UNIX_EPOCH,
                begun: Timestamp::UNIX_EPOCH,
            };
            let mut body = Vec::new();
            variant.requests[step].body.write(&filler, &mut body);
            let ids: Vec<String> = (0..variant.ids.len()).map(|id| self.id(variant, id, 0)).collect();
            let mut found = Vec::new();
            // A body that is not JSON has no fields.
            let body: Value = serde_json::from_slice(&body).unwrap_or_default();
            find(&body, &mut String::new(), &ids, &mut found);
            found
        };
        let of_variant =
            |variant: &Variant| (0..self.steps()).map(|step| of_step(variant, step)).collect::<Vec<_>>();
        IdFields(self.variants.iter().map(of_variant).collect())
    }

    /// Returns the ids of an event, each with the path of its field.
    pub(crate) fn ids(&self, fields: &IdFields, iteration: u64, step: usize) -> Vec<(String, String)> {
        let number = (iteration % self.variants.len() as u64) as usize;
        let (variant, fields) = (&self.variants[number], &fields.0[number][step]);
        fields.iter().map(|(path, id)| (path.clone(), self.id(variant, *id, iteration))).collect()
    }

    /// Returns the number of the iteration that an id may belong to; it can be derived from hexadecimal ids.
    pub(crate) fn iteration_of(&self, id: &str) -> Option<u64> {
        self.keys.iteration_of(id)
    }

    /// Returns the bodies of an iteration's callbacks in order, each with its event; bodies that are not JSON are left out.
    pub(crate) fn bodies(&self, iteration: u64, now: Timestamp) -> Vec<(Arc<str>, Value)> {
        let variant = &self.variants[(iteration % self.variants.len() as u64) as usize];
        let filler = Filler { ids: &variant.ids, keys: self.keys, iteration, now, begun: now };
        let body = |(event, request): (&Arc<str>, &RequestTemplate)| {
            let mut body = Vec::new();
            request.body.write(&filler, &mut body);
            Some((Arc::clone(event), serde_json::from_slice(&body).ok()?))
        };
        self.events.iter().zip(&variant.requests).filter_map(body).collect()
    }

    fn id(&self, variant: &Variant, id: usize, iteration: u64) -> String {
        let mut text = Vec::new();
        variant.ids[id].write(self.keys, iteration, &mut text);
        String::from_utf8_lossy(&text).into_owned()
    }
}

/// Finds the fields whose value is an id.
fn find(value: &Value, path: &mut String, ids: &[String], found: &mut Vec<(String, usize)>) {
    let mut is_id = |text: &str| {
        let id = ids.iter().position(|id| id == text).filter(|_| text.len() >= SHORTEST);
        found.extend(id.map(|id| (path.clone(), id)));
    };
    match value {
        Value::String(text) => is_id(text),
        Value::Number(number) => is_id(&number.to_string()),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                below(path, &format!("[{index}]"), |path| find(item, path, ids, found));
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                let name = if path.is_empty() { name.clone() } else { format!(".{name}") };
                below(path, &name, |path| find(field, path, ids, found));
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn below(path: &mut String, name: &str, work: impl FnOnce(&mut String)) {
    let length = path.len();
    path.push_str(name);
    work(path);
    path.truncate(length);
}
