//! Reading the stories that a command runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::CommandError;
use crate::contract::Direction;
use crate::files::suggest::{did_you_mean, nearest};
use crate::mock::Prepared;
use crate::scenario::{Story, load};

/// Reads stories from files. `set` are the variables given on the command line; each has to be one of some story.
pub(super) fn read(
    files: &[PathBuf],
    set: &[(String, Value)],
    prepared: &Prepared,
) -> Result<Vec<Arc<Story>>, CommandError> {
    let names: Vec<&str> = set.iter().map(|(name, _)| name.as_str()).collect();
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let scenarios = load::load_many(&files, &prepared.catalog, &names).map_err(CommandError::problems)?;
    for doubts in scenarios.iter().map(|scenario| &scenario.doubts).filter(|doubts| !doubts.is_empty()) {
        super::remark(&doubts.render_doubts());
    }
    if let Some(empty) = scenarios.iter().find(|scenario| scenario.steps.is_empty()) {
        let path = empty.path.display();
        return Err(CommandError::usage(format!(
            "{path} has no steps, so nothing would happen; a file that has only reactions can be included by others"
        )));
    }
    for name in &names {
        let known =
            || scenarios.iter().flat_map(|scenario| scenario.read.iter().chain(scenario.file.vars.keys()));
        if !known().any(|known| known == name) {
            let near = did_you_mean(nearest(name, known().map(String::as_str)));
            return Err(CommandError::usage(format!("--set {name}: no story has a variable `{name}`{near}")));
        }
    }
    let is_call = |id: &str| prepared.catalog.get(id).is_some_and(|entry| entry.direction == Direction::Call);
    scenarios
        .iter()
        .map(|scenario| {
            let policy = scenario.file.delivery.as_ref().map_or_else(
                || prepared.settings.policy.clone(),
                |file| crate::delivery::policy(&prepared.settings.policy, file),
            );
            let story = Story::compile(scenario, policy, is_call);
            story.map(Arc::new).map_err(|mistake| CommandError::usage(mistake.message))
        })
        .collect()
}
