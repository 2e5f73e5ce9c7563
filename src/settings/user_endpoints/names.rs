//! Checks that every name a template reads has a value by the time a request reaches it.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::files::diagnostic::quoted;
use crate::files::suggest::nearest;
use crate::files::tables::{tables, text};
use crate::files::{Diagnostic, SourceFile};
use crate::language::{FormatMistake, formats, names, template};

/// The names that every template here can read, besides functions.
pub(crate) const BUILT_IN: [&str; 2] = ["request", "state"];

/// Finds all names that are read and have no value.
pub(super) fn check(source: &Arc<SourceFile>, tree: &DeTable<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for callback in tables(tree, "callbacks") {
        let mut names = Names::new(source, &mut found);
        names.home = "the body of a callback can use `request`, `state` and functions";
        names.keys(callback, &["body"]);
    }
    for endpoint in tables(tree, "endpoints") {
        let mut names = Names::new(source, &mut found);
        names.later = given(endpoint);
        for find in tables(endpoint, "find") {
            names.keys(find, &["key", "message"]);
            names.give_as(find);
        }
        if let Some(DeValue::Table(set)) = endpoint.get("set").map(Spanned::get_ref) {
            for (name, value) in set {
                names.tree(value);
                if let Err(mistake) = value_name(name.get_ref()) {
                    let wrong = Diagnostic::at(source, name.span(), mistake.message);
                    names.found.push(wrong.maybe_help(mistake.help));
                }
                names.give(name.get_ref(), name.span());
            }
        }
        for refuse in tables(endpoint, "refuse") {
            names.keys(refuse, &["when", "message"]);
        }
        for ask in tables(endpoint, "ask") {
            names.keys(ask, &["fields"]);
            names.give_as(ask);
        }
        names.stores(endpoint);
        if let Some(DeValue::Table(answer)) = endpoint.get("answer").map(Spanned::get_ref) {
            names.keys(answer, &["data", "body", "headers"]);
        }
        for send in tables(endpoint, "send") {
            let known = names.known.len();
            names.keys(send, &["when"]);
            names.stores(send);
            names.keys(send, &["body", "target"]);
            // The names of a later state change are only known there.
            names.known.truncate(known);
        }
    }
    found
}

/// Returns every name to which an endpoint assigns a value.
fn given(endpoint: &DeTable<'_>) -> Vec<String> {
    let named = ["find", "ask", "store"].iter().flat_map(|key| tables(endpoint, key));
    let mut names: Vec<String> = named.filter_map(|table| text(table, "as")).map(str::to_owned).collect();
    if let Some(DeValue::Table(set)) = endpoint.get("set").map(Spanned::get_ref) {
        names.extend(set.keys().map(|name| name.get_ref().as_ref().to_owned()));
    }
    names
}

/// Checks whether a text can be the name of a value. The error says what to do about it.
pub(crate) fn value_name(text: &str) -> Result<(), FormatMistake> {
    let is_known = BUILT_IN.contains(&text) || template::function_names().contains(&text);
    formats::name(text, "a value", is_known || text.starts_with("__"))
}

struct Names<'a> {
    source: &'a Arc<SourceFile>,
    /// Names that have a value so far, and where they got it.
    known: Vec<(String, Range<usize>)>,
    /// Names that have a value at some point.
    later: Vec<String>,
    /// What to suggest if no similar name exists.
    home: &'static str,
    found: &'a mut Vec<Diagnostic>,
}

impl<'a> Names<'a> {
    fn new(source: &'a Arc<SourceFile>, found: &'a mut Vec<Diagnostic>) -> Self {
        let home =
            "give it a value with `set`, `find` or `store`; the fields of the request are in `request`";
        Self { source, known: Vec::new(), later: Vec::new(), home, found }
    }

    fn keys(&mut self, table: &DeTable<'_>, keys: &[&str]) {
        for value in keys.iter().filter_map(|key| table.get(*key)) {
            self.tree(value);
        }
    }

    fn stores(&mut self, table: &DeTable<'_>) {
        for store in tables(table, "store") {
            self.keys(store, &["key", "value"]);
            self.give_as(store);
        }
    }

    fn give_as(&mut self, table: &DeTable<'_>) {
        if let Some(value) = table.get("as")
            && let Some(name) = value.get_ref().as_str()
        {
            self.give(name, value.span());
        }
    }

    fn give(&mut self, name: &str, span: Range<usize>) {
        if let Some((_, first)) = self.known.iter().find(|(known, _)| known == name) {
            let mistake = Diagnostic::at(self.source, span, format!("the name {} is taken", quoted(name)))
                .context(first.clone(), "the first one")
                .help("choose another name: each has one value during a request");
            self.found.push(mistake);
            return;
        }
        self.known.push((name.to_owned(), span));
    }

    fn tree(&mut self, value: &Spanned<DeValue<'_>>) {
        for read in names::reads(self.source, value) {
            let name = read.name.as_str();
            let is_known = self.known.iter().any(|(known, _)| known == name)
                || BUILT_IN.contains(&name)
                || template::function_names().contains(&name);
            if !is_known {
                self.unknown(name, read.span);
            }
        }
    }

    fn unknown(&mut self, name: &str, span: Range<usize>) {
        let at = |message: String| Diagnostic::at(self.source, span, message);
        let mistake = if self.later.iter().any(|later| later == name) {
            at(format!("{} has no value yet", quoted(name)))
                .help("the order is `find`, `set`, `refuse`, `ask`, `store`, `answer`, `send`")
        } else {
            let known = self.known.iter().map(|(known, _)| known.as_str());
            let functions = template::function_names().iter().copied();
            let all = known.chain(self.later.iter().map(String::as_str)).chain(BUILT_IN).chain(functions);
            let help = match nearest(name, all) {
                Some(near) => format!("did you mean `{near}`?"),
                None => self.home.to_owned(),
            };
            at(format!("unknown variable {}", quoted(name))).help(help)
        };
        self.found.push(mistake);
    }
}
