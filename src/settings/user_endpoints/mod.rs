//! Finds the mistakes in the user's own endpoints and callbacks that their schema can't: ids and paths that are taken, keys
//! that conflict, names that templates read but that never have a value.

mod entries;
mod names;
#[cfg(test)]
mod tests;

pub(crate) use names::value_name;

use std::ops::Range;
use std::sync::Arc;

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use crate::contract::catalog::Entry;
use crate::contract::{Catalog, Direction, Provenance, Router};
use crate::files::diagnostic::quoted;
use crate::files::tables::{key_span, spanned_text, tables, text};
use crate::files::{Diagnostic, SourceFile};
use crate::simulator::user_endpoints::file::{FieldFile, UserEndpointsFile};
use crate::simulator::user_endpoints::wrong_default;

/// Returns the entries declared in a tree, as far as their ids can be read: enough to know which ids exist.
pub(crate) fn declared(tree: &DeTable<'_>) -> Vec<Entry> {
    let mut found: Vec<Entry> = Vec::new();
    for (key, direction) in [("callbacks", Direction::Callback), ("endpoints", Direction::Request)] {
        for table in tables(tree, key) {
            if let Some(id) = text(table, "id")
                && found.iter().all(|entry| entry.id != id)
            {
                found.push(entries::entry(id, direction, Provenance::Documented, None, None));
            }
        }
    }
    found
}

/// Finds the mistakes of a tree whose syntax is right. Values of the wrong type are skipped, because they are reported
/// elsewhere.
pub(crate) fn check(source: &Arc<SourceFile>, tree: &DeTable<'_>, builtin: &Catalog) -> Vec<Diagnostic> {
    let mut rules = Rules { source, found: Vec::new() };
    rules.ids(tree, builtin);
    for endpoint in tables(tree, "endpoints") {
        rules.fields(endpoint);
        rules.asks(endpoint, tree);
        rules.stores(endpoint);
        if let Some(answer) = endpoint.get("answer").and_then(|answer| answer.get_ref().as_table()) {
            rules.answer(answer);
        }
        for send in tables(endpoint, "send") {
            rules.stores(send);
            rules.send(send);
        }
    }
    rules.found.extend(names::check(source, tree));
    rules.found
}

/// Returns the catalog with all declarations.
pub(crate) fn extended(catalog: &Catalog, file: &UserEndpointsFile<'_>) -> Catalog {
    let callbacks = file.callbacks.iter().map(|callback| entries::callback(callback.get_ref()));
    let endpoints = file.endpoints.iter().map(|endpoint| entries::endpoint(endpoint.get_ref()));
    catalog.and(callbacks.chain(endpoints))
}

/// Reports endpoints whose method and path are taken. `catalog` is the complete catalog.
pub(crate) fn places(
    source: &Arc<SourceFile>,
    file: &UserEndpointsFile<'_>,
    catalog: &Catalog,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for endpoint in file.endpoints {
        if let Some(by) = catalog.taken(&endpoint.get_ref().id) {
            let route = entries::endpoint(endpoint.get_ref()).routes.remove(0);
            let message = format!("{} {} is taken: `{by}` is served there", route.method, route.path);
            let mut mistake = Diagnostic::at(source, endpoint.span(), message);
            let other = file.endpoints.iter().find(|other| other.get_ref().id == by);
            mistake = match other {
                Some(other) => mistake.context(other.span(), "the other one"),
                None => mistake.help(format!(
                    "to move the vendor's own entry, write `[catalog.\"{by}\"]` with another `path`; to replace it and still \
                     use it, write `ask = [{{ call = \"{by}\", as = \"usual\" }}]`"
                )),
            };
            found.push(mistake);
        }
    }
    // Paths that differ but can't be distinguished, and braces that are not parameters.
    if found.is_empty()
        && let Err(error) = Router::new(catalog)
        && let Some(endpoint) = file.endpoints.iter().find(|endpoint| endpoint.get_ref().id == error.id)
    {
        let message = format!("the path {} can't be served: {}", quoted(&error.path), error.reason);
        found.push(Diagnostic::at(source, endpoint.span(), message));
    }
    found
}

struct Rules<'a> {
    source: &'a Arc<SourceFile>,
    found: Vec<Diagnostic>,
}

impl Rules<'_> {
    fn wrong(&mut self, span: Range<usize>, message: impl Into<String>) -> &mut Diagnostic {
        let at = self.found.len();
        self.found.push(Diagnostic::at(self.source, span, message));
        &mut self.found[at]
    }

    fn ids(&mut self, tree: &DeTable<'_>, builtin: &Catalog) {
        let mut seen: Vec<(&str, Range<usize>)> = Vec::new();
        for table in ["callbacks", "endpoints"].iter().flat_map(|key| tables(tree, key)) {
            let Some(value) = table.get("id") else { continue };
            let Some(id) = value.get_ref().as_str() else { continue };
            let taken = |id: &str| format!("the id {} is taken", quoted(id));
            if builtin.get(id).is_some() {
                let help = format!("to correct the vendor's own entry write `[catalog.\"{id}\"]`");
                self.wrong(value.span(), taken(id)).help.push(help);
            } else if let Some((_, first)) = seen.iter().find(|(known, _)| *known == id) {
                let first = first.clone();
                let mistake = self.wrong(value.span(), taken(id));
                mistake.context = Some((first, "the first one".to_owned()));
                mistake.help.push("each endpoint and callback needs its own id".to_owned());
            } else {
                seen.push((id, value.span()));
            }
        }
    }

    fn fields(&mut self, endpoint: &DeTable<'_>) {
        let Some(DeValue::Table(fields)) = endpoint.get("fields").map(Spanned::get_ref) else { return };
        for (_, field) in fields {
            let Some(table) = field.get_ref().as_table() else { continue };
            // The mistakes of a field that can't be read are reported elsewhere.
            let Ok(file) = FieldFile::deserialize(ValueDeserializer::from(field.clone())) else { continue };
            if let (Some(min), Some(max), Some(span)) = (file.min, file.max, key_span(table, "max"))
                && min > max
            {
                self.wrong(span, format!("`max` is {max}, which is less than `min`, {min}"));
            }
            if let (Some(wrong), Some(default)) = (wrong_default(&file), table.get("default")) {
                self.wrong(default.span(), format!("`default` {wrong}"));
            }
        }
    }

    fn asks(&mut self, endpoint: &DeTable<'_>, tree: &DeTable<'_>) {
        for ask in tables(endpoint, "ask") {
            let Some((id, span)) = spanned_text(ask, "call") else { continue };
            if tables(tree, "endpoints").into_iter().any(|own| text(own, "id") == Some(id)) {
                let message = format!(
                    "{} is one of your own endpoints: `ask` is for the vendor's endpoints",
                    quoted(id)
                );
                self.wrong(span, message);
            }
        }
    }

    fn stores(&mut self, table: &DeTable<'_>) {
        for store in tables(table, "store") {
            let removes = text(store, "mode") == Some("remove");
            match key_span(store, "value") {
                Some(span) if removes => {
                    self.wrong(span, "`value` can't be combined with `mode = \"remove\"`");
                }
                None if !removes => {
                    let Some(span) = key_span(store, "collection") else { continue };
                    let help = "give the object, or write `mode = \"remove\"` to remove it";
                    self.wrong(span, "a `store` needs a `value`").help.push(help.to_owned());
                }
                _ => {}
            }
        }
    }

    fn answer(&mut self, answer: &DeTable<'_>) {
        let body = key_span(answer, "body");
        if let (Some(data), Some(body)) = (key_span(answer, "data"), body.clone()) {
            let mistake = self.wrong(body, "`data` and `body` can't be combined in an answer");
            mistake.context = Some((data, "the first one".to_owned()));
            mistake
                .help
                .push("`data` goes into the envelope of the family, `body` is the whole body".to_owned());
        }
        for key in ["status", "headers"] {
            if let (Some(span), None) = (key_span(answer, key), &body) {
                let help = "a response in the envelope of the family has the status that belongs to it";
                self.wrong(span, format!("`{key}` goes with `body`")).help.push(help.to_owned());
            }
        }
    }

    fn send(&mut self, send: &DeTable<'_>) {
        if send.contains_key("event") {
            return;
        }
        for key in ["body", "target"] {
            if let Some(span) = key_span(send, key) {
                self.wrong(span, format!("`{key}` goes with `event`"));
            }
        }
        if !send.contains_key("store")
            && let Some(span) = send.iter().map(|(key, _)| key.span()).next()
        {
            let help = "name the callback with `event`, or change the state with `store`";
            self.wrong(span, "this `send` does nothing").help.push(help.to_owned());
        }
    }
}
