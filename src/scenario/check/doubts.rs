//! Finds fields, words and types of values that the types of the catalog's entries do not have: most likely mistakes.
//!
//! They do not keep a story from running, since users know their vendor better than we do. Fields that are meant as written go
//! into `extra`.

mod conversations;
mod faults;
mod saved;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::content::texts;
use crate::contract::fields::{FieldTree, JsonType};
use crate::contract::{Catalog, Direction, envelope, expected};
use crate::files::diagnostic::{joined, quoted};
use crate::files::suggest::nearest;
use crate::files::syntax::inside_text;
use crate::files::tables::{items, spanned_text, table, tables, text};
use crate::files::{Diagnostic, SourceFile};
use crate::json::path_keys;
use crate::language::formats::Formats;
use crate::language::matcher::{Matcher, is_matcher};
use crate::language::template::{self, is_template, lint};
use crate::simulator::reference::{self, EntryFields};

/// The fields of the conversation's user in templates.
const USER: [&str; 5] = ["id", "name", "phone", "gender", "locale"];

/// The fields of the conversation in templates.
const SESSION: [&str; 7] = ["call_id", "channel", "channel_id", "company", "seat_id", "phase", "last_msg_id"];

/// The fields of a value that was saved, or that caused a reaction.
const SAVED: [&str; 6] = ["id", "body", "answer", "attempts", "tries", "all"];

/// What to do about a value that is meant as written.
const INTENDED: &str = "if the value is intended, put it into `extra = { ... }`";

/// Maximum number of fields that a message lists.
const MOST_LISTED: usize = 12;

/// Returns all doubts about a file.
pub(super) fn check(source: &Arc<SourceFile>, tree: &DeTable<'_>, catalog: &Catalog) -> Vec<Diagnostic> {
    let (trees, answers) = Default::default();
    let mut doubts = Doubts {
        source,
        catalog,
        trees,
        answers,
        saved: BTreeMap::new(),
        answers_itself: BTreeSet::new(),
        of: "",
        found: Vec::new(),
    };
    let formats = Formats::new(catalog);
    let is_unknown = |locale: &str| !texts::knows(locale) && formats.check("locale", locale).is_ok();
    if let Some((locale, span)) = spanned_text(tree, "locale").filter(|(locale, _)| is_unknown(locale)) {
        let message = format!("there are no texts in {}, so English is used", quoted(locale));
        doubts.doubt(span, message, near_or(locale, &texts::locales(), lint::all_locales));
    }
    for name in table(tree, "vars").into_iter().flatten().map(|(name, _)| name) {
        doubts.saved.insert(name.get_ref().to_string(), None);
    }
    doubts.note_steps(tree, "steps");
    for reaction in tables(tree, "on") {
        doubts.note_variables(reaction);
        doubts.note_answer(reaction, text(reaction, "call"));
        tables(reaction, "send").into_iter().for_each(|send| doubts.note_saved(send, text(send, "event")));
    }
    doubts.steps(tree, "steps");
    for reaction in tables(tree, "on") {
        doubts.reaction(reaction);
    }
    doubts.faults(tree);
    doubts.conversations(tree);
    doubts.placeholder(tree, "callback_url");
    for (key, value) in tree {
        if !matches!(key.get_ref().as_ref(), "steps" | "on") {
            doubts.templates(value, None);
        }
    }
    doubts.found
}

/// Returns advice about a word: the most similar valid one, or else all of them.
fn near_or(word: &str, known: &[&str], all: impl FnOnce() -> String) -> String {
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => all(),
    }
}

fn listed<S: AsRef<str>>(words: &[S]) -> String {
    joined(&words.iter().map(|word| format!("`{}`", word.as_ref())).collect::<Vec<_>>(), "and")
}

/// Lists the fields of an entry at one place, or says where to find them.
fn fields_of<S: AsRef<str>>(id: &str, known: &[S]) -> String {
    match known.len() {
        0..=MOST_LISTED => format!("the fields here are {}", listed(known)),
        _ => format!("`airudder-mock catalog {id}` lists its fields"),
    }
}

/// Writes the field at a path such as `messages[0].type` as tables within each other. `None` if there is no such field.
fn nested(tree: &FieldTree, path: &str, may_match: bool) -> Option<String> {
    if !path.contains(['.', '[']) {
        return None;
    }
    let meant = tree.find(path).err().map(|unknown| unknown.meant);
    let path = meant.map_or(Some(path.to_owned()), |meant| meant)?;
    let mut fields = Vec::new();
    let mut node = tree;
    for name in path_keys(&path).filter(|name| name.parse::<usize>().is_err()) {
        node = node.field(name)?;
        fields.push((name, node.is_list()));
    }
    fields.into_iter().rev().fold(None, |inner: Option<String>, (name, is_list)| {
        let value = inner.map_or("...".to_owned(), |inner| format!("{{ {inner} }}"));
        Some(match (is_list, may_match) {
            (false, _) => format!("{name} = {value}"),
            (true, true) => format!("{name} = {{ contains = {value} }}"),
            (true, false) => format!("{name} = [{value}]"),
        })
    })
}

/// A name in templates, and the entry of the catalog whose body it holds.
type Local<'a> = Option<(&'static str, &'a str)>;

struct Doubts<'a> {
    source: &'a Arc<SourceFile>,
    catalog: &'a Catalog,
    /// The fields of the entries that were looked up; `None` for the user's own.
    trees: BTreeMap<String, Option<Rc<FieldTree>>>,
    /// The fields of the responses to them, envelopes included.
    answers: BTreeMap<String, Option<Rc<FieldTree>>>,
    /// The entry of the catalog that is saved under each name; `None` if the name may stand for something else, too.
    saved: BTreeMap<String, Option<String>>,
    /// The requests that the story answers with its own bodies.
    answers_itself: BTreeSet<String>,
    /// What the checked fields belong to, as the text before its id.
    of: &'static str,
    found: Vec<Diagnostic>,
}

impl Doubts<'_> {
    fn doubt(&mut self, span: Range<usize>, message: String, help: String) {
        self.found.push(Diagnostic::at(self.source, span, message).help(help).doubt());
    }

    fn tree(&mut self, id: &str) -> Option<Rc<FieldTree>> {
        let read = || {
            Some(Rc::new(match reference::fields(id)? {
                EntryFields::Endpoint { request, .. } => FieldTree::of(&request),
                EntryFields::Callback(body) => FieldTree::of(&body),
            }))
        };
        self.trees.entry(id.to_owned()).or_insert_with(read).clone()
    }

    /// Returns the fields of the response to an entry: of the mock to a request, of a receiver to a callback.
    fn answer_tree(&mut self, id: &str) -> Option<Rc<FieldTree>> {
        let read = || {
            let EntryFields::Endpoint { response, .. } = reference::fields(id)? else {
                let known = expected::response(id);
                let names: Vec<&String> = known.as_object()?.keys().collect();
                let (first, rest) = names.split_first()?;
                return Some(Rc::new(
                    FieldTree::default().inside(first, rest.iter().map(|name| name.as_str())),
                ));
            };
            let (names, data) = envelope::names(self.catalog.get(id)?.family);
            Some(Rc::new(FieldTree::of(&response).inside(data, names.iter().map(String::as_str))))
        };
        self.answers.entry(id.to_owned()).or_insert_with(read).clone()
    }

    fn note_steps(&mut self, tree: &DeTable<'_>, key: &str) {
        for step in tables(tree, key) {
            self.note_saved(step, text(step, "send").or(text(step, "await")));
            self.note_answer(step, text(step, "await"));
            self.note_variables(step);
            self.note_steps(step, "group");
        }
    }

    fn note_saved(&mut self, of: &DeTable<'_>, id: Option<&str>) {
        let Some(name) = text(of, "save") else { return };
        // Fields that deliberately differ from the vendor's can be read, too.
        let is_open = ["raw", "extra"].iter().any(|key| of.contains_key(*key));
        let id = id.filter(|_| !is_open).map(str::to_owned);
        let known = self.saved.entry(name.to_owned()).or_insert_with(|| id.clone());
        if *known != id {
            *known = None;
        }
    }

    fn note_answer(&mut self, of: &DeTable<'_>, id: Option<&str>) {
        let is_own = table(of, "answer")
            .is_some_and(|answer| answer.contains_key("body") || answer.contains_key("extra"));
        self.answers_itself.extend(id.filter(|_| is_own).map(str::to_owned));
    }

    fn note_variables(&mut self, of: &DeTable<'_>) {
        for (name, _) in table(of, "set").into_iter().flatten() {
            self.saved.insert(name.get_ref().to_string(), None);
        }
    }

    fn steps(&mut self, tree: &DeTable<'_>, key: &str) {
        for step in tables(tree, key) {
            let (sent, awaited) = (text(step, "send"), text(step, "await"));
            if let Some(event) = sent {
                self.callback(step, event);
            }
            self.checked(step);
            if let Some(id) = awaited.or(text(step, "never")) {
                self.condition(step, id);
                self.answer(step, id);
            }
            if let (Some(event), Some(expect)) = (sent, table(step, "expect")) {
                self.expected(expect, event);
            }
            let is_request =
                |id: &str| self.catalog.get(id).is_some_and(|entry| entry.direction == Direction::Request);
            let came = awaited
                .or(text(step, "never"))
                .map(|id| (if is_request(id) { "call" } else { "callback" }, id));
            for (key, value) in step {
                match key.get_ref().as_ref() {
                    "group" => {}
                    "expect" => self.templates(value, sent.map(|event| ("callback", event))),
                    "where" | "answer" | "extra" => self.templates(value, came),
                    _ => self.templates(value, None),
                }
            }
            self.steps(step, "group");
        }
    }

    fn reaction(&mut self, reaction: &DeTable<'_>) {
        let request = text(reaction, "call").map(|id| ("call", id));
        let cause = request.or(text(reaction, "callback").map(|id| ("callback", id)));
        if let Some((_, id)) = cause {
            self.condition(reaction, id);
            self.answer(reaction, id);
        }
        for send in tables(reaction, "send") {
            self.callback(send, text(send, "event").unwrap_or_default());
        }
        for (_, value) in reaction {
            self.templates(value, cause);
        }
    }

    /// Checks that a URL has no other placeholder than the id of the callback.
    fn placeholder(&mut self, of: &DeTable<'_>, key: &str) {
        let Some(value) = of.get(key) else { return };
        let Some(url) = value.get_ref().as_str().filter(|url| !is_template(url)) else { return };
        for (open, _) in url.match_indices('{') {
            let Some(length) = url[open..].find('}') else { continue };
            let name = &url[open..=open + length];
            if name != "{event}" {
                let span = self.inside(value, url, &(open..open + length + 1));
                let message = format!("{} is not filled in", quoted(name));
                self.doubt(span, message, "`{event}` becomes the id of the callback".to_owned());
            }
        }
    }

    /// Checks a callback that is sent.
    fn callback(&mut self, of: &DeTable<'_>, event: &str) {
        let Some(tree) = self.tree(event) else { return };
        if let Some(body) = table(of, "body") {
            self.fields(body, &tree, event, "", false);
        }
        for item in items(of, "omit") {
            let Some(path) = item.get_ref().as_str() else { continue };
            // A text that is not a path is reported elsewhere.
            let is_path = path_keys(path).all(|key| !key.is_empty());
            if let Some(unknown) = tree.find(path).err().filter(|_| is_path) {
                let help = unknown.meant.map(|near| format!("did you mean `{near}`?"));
                let help = help.unwrap_or_else(|| fields_of(event, &unknown.known));
                self.doubt(item.span(), format!("`{event}` has no field {}", quoted(path)), help);
            }
        }
    }

    /// Checks the conditions on a request or callback.
    fn condition(&mut self, of: &DeTable<'_>, id: &str) {
        if let (Some(fields), Some(tree)) = (table(of, "where"), self.tree(id)) {
            self.fields(fields, &tree, id, "", true);
        }
    }

    /// Checks the mock's response in place of its usual one.
    fn answer(&mut self, of: &DeTable<'_>, id: &str) {
        if let Some(body) = table(of, "answer").and_then(|answer| table(answer, "body"))
            && let Some(tree) = self.answer_tree(id)
        {
            self.of = "the response to ";
            self.fields(body, &tree, id, "", false);
            self.of = "";
        }
    }

    /// Checks the expected response of a receiver. A receiver may add fields of its own, so only names similar to known ones
    /// are doubted.
    fn expected(&mut self, expect: &DeTable<'_>, event: &str) {
        let (Some(body), Some(tree)) = (table(expect, "body"), self.answer_tree(event)) else { return };
        for (key, _) in body.iter().filter(|(key, _)| tree.field(key.get_ref()).is_none()) {
            let name = key.get_ref().as_ref();
            if let Some(near) = tree.nearest(name) {
                let message = format!("the response to `{event}` has no field {}", quoted(name));
                self.doubt(key.span(), message, format!("did you mean `{near}`?"));
            }
        }
    }

    fn fields(&mut self, table: &DeTable<'_>, tree: &FieldTree, id: &str, path: &str, may_match: bool) {
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let dot = if path.is_empty() { "" } else { "." };
            let path = format!("{path}{dot}{name}");
            match tree.field(name) {
                Some(inner) => self.value(value, inner, (id, &path), may_match, false),
                None if !tree.is_closed() => {}
                None => {
                    let nested = nested(tree, name, may_match).map(|nested| format!("nest it: `{nested}`"));
                    let near = || tree.nearest(name).map(|near| format!("did you mean `{near}`?"));
                    let help = nested.or_else(near).unwrap_or_else(|| {
                        let known: Vec<&str> = tree.names().collect();
                        fields_of(id, &known) + "; if the field is intended, put it into `extra = { ... }`"
                    });
                    self.doubt(key.span(), format!("{}`{id}` has no field {}", self.of, quoted(&path)), help);
                }
            }
        }
    }

    /// Checks the value of the field at a path of an entry, or, if `is_item`, an item of that list.
    fn value(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        tree: &FieldTree,
        at: (&str, &str),
        may_match: bool,
        is_item: bool,
    ) {
        let (id, path) = at;
        let types = if is_item { tree.item_types() } else { tree.types() };
        match value.get_ref() {
            DeValue::Table(table) => {
                let has_field = || table.keys().any(|key| tree.field(key.get_ref()).is_some());
                if may_match && is_matcher(table.keys().map(|key| key.get_ref().as_ref())) && !has_field() {
                    for (word, inner) in table {
                        self.comparable(word, types, at, is_item);
                        match word.get_ref().as_ref() {
                            "equals" | "not" => self.value(inner, tree, at, may_match, is_item),
                            "contains" => {
                                let is_item = is_item || tree.types().contains(&JsonType::List);
                                self.value(inner, tree, at, may_match, is_item);
                            }
                            "one_of" => {
                                let values = inner.get_ref().as_array().into_iter().flatten();
                                values.for_each(|one| self.value(one, tree, at, may_match, is_item));
                            }
                            _ => {}
                        }
                    }
                } else if may_match && tree.is_plain() {
                    let unknown =
                        |key: &&Spanned<_>| !Matcher::WORDS.contains(&AsRef::<str>::as_ref(key.get_ref()));
                    let unknown: Vec<_> = table.keys().filter(unknown).collect();
                    for key in unknown {
                        let help = near_or(key.get_ref(), &Matcher::WORDS, || {
                            format!("the matchers are {}", listed(&Matcher::WORDS))
                        });
                        let message = format!("{} is not a matcher", quoted(key.get_ref()));
                        self.doubt(key.span(), message, help);
                    }
                } else {
                    self.of_type(value, types, at, may_match, is_item);
                    self.fields(table, tree, id, path, may_match);
                }
            }
            _ if !self.of_type(value, types, at, may_match, is_item) => {}
            DeValue::Array(list) => {
                list.iter().for_each(|item| self.value(item, tree, at, may_match, true));
            }
            DeValue::String(word) if tree.words().is_empty() || word.is_empty() || is_template(word) => {}
            DeValue::String(word) if !tree.words().iter().any(|known| known == word.as_ref()) => {
                let words: Vec<&str> = tree.words().iter().map(String::as_str).collect();
                let help = near_or(word, &words, || format!("its words are {}", listed(&words)));
                self.doubt(
                    value.span(),
                    format!("`{path}` of {}`{id}` is never {}", self.of, quoted(word)),
                    help,
                );
            }
            _ => {}
        }
    }

    /// Checks that a matcher can apply to a value of these types: only lists have a count, and only numbers and texts have limits.
    fn comparable(
        &mut self,
        word: &Spanned<impl AsRef<str>>,
        types: &[JsonType],
        (id, path): (&str, &str),
        is_item: bool,
    ) {
        let name = word.get_ref().as_ref();
        let fitting: &[JsonType] = match name {
            "count" => &[JsonType::List],
            "above" | "at_least" | "below" | "at_most" => &[JsonType::Number, JsonType::Text],
            _ => return,
        };
        if types.is_empty() || types.iter().any(|known| fitting.contains(known)) {
            return;
        }
        let names: Vec<&str> = types.iter().map(|known| known.described()).collect();
        let (item, names) = (if is_item { "an item of " } else { "" }, joined(&names, "or"));
        let message = format!("{item}`{path}` of {}`{id}` is {names}, so `{name}` never holds", self.of);
        let help = match types {
            [JsonType::List] => format!("for the number of its items write `count = {{ {name} = ... }}`"),
            _ => INTENDED.to_owned(),
        };
        self.doubt(word.span(), message, help);
    }

    /// Whether a value has one of these types; otherwise it is doubted. A template may have any, and a field without a value
    /// can be an empty text.
    fn of_type(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        types: &[JsonType],
        (id, path): (&str, &str),
        may_match: bool,
        is_item: bool,
    ) -> bool {
        let found = match value.get_ref() {
            DeValue::String(text) if text.is_empty() || is_template(text) => return true,
            DeValue::String(_) => JsonType::Text,
            DeValue::Integer(_) | DeValue::Float(_) => JsonType::Number,
            DeValue::Boolean(_) => JsonType::Boolean,
            DeValue::Array(_) => JsonType::List,
            DeValue::Table(_) => JsonType::Table,
            DeValue::Datetime(_) => return true,
        };
        // Forms and queries have texts in place of numbers.
        let is_request = || self.catalog.get(id).is_some_and(|entry| entry.direction == Direction::Request);
        let is_bare = |known: &JsonType| matches!(known, JsonType::Number | JsonType::Boolean);
        let may_be_text = may_match && found == JsonType::Text && types.iter().all(is_bare) && is_request();
        if types.is_empty() || types.contains(&found) || may_be_text {
            return true;
        }
        let names: Vec<&str> = types.iter().map(|known| known.described()).collect();
        let (item, names) = (if is_item { "an item of " } else { "" }, joined(&names, "or"));
        let message = format!("{item}`{path}` of {}`{id}` is {names}, not {}", self.of, found.described());
        let written = self.source.text().get(value.span()).unwrap_or_default();
        let is_bare = is_bare(&found);
        let help = match types {
            [JsonType::List] if found == JsonType::Table && may_match => {
                "write `[{ ... }]`, or `{ contains = { ... } }` for a list with such an item".to_owned()
            }
            [JsonType::List] if found == JsonType::Table => "write `[{ ... }]`".to_owned(),
            [JsonType::Text] if is_bare => format!("write `\"{written}\"`; {INTENDED}"),
            _ => INTENDED.to_owned(),
        };
        self.doubt(value.span(), message, help);
        false
    }

    /// Checks what templates read, and the words in them.
    fn templates(&mut self, value: &Spanned<DeValue<'_>>, local: Local<'_>) {
        match value.get_ref() {
            DeValue::String(text) if is_template(text) => {
                for lint in lint::lint(text).into_iter().filter(|lint| lint.is_doubt) {
                    let span = self.inside(value, text, &lint.range);
                    self.doubt(span, lint.message, lint.help.unwrap_or_default());
                }
                for read in template::values(text) {
                    self.read(value, text, &read, local);
                }
            }
            DeValue::Array(list) => list.iter().for_each(|item| self.templates(item, local)),
            DeValue::Table(table) => table.iter().for_each(|(_, value)| self.templates(value, local)),
            _ => {}
        }
    }

    /// Returns the range in the file of a part of a text.
    fn inside(&self, value: &Spanned<DeValue<'_>>, text: &str, range: &Range<usize>) -> Range<usize> {
        inside_text(self.source.text(), &value.span(), text, range).unwrap_or_else(|| value.span())
    }

    /// Checks a value that a template reads: `transfer.body.user.id`.
    fn read(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        text: &str,
        read: &template::ReadValue<'_>,
        local: Local<'_>,
    ) {
        let (root, fields) = (read.root(), read.fields());
        let Some((&first, rest)) = fields.split_first() else { return };
        let local = local.filter(|(name, _)| *name == root).map(|(_, id)| id.to_owned());
        let known: &[&str] = match root {
            "user" => &USER,
            "session" => &SESSION,
            _ if local.is_some() || matches!(self.saved.get(root), Some(Some(_))) => &SAVED,
            _ => return,
        };
        let report = |doubts: &mut Self, from: usize, message: String, help: String| {
            let from = (read.range.start + from).min(read.range.end);
            let range = doubts.inside(value, text, &(from..read.range.end));
            doubts.doubt(range, message, help);
        };
        if !known.contains(&first) {
            let help = near_or(first, known, || format!("it has {}", listed(known)));
            return report(self, root.len() + 1, format!("`{root}` has no field {}", quoted(first)), help);
        }
        let id = local.or_else(|| self.saved.get(root).cloned().flatten()).unwrap_or_default();
        let is_request = self.catalog.get(&id).is_some_and(|entry| entry.direction == Direction::Request);
        let (of, tree, rest) = match (first, rest) {
            ("body", rest @ [_, ..]) => ("body", self.tree(&id), rest),
            ("answer", ["body", rest @ ..])
                if is_request && !rest.is_empty() && !self.answers_itself.contains(&id) =>
            {
                ("answer.body", self.answer_tree(&id), rest)
            }
            _ => return,
        };
        let Some(tree) = tree else { return };
        if let Err(unknown) = tree.find(&rest.join(".")) {
            let help = unknown.meant.map(|near| format!("did you mean `{root}.{of}.{near}`?"));
            let help = help.unwrap_or_else(|| fields_of(&id, &unknown.known));
            let what = if of == "body" { "" } else { "the response to " };
            let message = format!("{what}`{id}` has no field {}", quoted(&rest.join(".")));
            report(self, root.len() + of.len() + 2, message, help);
        }
    }
}

#[cfg(test)]
mod tests;
