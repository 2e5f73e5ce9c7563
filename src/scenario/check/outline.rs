//! A scenario file reduced to its includes and to the names its templates read and its steps write, with places.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::rules::{tables, text};
use crate::files::SourceFile;
use crate::files::syntax::inside_text;
use crate::scenario::template;

/// A name and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::scenario) struct Named {
    pub(in crate::scenario) name: String,
    pub(in crate::scenario) span: Range<usize>,
}

/// What happens to a name, in the order of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A template reads it; `function` if it is called.
    Read { name: Named, function: bool },
    /// A step or reaction gives it a value.
    Write(Named),
}

/// A file's includes, reads and writes.
#[derive(Debug, Default)]
pub(in crate::scenario) struct Outline {
    /// The files included at the top.
    pub(in crate::scenario) includes: Vec<Named>,
    /// The variables in their order, each with what its value reads.
    pub(super) vars: Vec<(Named, Vec<Event>)>,
    /// What the keys at the top read.
    pub(super) head: Vec<Event>,
    /// One for each step.
    pub(in crate::scenario) steps: Vec<StepOutline>,
    /// What the reactions read and write.
    pub(super) reactions: Vec<Event>,
    /// Names under keys that are mistyped: they may be meant as variables, so that reading them is no second mistake.
    pub(super) loose: Vec<String>,
}

/// A step's include, reads and writes.
#[derive(Debug, Default)]
pub(in crate::scenario) struct StepOutline {
    /// The file whose steps stand here.
    pub(in crate::scenario) include: Option<Named>,
    pub(super) events: Vec<Event>,
}

impl Outline {
    /// The outline of a tree. What is of the wrong type is passed over.
    pub(super) fn of(source: &Arc<SourceFile>, tree: &DeTable<'_>, schema: &Value) -> Self {
        let known = |pointer: &str, key: &str| {
            schema.pointer(pointer).and_then(Value::as_object).is_some_and(|keys| keys.contains_key(key))
        };
        let mut outline = Self::default();
        outline.loose.extend(loose(tree, |key| known("/properties", key)));
        if let Some(DeValue::Array(includes)) = tree.get("include").map(Spanned::get_ref) {
            outline.includes.extend(includes.iter().filter_map(named));
        }
        if let Some(DeValue::Table(vars)) = tree.get("vars").map(Spanned::get_ref) {
            for (key, value) in vars {
                let mut reader = Reader::new(source);
                reader.tree(value);
                outline.vars.push((name(key), reader.events));
            }
        }
        let mut reader = Reader::new(source);
        reader.keys(tree, &["callback_url"]);
        outline.head = reader.events;
        // Steps that are no tables are kept as empty ones, so that the numbers agree with those of the typed file.
        if let Some(DeValue::Array(steps)) = tree.get("steps").map(Spanned::get_ref) {
            for step in steps {
                let Some(step) = step.get_ref().as_table() else {
                    outline.steps.push(StepOutline::default());
                    continue;
                };
                outline.loose.extend(loose(step, |key| known("/$defs/StepFile/properties", key)));
                outline.steps.push(StepOutline::of(source, step));
            }
        }
        let mut reader = Reader::new(source);
        for reaction in tables(tree, "on") {
            outline.loose.extend(loose(reaction, |key| known("/$defs/ReactionFile/properties", key)));
            reader.reaction(reaction);
        }
        outline.reactions = reader.events;
        outline
    }
}

impl StepOutline {
    fn of(source: &Arc<SourceFile>, step: &DeTable<'_>) -> Self {
        let mut reader = Reader::new(source);
        reader.keys(step, &["when", "body", "raw", "headers", "target", "where"]);
        reader.local = Some("call").filter(|_| step.contains_key("await"));
        reader.keys(step, &["answer"]);
        reader.local = None;
        reader.set(step);
        reader.write(step, "save");
        reader.keys(step, &["expect"]);
        Self { include: step.get("include").and_then(named), events: reader.events }
    }
}

fn name(key: &Spanned<std::borrow::Cow<'_, str>>) -> Named {
    Named { name: key.get_ref().as_ref().to_owned(), span: key.span() }
}

fn named(value: &Spanned<DeValue<'_>>) -> Option<Named> {
    Some(Named { name: value.get_ref().as_str()?.to_owned(), span: value.span() })
}

/// The names that stand under unknown keys of a table.
fn loose(table: &DeTable<'_>, known: impl Fn(&str) -> bool) -> Vec<String> {
    let mut names = Vec::new();
    for (_, value) in table.iter().filter(|(key, _)| !known(key.get_ref())) {
        match value.get_ref() {
            DeValue::String(text) => names.push(text.as_ref().to_owned()),
            DeValue::Table(inner) => names.extend(inner.keys().map(|key| key.get_ref().as_ref().to_owned())),
            _ => {}
        }
    }
    names
}

/// Collects events in the order in which the story meets them.
struct Reader<'a> {
    source: &'a Arc<SourceFile>,
    /// A name that exists here only.
    local: Option<&'static str>,
    events: Vec<Event>,
}

impl<'a> Reader<'a> {
    fn new(source: &'a Arc<SourceFile>) -> Self {
        Self { source, local: None, events: Vec::new() }
    }

    fn keys(&mut self, table: &DeTable<'_>, keys: &[&str]) {
        for value in keys.iter().filter_map(|key| table.get(*key)) {
            self.tree(value);
        }
    }

    fn tree(&mut self, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::String(text) => self.template(text, &value.span()),
            DeValue::Array(items) => items.iter().for_each(|item| self.tree(item)),
            DeValue::Table(table) => table.iter().for_each(|(_, value)| self.tree(value)),
            _ => {}
        }
    }

    fn template(&mut self, text: &str, literal: &Range<usize>) {
        // A template that does not read is reported elsewhere.
        for name in template::check(text).unwrap_or_default() {
            if self.local == Some(name.as_str()) {
                continue;
            }
            let place = find(text, &name);
            let function = place.as_ref().is_some_and(|at| text[at.end..].trim_start().starts_with('('));
            let inner = place.and_then(|at| inside_text(self.source.text(), literal, text, &at));
            let span = inner.unwrap_or_else(|| literal.clone());
            self.events.push(Event::Read { name: Named { name, span }, function });
        }
    }

    /// Variables are set one after the other: each may read those before it.
    fn set(&mut self, table: &DeTable<'_>) {
        let Some(DeValue::Table(variables)) = table.get("set").map(Spanned::get_ref) else { return };
        for (key, value) in variables {
            self.tree(value);
            self.events.push(Event::Write(name(key)));
        }
    }

    fn write(&mut self, table: &DeTable<'_>, key: &str) {
        if let Some(named) = table.get(key).and_then(named) {
            self.events.push(Event::Write(named));
        }
    }

    fn reaction(&mut self, reaction: &DeTable<'_>) {
        let call = text(reaction, "call").map(|_| "call");
        self.local = call.or(text(reaction, "callback").map(|_| "callback"));
        self.keys(reaction, &["where", "when", "answer"]);
        self.set(reaction);
        for send in tables(reaction, "send") {
            self.keys(send, &["when", "body", "raw", "headers", "target"]);
            self.write(send, "save");
        }
        self.local = None;
    }
}

/// Where a template reads a name: the first time it stands in a tag as a word of its own, not as a field.
pub(crate) fn find(template: &str, name: &str) -> Option<Range<usize>> {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let mut open = 0;
    while let Some(start) = template[open..].find("{{").into_iter().chain(template[open..].find("{%")).min() {
        let start = open + start + 2;
        let end = ["}}", "%}"].iter().filter_map(|close| template[start..].find(close)).min();
        let end = end.map_or(template.len(), |end| start + end);
        let mut quote = None;
        for (at, letter) in template[start..end].char_indices().map(|(at, letter)| (start + at, letter)) {
            match quote {
                Some(open) if open == letter => quote = None,
                Some(_) => continue,
                None if matches!(letter, '\'' | '"') => quote = Some(letter),
                None => {}
            }
            let before = template[..at].chars().next_back();
            if template[at..end].starts_with(name)
                && !before.is_some_and(|c| word(c) || c == '.')
                && !template[at + name.len()..].starts_with(word)
            {
                return Some(at..at + name.len());
            }
        }
        open = end;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_templates() {
        for (template, name, wanted) in [
            ("{{ a.b }}", "b", None),
            ("b {{ 'b' ~ a.b ~ b }} b", "b", Some(17..18)),
            ("{% if ab and b %}x{% endif %}", "b", Some(13..14)),
            ("ü{{ü}}{{ b }}", "b", Some(11..12)),
            ("{{ b", "b", Some(3..4)),
            ("{{", "b", None),
            ("no tags b", "b", None),
        ] {
            assert_eq!(find(template, name), wanted, "{template}");
        }
    }
}
