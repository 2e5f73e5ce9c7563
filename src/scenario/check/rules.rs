//! Rules about more than one key: which keys go together, and which don't.

use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::contract::{Catalog, Direction};
use crate::faults;
use crate::files::diagnostic::joined;
use crate::files::tables::{key_span, table, tables, text};
use crate::files::{Diagnostic, SourceFile};
use crate::language::formats::Formats;
use crate::language::matcher;

/// The actions of steps, and the keys that go with each.
const STEP_KEYS: [(&str, &[&str]); 9] = [
    (
        "send",
        &[
            "when",
            "repeat",
            "every",
            "conversation",
            "body",
            "extra",
            "omit",
            "raw",
            "headers",
            "target",
            "faults",
            "wait",
            "expect",
            "save",
        ],
    ),
    ("resend", &["when", "repeat", "every", "conversation", "wait", "expect", "save"]),
    ("never", &["when", "repeat", "every", "conversation", "where", "extra", "within"]),
    (
        "await",
        &[
            "times",
            "when",
            "repeat",
            "every",
            "conversation",
            "where",
            "extra",
            "within",
            "optional",
            "answer",
            "save",
        ],
    ),
    ("check", &["when", "repeat", "every", "conversation"]),
    ("pause", &["when", "repeat", "every", "conversation"]),
    ("set", &["when", "repeat", "every", "conversation"]),
    ("group", &["when", "repeat", "every", "conversation", "parallel"]),
    ("include", &["conversation"]),
];

/// Returns all mistakes of a tree against the rules. Values of the wrong type are skipped: they are reported elsewhere.
pub(super) fn check(source: &Arc<SourceFile>, tree: &DeTable<'_>, catalog: &Catalog) -> Vec<Diagnostic> {
    let mut rules = Rules { source, catalog, found: Vec::new() };
    rules.names(tree, "vars");
    for step in tables(tree, "steps") {
        rules.step(step);
    }
    for reaction in tables(tree, "on") {
        rules.reaction(reaction);
    }
    rules.found
}

struct Rules<'a> {
    source: &'a Arc<SourceFile>,
    catalog: &'a Catalog,
    found: Vec<Diagnostic>,
}

impl Rules<'_> {
    fn wrong(&mut self, span: Range<usize>, message: String) -> &mut Diagnostic {
        let at = self.found.len();
        self.found.push(Diagnostic::at(self.source, span, message));
        &mut self.found[at]
    }

    fn step(&mut self, step: &DeTable<'_>) {
        self.names(step, "set");
        for inner in tables(step, "group") {
            self.step(inner);
        }
        let mut verbs = STEP_KEYS.iter().filter(|(verb, _)| step.contains_key(*verb));
        // No action or several of them is a mistake reported elsewhere, and which keys belong to it is unknown.
        let (Some((verb, with)), None) = (verbs.next(), verbs.next()) else { return };
        let verb_span = key_span(step, verb).unwrap_or_default();
        for (key, _) in step {
            let name = key.get_ref().as_ref();
            if name == *verb || with.contains(&name) {
                continue;
            }
            let owners: Vec<String> = STEP_KEYS
                .iter()
                .filter(|(_, keys)| keys.contains(&name))
                .map(|(verb, _)| format!("`{verb}`"))
                .collect();
            // A key that goes with no action is unknown, which is reported elsewhere.
            if owners.is_empty() {
                continue;
            }
            let message = format!("`{name}` goes with {}, not with `{verb}`", joined(&owners, "or"));
            let help = stray_help(verb, name);
            let mistake = self.wrong(key.span(), message);
            mistake.context = Some((verb_span.clone(), "what this step does".to_owned()));
            mistake.help.extend(help.map(str::to_owned));
        }
        self.whole_body(step);
        self.faults(step);
        self.matchers(step, "where");
        self.extra(step);
        self.matchers(step, "check");
        if let Some(expect) = table(step, "expect") {
            self.matchers(expect, "body");
        }
        if let (Some(span), false, true) =
            (key_span(step, "every"), step.contains_key("repeat"), with.contains(&"every"))
        {
            self.wrong(span, "`every` needs `repeat`".to_owned())
                .help
                .push("say how many times, such as `repeat = 3`".to_owned());
        }
        if let Some(id) = text(step, "await") {
            self.answered(step, id);
        }
    }

    fn reaction(&mut self, reaction: &DeTable<'_>) {
        self.names(reaction, "set");
        self.matchers(reaction, "where");
        self.extra(reaction);
        if let (Some(id), false) = (text(reaction, "callback"), reaction.contains_key("call")) {
            self.answered(reaction, id);
        }
        for send in tables(reaction, "send") {
            self.whole_body(send);
            self.faults(send);
        }
    }

    /// Checks the faults of one callback: they must be faults of callbacks that apply each time.
    fn faults(&mut self, of: &DeTable<'_>) {
        let found = faults::check::of_one_callback(self.source, of, self.catalog);
        self.found.extend(found);
    }

    /// Checks that matchers are valid.
    fn matchers(&mut self, of: &DeTable<'_>, key: &str) {
        if let Some(fields) = table(of, key) {
            self.found.extend(matcher::check::check(self.source, fields));
        }
    }

    /// Checks that further fields are given beside fields.
    fn extra(&mut self, of: &DeTable<'_>) {
        let condition = of.get("where").filter(|condition| condition.get_ref().is_str());
        if let (Some(span), Some(condition)) = (key_span(of, "extra"), condition) {
            let mistake = self.wrong(span, "`extra` can't be combined with a condition".to_owned());
            mistake.context = Some((condition.span(), "this can check those fields, too".to_owned()));
        }
    }

    /// Checks that only requests are answered.
    fn answered(&mut self, table: &DeTable<'_>, id: &str) {
        let callback = self.catalog.get(id).is_some_and(|entry| entry.direction == Direction::Callback);
        if let (Some(span), true) = (key_span(table, "answer"), callback) {
            self.wrong(span, format!("`{id}` is a callback, which the mock can't answer"))
                .help
                .push("the mock answers only requests of the integrator".to_owned());
        }
    }

    /// Checks that `raw` is the whole body.
    fn whole_body(&mut self, table: &DeTable<'_>) {
        let Some(raw) = key_span(table, "raw") else { return };
        for other in ["body", "extra", "omit"] {
            if let Some(span) = key_span(table, other) {
                let mistake = self.wrong(span, format!("`{other}` can't be combined with `raw`"));
                mistake.context = Some((raw.clone(), "this is already the whole body".to_owned()));
            }
        }
    }

    /// Checks that the keys of a table that sets variables are names.
    fn names(&mut self, table: &DeTable<'_>, key: &str) {
        let formats = Formats::new(self.catalog);
        let Some(DeValue::Table(variables)) = table.get(key).map(Spanned::get_ref) else { return };
        for (name, _) in variables {
            if let Err(mistake) = formats.check("name", name.get_ref()) {
                self.wrong(name.span(), mistake.message).help.extend(mistake.help);
            }
        }
    }
}

/// Returns what was probably meant by a key at the wrong step.
fn stray_help(verb: &str, key: &str) -> Option<&'static str> {
    match (verb, key) {
        ("send", "where") => Some("put the fields to send into `body`"),
        ("send", "within") => Some("to limit the time to the response write `expect = { within = \"2s\" }`"),
        ("send", "answer") => Some("write what the receiver must answer as `expect = { body = { ... } }`"),
        ("send", "optional") => {
            Some("if the callback may fail, write `expect = { outcome = \"failed\" }` or `wait = false`")
        }
        ("await", "body") => Some("put the expected fields into `where`"),
        ("await", "expect") => Some("put the expected fields into `where`, and the time limit into `within`"),
        ("await", "wait") => Some("the time limit is `within`"),
        ("include", _) => Some("put it at the steps of the included file"),
        _ => None,
    }
}
