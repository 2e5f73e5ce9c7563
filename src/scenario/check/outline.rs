//! A scenario file reduced to its includes, the names that its templates read, and the names that its steps write, each with
//! its place.

use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::files::SourceFile;
use crate::files::tables::{items, tables, text};
use crate::language::names::{self, Read};

/// A name and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::scenario) struct Named {
    pub(in crate::scenario) name: String,
    pub(in crate::scenario) span: Range<usize>,
}

/// A use of a name, in the order in which the story meets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A template reads it; `function` says whether it is called.
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
    /// What the top-level keys read.
    pub(super) head: Vec<Event>,
    /// The outlines of the steps.
    pub(in crate::scenario) steps: Vec<StepOutline>,
    /// What the reactions read and write.
    pub(super) reactions: Vec<Event>,
    /// Names under mistyped keys: they may be meant as variables, so that reading them is not a second mistake.
    pub(super) loose: Vec<String>,
}

/// A step's include, reads and writes.
#[derive(Debug, Default)]
pub(in crate::scenario) struct StepOutline {
    /// The file whose steps are included here.
    pub(in crate::scenario) include: Option<Named>,
    /// The request or callback that it forbids.
    pub(in crate::scenario) never: Option<Named>,
    pub(super) events: Vec<Event>,
    /// The steps of a block.
    pub(in crate::scenario) group: Vec<StepOutline>,
}

impl Outline {
    /// Builds the outline of a tree. Values of the wrong type are skipped.
    pub(super) fn of(
        source: &Arc<SourceFile>,
        tree: &DeTable<'_>,
        schema: &Value,
        is_request: &dyn Fn(&str) -> bool,
    ) -> Self {
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
        let known_step = |key: &str| known("/$defs/StepFile/properties", key);
        outline.steps = StepOutline::all(source, tree, "steps", &known_step, is_request, &mut outline.loose);
        let mut reader = Reader::new(source);
        for reaction in tables(tree, "on") {
            outline.loose.extend(loose(reaction, |key| known("/$defs/ReactionFile/properties", key)));
            reader.reaction(reaction);
        }
        outline.reactions = reader.events;
        outline
    }

    /// Returns the step at a place: its index in the file, then in the block, and so on.
    pub(in crate::scenario) fn step(&self, at: &[usize]) -> Option<&StepOutline> {
        let (last, blocks) = at.split_last()?;
        let steps = blocks.iter().try_fold(&self.steps, |steps, block| Some(&steps.get(*block)?.group))?;
        steps.get(*last)
    }
}

impl StepOutline {
    /// Outlines the steps under a key. Steps that are not tables are kept as empty ones, so that the indexes agree with those
    /// of the typed file.
    fn all(
        source: &Arc<SourceFile>,
        tree: &DeTable<'_>,
        key: &str,
        known: &dyn Fn(&str) -> bool,
        is_request: &dyn Fn(&str) -> bool,
        names: &mut Vec<String>,
    ) -> Vec<Self> {
        let outline = |step: &Spanned<DeValue<'_>>| {
            let Some(step) = step.get_ref().as_table() else { return Self::default() };
            names.extend(loose(step, known));
            let group = Self::all(source, step, "group", known, is_request, names);
            Self { group, ..Self::of(source, step, is_request) }
        };
        items(tree, key).map(outline).collect()
    }

    fn of(source: &Arc<SourceFile>, step: &DeTable<'_>, is_request: &dyn Fn(&str) -> bool) -> Self {
        let mut reader = Reader::new(source);
        reader.keys(step, &["when", "body", "extra", "raw", "headers", "target"]);
        reader.variables(step, "check");
        if let Some(name) = step.get("resend").and_then(named) {
            reader.events.push(Event::Read { name, function: false });
        }
        let awaited = text(step, "await").or(text(step, "never"));
        reader.local = awaited.map(|id| if is_request(id) { "call" } else { "callback" });
        reader.keys(step, &["where", "answer"]);
        reader.local = None;
        reader.set(step);
        reader.write(step, "save");
        reader.local = Some("callback").filter(|_| step.contains_key("send") || step.contains_key("resend"));
        reader.keys(step, &["expect"]);
        let of = |key: &str| step.get(key).and_then(named);
        Self { include: of("include"), never: of("never"), events: reader.events, group: Vec::new() }
    }
}

fn name(key: &Spanned<std::borrow::Cow<'_, str>>) -> Named {
    Named { name: key.get_ref().as_ref().to_owned(), span: key.span() }
}

fn named(value: &Spanned<DeValue<'_>>) -> Option<Named> {
    Some(Named { name: value.get_ref().as_str()?.to_owned(), span: value.span() })
}

/// Returns the names under unknown keys of a table.
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

/// Collects uses in the order in which the story meets them.
struct Reader<'a> {
    source: &'a Arc<SourceFile>,
    /// A name that exists only here.
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
        for Read { name, span, is_function } in names::reads(self.source, value) {
            if self.local != Some(name.as_str()) {
                self.events.push(Event::Read { name: Named { name, span }, function: is_function });
            }
        }
    }

    /// Reads a table of variables. They are set one after the other: each may read the earlier ones.
    fn set(&mut self, table: &DeTable<'_>) {
        let Some(DeValue::Table(variables)) = table.get("set").map(Spanned::get_ref) else { return };
        for (key, value) in variables {
            self.tree(value);
            self.events.push(Event::Write(name(key)));
        }
    }

    /// Reads the variables under a key by name, and what their expected values read.
    fn variables(&mut self, table: &DeTable<'_>, key: &str) {
        let Some(value) = table.get(key) else { return };
        for (key, _) in value.get_ref().as_table().into_iter().flatten() {
            self.events.push(Event::Read { name: name(key), function: false });
        }
        self.tree(value);
    }

    fn write(&mut self, table: &DeTable<'_>, key: &str) {
        if let Some(named) = table.get(key).and_then(named) {
            self.events.push(Event::Write(named));
        }
    }

    fn reaction(&mut self, reaction: &DeTable<'_>) {
        let request = text(reaction, "call").map(|_| "call");
        self.local = request.or(text(reaction, "callback").map(|_| "callback"));
        self.keys(reaction, &["where", "extra", "when", "answer"]);
        self.set(reaction);
        for send in tables(reaction, "send") {
            self.keys(send, &["when", "body", "extra", "raw", "headers", "target"]);
            self.write(send, "save");
        }
        self.local = None;
    }
}
