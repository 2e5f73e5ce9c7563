//! Reads the stories that a command runs, and decides when they begin.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::CommandError;
use crate::mock::Prepared;
use crate::scenario::begin::{self, NoStory};
use crate::scenario::load::{self, Scenario};
use crate::scenario::{Story, StoryRun};

/// The width of lists in help and messages.
const WIDTH: usize = 76;

/// Reads stories from files. `set` are the variables given on the command line; each must belong to some story.
pub(super) fn read(
    files: &[PathBuf],
    set: &[(String, Value)],
    prepared: &Prepared,
) -> Result<Vec<Arc<Story>>, CommandError> {
    let names: Vec<&str> = set.iter().map(|(name, _)| name.as_str()).collect();
    of(&scenarios(files, &names, prepared)?, &names, prepared)
}

/// Returns the stories of scenarios. Each of the variables `set` must belong to some story.
pub(super) fn of(
    scenarios: &[Scenario],
    set: &[&str],
    prepared: &Prepared,
) -> Result<Vec<Arc<Story>>, CommandError> {
    let stories = begin::stories(scenarios, set, &prepared.settings.policy, &prepared.catalog);
    stories.map_err(|error| match &error {
        NoStory::NoVariable { name, .. } => CommandError::usage(format!("--set {name}: {error}")),
        NoStory::Empty(_) | NoStory::Format(_) => CommandError::usage(error),
    })
}

/// Reads the scenarios of files, and reports what is doubtful in them.
pub(super) fn scenarios(
    files: &[PathBuf],
    set: &[&str],
    prepared: &Prepared,
) -> Result<Vec<Scenario>, CommandError> {
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let scenarios = load::load_many(&files, &prepared.catalog, set).map_err(CommandError::problems)?;
    for doubts in scenarios.iter().map(|scenario| &scenario.doubts).filter(|doubts| !doubts.is_empty()) {
        super::remark(&doubts.render_doubts());
    }
    Ok(scenarios)
}

/// Returns the names of the stories that ship with the program, in lines for a terminal.
pub(super) fn shipped_list(indent: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for name in load::shipped() {
        match lines.last_mut() {
            Some(line) if line.len() + name.len() + 3 <= WIDTH => line.push_str(&format!(", {name}")),
            _ => lines.push(format!("{indent}{name}")),
        }
    }
    lines.join(",\n")
}

/// Returns the request with which a story begins, and its moment.
pub(super) fn begin(run: &StoryRun) -> Option<(Arc<str>, Timestamp)> {
    Some((Arc::clone(run.story().begins_with()?), run.begins()))
}
