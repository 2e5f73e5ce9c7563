//! Checks that every name that a template reads has a value when the story reaches it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::outline::{Event, Named, Outline, StepOutline};
use crate::files::diagnostic::quoted;
use crate::files::suggest::nearest;
use crate::files::{Diagnostic, Place, Problems, SourceFile};
use crate::language::formats::LOCAL_NAMES;
use crate::language::template;

/// A story's outlines in the order in which it runs, with all includes expanded.
#[derive(Default)]
pub(in crate::scenario) struct InOrder<'a> {
    /// Each file once, in the order of their variables.
    pub(in crate::scenario) files: Vec<(&'a Arc<SourceFile>, &'a Outline)>,
    /// The steps.
    pub(in crate::scenario) steps: Vec<(&'a Arc<SourceFile>, &'a StepOutline)>,
}

/// Reports every name that is read without a value, and returns all names that are read. `extra` are variables set from
/// outside.
pub(in crate::scenario) fn check(
    in_order: &InOrder<'_>,
    extra: &[&str],
    problems: &mut Problems,
) -> BTreeSet<String> {
    let mut names =
        Names { values: BTreeSet::new(), written: BTreeMap::new(), read: BTreeSet::new(), problems };
    names.values.extend(template::known_names().into_iter().map(str::to_owned));
    names.values.insert("loop_index".to_owned());
    names.values.extend(extra.iter().map(|&name| name.to_owned()));
    for (source, outline) in &in_order.files {
        names.note_writes(source, &outline.reactions);
        names.values.extend(outline.loose.iter().cloned());
    }
    for (source, step) in &in_order.steps {
        names.note_writes(source, &step.events);
    }

    for (source, name, reads) in variables(in_order) {
        names.follow(source, reads);
        names.values.insert(name.name.clone());
    }
    for (source, outline) in &in_order.files {
        names.follow(source, &outline.head);
    }
    // Reactions are active from the start, so that steps may read what they write.
    for (_, outline) in &in_order.files {
        names.values.extend(writes(&outline.reactions).map(|name| name.name.clone()));
    }
    for (source, step) in &in_order.steps {
        names.follow(source, &step.events);
    }
    // A reaction may happen at any time: it may read names written anywhere.
    for (source, outline) in &in_order.files {
        names.follow(source, &outline.reactions);
    }
    names.read
}

type Variable<'a> = (&'a Arc<SourceFile>, &'a Named, &'a [Event]);

/// Returns the variables in order. A variable given again keeps its place and takes the later value.
fn variables<'a>(in_order: &InOrder<'a>) -> Vec<Variable<'a>> {
    let mut list: Vec<Variable<'a>> = Vec::new();
    for (source, outline) in &in_order.files {
        for (name, reads) in &outline.vars {
            match list.iter_mut().find(|(_, known, _)| known.name == name.name) {
                Some(place) => *place = (source, name, reads),
                None => list.push((source, name, reads)),
            }
        }
    }
    list
}

fn writes(events: &[Event]) -> impl Iterator<Item = &Named> {
    events.iter().filter_map(|event| match event {
        Event::Write(name) => Some(name),
        Event::Read { .. } => None,
    })
}

struct Names<'p> {
    /// Names that have a value so far.
    values: BTreeSet<String>,
    /// The place where each name gets a value.
    written: BTreeMap<String, Place>,
    /// Names that are read.
    read: BTreeSet<String>,
    problems: &'p mut Problems,
}

impl Names<'_> {
    fn note_writes(&mut self, source: &SourceFile, events: &[Event]) {
        for name in writes(events) {
            self.written.entry(name.name.clone()).or_insert_with(|| source.place(name.span.start));
        }
    }

    fn follow(&mut self, source: &Arc<SourceFile>, events: &[Event]) {
        for event in events {
            match event {
                Event::Write(name) => {
                    self.values.insert(name.name.clone());
                }
                Event::Read { name, .. } if self.values.contains(&name.name) => {
                    self.read.insert(name.name.clone());
                }
                Event::Read { name, function } => self.unknown(source, name, *function),
            }
        }
    }

    fn unknown(&mut self, source: &Arc<SourceFile>, Named { name, span }: &Named, function: bool) {
        let at = |message: String| Diagnostic::at(source, span.clone(), message);
        let mistake = if let Some(place) = self.written.get(name) {
            at(format!("`{name}` has no value yet"))
                .note(format!("it gets one later, at {place}"))
                .help("give it an initial value under `[vars]`")
        } else if LOCAL_NAMES.contains(&name.as_str()) {
            let help = match name.as_str() {
                "call" => {
                    "it exists in a reaction with `call = ...`, and in `where` and `answer` of an `await` for a request"
                }
                _ => {
                    "it exists in a reaction with `callback = ...`, in `expect`, and in `where` of an `await` for a callback"
                }
            };
            at(format!("there is no `{name}` here")).help(help)
        } else {
            let kind = if function { "function" } else { "variable" };
            let near = nearest(name, self.values.iter().chain(self.written.keys()).map(String::as_str));
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None if function => "docs/scenarios.md lists the functions of templates".to_owned(),
                None => format!("give it a value under `[vars]`, with `save`, `set` or `--set {name}=...`"),
            };
            at(format!("unknown {kind} {}", quoted(name))).help(help)
        };
        self.problems.push(mistake);
    }
}
