//! The stories that a command runs: reading them, and what they are called.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rand::RngExt;
use serde_json::Value;

use super::CommandError;
use crate::contract::Direction;
use crate::files::suggest::{did_you_mean, nearest};
use crate::mock::Prepared;
use crate::scenario::{Story, StoryRun, load};
use crate::seed::Seed;

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

/// The runs of stories, each copy one: `seed` wins over those of the files, `fallback` is for those that have none.
pub(super) fn runs(
    stories: &[Arc<Story>],
    seed: Option<u64>,
    fallback: Seed,
    epoch: Timestamp,
    set: &[(String, Value)],
) -> Vec<StoryRun> {
    runs_behind(0, 1, stories, seed, fallback, epoch, set)
}

/// The same where there are so many stories already, and these begin the so-manieth time.
pub(super) fn runs_behind(
    first: usize,
    time: u64,
    stories: &[Arc<Story>],
    seed: Option<u64>,
    fallback: Seed,
    epoch: Timestamp,
    set: &[(String, Value)],
) -> Vec<StoryRun> {
    let mut runs = Vec::new();
    let mut labels = BTreeSet::new();
    for (index, story) in stories.iter().enumerate() {
        let base = seed.map(Seed).or(story.seed).unwrap_or(fallback).derive(&story.name, index as u64);
        let mut spread = base.stream("spread", 0);
        for copy in 1..=story.copies {
            let millis = u64::try_from(story.spread.as_millis()).unwrap_or(u64::MAX);
            let wait = std::time::Duration::from_millis(spread.random_range(0..=millis));
            let start = epoch.checked_add(wait).unwrap_or(epoch);
            let number = u32::try_from(first + runs.len()).unwrap_or(u32::MAX);
            let label = match time {
                1 => story.label(copy),
                again => format!("{} (time {again})", story.label(copy)),
            };
            let label = unique(&mut labels, label);
            let seed = base.derive("copy", u64::from(copy));
            let mut run = StoryRun::new(Arc::clone(story), label, number, copy, seed, start);
            for (name, value) in set {
                run.preset(name, value);
            }
            runs.push(run);
        }
    }
    runs
}

/// Files may give their stories the same name; reports need to name each of them.
fn unique(taken: &mut BTreeSet<String>, label: String) -> Arc<str> {
    let mut unique = label.clone();
    let mut number = 1;
    while !taken.insert(unique.clone()) {
        number += 1;
        unique = format!("{label} ({number})");
    }
    unique.into()
}

/// The request that a story begins with, and when.
pub(super) fn begin(run: &StoryRun) -> Option<(Arc<str>, Timestamp)> {
    Some((Arc::clone(run.story().begins_with()?), run.begins()))
}
