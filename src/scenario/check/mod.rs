//! Finds every mistake of a scenario file: its structure, its formats, keys that don't go together, variables.
//!
//! `file` checks one file. `variables` and `nevers` check what needs more than one file, once all includes are read.

mod doubts;
pub(super) mod nevers;
mod outline;
mod rules;
pub(super) mod variables;

use std::sync::{Arc, LazyLock};

use serde_json::Value;
use toml::Spanned;

pub(super) use outline::{Named, Outline, StepOutline};

use super::file::{ScenarioFile, StepFile};
use crate::contract::{Catalog, Direction};
use crate::faults;
use crate::files::{Problems, SourceFile, syntax, typed};
use crate::language::formats::Formats;
use crate::language::{schema, shape};

static SCHEMA: LazyLock<Value> = LazyLock::new(schema::of::<ScenarioFile>);

/// Returns the JSON Schema of scenario files, as text.
pub fn schema_text() -> String {
    schema::text(&SCHEMA)
}

/// The contents of one file after the check.
pub(super) struct Checked {
    pub(super) source: Arc<SourceFile>,
    /// The file, if it has no mistakes of its own.
    pub(super) file: Option<ScenarioFile>,
    /// Its includes and variables, if its syntax is right.
    pub(super) outline: Option<Outline>,
}

impl Checked {
    /// Returns the step at a place: its index in the file, then in the block, and so on.
    pub(super) fn step(&self, at: &[usize]) -> Option<&Spanned<StepFile>> {
        let (last, blocks) = at.split_last()?;
        let steps = &self.file.as_ref()?.steps;
        let steps =
            blocks.iter().try_fold(steps, |steps, block| Some(&steps.get(*block)?.get_ref().group))?;
        steps.get(*last)
    }
}

/// Checks one file by itself.
pub(super) fn file(source: &Arc<SourceFile>, catalog: &Catalog, problems: &mut Problems) -> Checked {
    let parsed = syntax::parse(source);
    let sound = parsed.errors.is_empty();
    let formats = Formats::new(catalog);
    let check = |format: &str, text: &str| formats.check(format, text);
    let mut found = parsed.errors;
    found.extend(shape::check(source, &parsed.tree, parsed.sound_until, &SCHEMA, &check));
    let is_request = |id: &str| catalog.get(id).is_some_and(|entry| entry.direction == Direction::Request);
    let mut outline = None;
    if sound {
        found.extend(rules::check(source, parsed.tree.get_ref(), catalog));
        found.extend(faults::check::check(source, parsed.tree.get_ref(), catalog));
        found.extend(doubts::check(source, parsed.tree.get_ref(), catalog));
        outline = Some(Outline::of(source, parsed.tree.get_ref(), &SCHEMA, &is_request));
    }
    let mut file = None;
    if found.iter().all(|one| one.is_doubt) {
        match typed(source, parsed.tree) {
            Ok(typed) => file = Some(typed),
            Err(mistakes) => found.extend(mistakes),
        }
    }
    problems.extend(found);
    Checked { source: Arc::clone(source), file, outline }
}
