//! Corrections of catalog entries: their mistakes, and their effect on entries that share a field.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::contract::fields::Field;
use crate::contract::{Catalog, Direction, Entry, EntryFile, Provenance};
use crate::files::suggest::{did_you_mean, nearest};
use crate::files::tables::table;
use crate::files::{Diagnostic, SourceFile};
use crate::language::template;
use crate::simulator::reference::{EntryFields, fields};

/// The keys of a correction that only one of the two directions has: requests, then callbacks.
const REQUEST_KEYS: [&str; 3] = ["path", "request", "response"];
const CALLBACK_KEYS: [&str; 4] = ["event", "signed", "headers", "fields"];

/// Finds the mistakes of corrections: a correction may only name what its entry has.
pub(super) fn check(source: &Arc<SourceFile>, tree: &DeTable<'_>, catalog: &Catalog) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let Some(entries) = table(tree, "catalog") else { return found };
    for (id, correction) in entries {
        let (Some(entry), Some(correction)) = (catalog.get(id.get_ref()), correction.get_ref().as_table())
        else {
            continue;
        };
        let mut check = Check { source, entry, correction, found: &mut found };
        check.keys();
        check.template();
        check.names();
        check.words();
    }
    found
}

struct Check<'a, 'i> {
    source: &'a Arc<SourceFile>,
    entry: &'a Entry,
    correction: &'a DeTable<'i>,
    found: &'a mut Vec<Diagnostic>,
}

impl Check<'_, '_> {
    fn mistake(&mut self, span: Range<usize>, message: String) {
        self.found.push(Diagnostic::at(self.source, span, message));
    }

    fn mistake_with_help(&mut self, span: Range<usize>, message: String, help: String) {
        self.found.push(Diagnostic::at(self.source, span, message).help(help));
    }

    fn keys(&mut self) {
        let (foreign, is, others): (&[&str], _, _) = match self.entry.direction {
            Direction::Request => (&CALLBACK_KEYS, "an endpoint", "callbacks"),
            Direction::Callback => (&REQUEST_KEYS, "a callback", "endpoints"),
        };
        for key in self.correction.keys().filter(|key| foreign.contains(&key.get_ref().as_ref())) {
            let message = format!("`{}` goes with {others}, and `{}` is {is}", key.get_ref(), self.entry.id);
            self.mistake(key.span(), message);
        }
    }

    fn template(&mut self) {
        let Some(value) = self.correction.get("body") else { return };
        let Some(text) = value.get_ref().as_str() else { return };
        let (known, reads): (&[&str], _) = match self.entry.direction {
            Direction::Request => {
                (&["body", "request"], "the body template of an endpoint can use `body` and `request`")
            }
            Direction::Callback => (&["body"], "the body template of a callback can use only `body`"),
        };
        let read = template::check(text).unwrap_or_default();
        if let Some(unknown) = read.iter().find(|read| !known.contains(&read.as_str())) {
            self.mistake(value.span(), format!("`{unknown}` is not known here: {reads}"));
        }
        for name in ["response", "fields"] {
            if let Some(names) = self.correction.get(name) {
                let message =
                    format!("`{name}` has no effect beside `body`: the template names the fields itself");
                self.mistake(names.span(), message);
            }
        }
    }

    fn names(&mut self) {
        for (key, fields) in self.lists() {
            let Some(names) = table(self.correction, key) else { continue };
            let mut taken: BTreeSet<String> = fields
                .iter()
                .filter(|field| !names.contains_key(field.path.as_str()))
                .map(|field| field.path.clone())
                .collect();
            for (path, name) in names {
                let is_known = self.known(&fields, path);
                let (span, Some(name)) = (name.span(), name.get_ref().as_str()) else { continue };
                if name.is_empty() || name.contains(['.', '[', ']']) {
                    let message = format!(
                        "`{name}` is not the name of a field: write only the new name, without its path"
                    );
                    self.mistake(span, message);
                } else if is_known && !taken.insert(sibling(path.get_ref(), name)) {
                    self.mistake(
                        span,
                        format!("another field beside `{}` already has the name `{name}`", path.get_ref()),
                    );
                }
            }
        }
    }

    fn words(&mut self) {
        let fields: Vec<Field> = self.lists().into_iter().flat_map(|(_, fields)| fields).collect();
        let Some(corrected) = table(self.correction, "words") else { return };
        for (path, words) in corrected {
            let is_known = self.known(&fields, path);
            let Some(words) = words.get_ref().as_table() else { continue };
            self.one_word_each(path.get_ref(), words);
            let allowed: Vec<&String> = fields
                .iter()
                .filter(|field| field.path == path.get_ref().as_ref())
                .flat_map(|field| &field.allowed)
                .collect();
            for (word, other) in words {
                let name = word.get_ref().as_ref();
                if is_known && !allowed.is_empty() && !allowed.iter().any(|known| *known == name) {
                    let near = nearest(name, allowed.iter().map(|known| known.as_str()));
                    let all = allowed.iter().map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", ");
                    let message = format!("`{}` never holds `{name}`{}", path.get_ref(), did_you_mean(near));
                    self.mistake_with_help(word.span(), message, format!("its words are {all}"));
                }
                if !matches!(other.get_ref(), DeValue::String(_) | DeValue::Integer(_) | DeValue::Boolean(_))
                {
                    let message = "a word is a text, a whole number, or true or false".to_owned();
                    self.mistake(other.span(), message);
                }
            }
        }
    }

    /// Reports two words of a request's field that become the same one: then nobody could tell which is meant. In responses and
    /// callbacks the vendor may well have fewer words than the mock.
    fn one_word_each(&mut self, path: &str, words: &DeTable<'_>) {
        let Some(EntryFields::Endpoint { request, .. }) = fields(&self.entry.id) else { return };
        let Some(field) = request.iter().find(|field| field.path == path) else { return };
        let stay = field.allowed.iter().filter(|word| !words.contains_key(word.as_str()));
        let mut meant: BTreeMap<String, &str> =
            stay.map(|word| (Value::from(word.as_str()).to_string(), word.as_str())).collect();
        for (own, other) in words {
            let word = match other.get_ref() {
                DeValue::String(text) => Value::from(text.as_ref()).to_string(),
                DeValue::Integer(number) => number.to_string(),
                DeValue::Boolean(is) => is.to_string(),
                _ => continue,
            };
            if let Some(first) = meant.insert(word.clone(), own.get_ref()) {
                let message = format!(
                    "`{path}` of a request would mean both `{first}` and `{}` by {word}",
                    own.get_ref()
                );
                let help = "give each of them a word of its own".to_owned();
                self.mistake_with_help(other.span(), message, help);
            }
        }
    }

    /// Returns the lists of fields by the key that corrects them.
    fn lists(&self) -> Vec<(&'static str, Vec<Field>)> {
        match fields(&self.entry.id) {
            Some(EntryFields::Endpoint { request, response }) => {
                vec![("request", request), ("response", response)]
            }
            Some(EntryFields::Callback(body)) => vec![("fields", body)],
            None => Vec::new(),
        }
    }

    fn known(&mut self, fields: &[Field], path: &Spanned<std::borrow::Cow<'_, str>>) -> bool {
        let name = path.get_ref().as_ref();
        let is_known = fields.iter().any(|field| field.path == name);
        if !is_known {
            // A nested field may be given by its name alone.
            let by_name = fields.iter().map(|field| field.path.as_str()).find(|known| leaf(known) == name);
            let near = by_name.or_else(|| nearest(name, fields.iter().map(|field| field.path.as_str())));
            let message = format!("`{}` has no field `{name}` here{}", self.entry.id, did_you_mean(near));
            let help = format!("`airudder-mock catalog {}` lists its fields", self.entry.id);
            self.mistake_with_help(path.span(), message, help);
        }
        is_known
    }
}

/// Returns the last name of a path.
fn leaf(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path).trim_end_matches("[]")
}

/// Returns the path of a field next to this one.
fn sibling(path: &str, name: &str) -> String {
    match path.rsplit_once('.') {
        Some((parent, _)) => format!("{parent}.{name}"),
        None => name.to_owned(),
    }
}

/// Returns the corrections including derived ones: a field corrected in a callback or a response is also corrected wherever
/// the same field is written and its name is only assumed. An entry's own correction wins.
pub(super) fn shared<'a>(
    catalog: &Catalog,
    given: impl Iterator<Item = (&'a str, &'a EntryFile)>,
) -> BTreeMap<String, EntryFile> {
    let given: BTreeMap<&str, &EntryFile> = given.collect();
    let mut all: BTreeMap<String, EntryFile> =
        given.iter().map(|(id, correction)| ((*id).to_owned(), (*correction).clone())).collect();
    if given.values().all(|correction| {
        correction.response.is_empty() && correction.fields.is_empty() && correction.words.is_empty()
    }) {
        return all;
    }
    let entries: Vec<(&Entry, Vec<Field>)> =
        catalog.entries().iter().map(|entry| (entry, written_fields(&entry.id))).collect();
    for (id, correction) in &given {
        let Some((_, fields)) = entries.iter().find(|(entry, _)| entry.id == *id) else { continue };
        for field in fields {
            let name = correction.response.get(&field.path).or(correction.fields.get(&field.path));
            let words = correction.words.get(&field.path);
            if name.is_none() && words.is_none() {
                continue;
            }
            for (entry, others) in &entries {
                let own = given.get(entry.id.as_str());
                for other in others.iter().filter(|other| is_same(field, other)) {
                    let says = |list: fn(&EntryFile) -> bool| own.is_some_and(|own| list(own));
                    // A template for the whole body names its fields itself.
                    if entry.id == *id && other.path == field.path || says(|own| own.body.is_some()) {
                        continue;
                    }
                    let slot = all.entry(entry.id.clone()).or_default();
                    if let Some(name) = name {
                        let list = if entry.direction == Direction::Request {
                            &mut slot.response
                        } else {
                            &mut slot.fields
                        };
                        list.entry(other.path.clone()).or_insert_with(|| name.clone());
                    }
                    if let Some(words) = words {
                        slot.words.entry(other.path.clone()).or_insert_with(|| words.clone());
                    }
                }
            }
        }
    }
    all
}

fn written_fields(id: &str) -> Vec<Field> {
    match fields(id) {
        Some(EntryFields::Endpoint { response, .. }) => response,
        Some(EntryFields::Callback(body)) => body,
        None => Vec::new(),
    }
}

/// Whether two places hold the same field according to the reference, and the second is only assumed.
fn is_same(field: &Field, other: &Field) -> bool {
    let described = |field: &Field| (field.kind.clone(), field.help.clone());
    other.provenance == Some(Provenance::Assumed)
        && leaf(&field.path) == leaf(&other.path)
        && described(field) == described(other)
}
