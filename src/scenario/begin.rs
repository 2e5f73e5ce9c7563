//! Turns scenarios into runs of stories: for `run` and `serve FILE`, and in a running mock.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rand::RngExt;
use serde_json::Value;

use super::load::Scenario;
use super::{Story, StoryRun};
use crate::contract::{Catalog, Direction};
use crate::delivery::{Policy, policy};
use crate::files::suggest::{did_you_mean, nearest};
use crate::language::FormatMistake;
use crate::seed::Seed;

/// Why scenarios cannot be run as stories.
#[derive(Debug, thiserror::Error)]
pub enum NoStory {
    /// A scenario has no steps.
    #[error(
        "{0} has no steps, so nothing would happen; a file that has only reactions can be included by others"
    )]
    Empty(String),
    /// A variable is set that none of them has.
    #[error("no story has a variable `{name}`{near}")]
    NoVariable {
        /// The name of the variable.
        name: String,
        /// The variable that was probably meant.
        near: String,
    },
    /// A template cannot be parsed.
    #[error("{}", .0.message)]
    Format(FormatMistake),
}

/// Compiles the stories of scenarios. `set` are the variables set from outside; each must be a variable of at least one story.
/// `usual` is the delivery policy of files that state none.
///
/// # Errors
///
/// The first obstacle.
pub fn stories(
    scenarios: &[Scenario],
    set: &[&str],
    usual: &Policy,
    catalog: &Catalog,
) -> Result<Vec<Arc<Story>>, NoStory> {
    if let Some(empty) = scenarios.iter().find(|scenario| scenario.steps.is_empty()) {
        return Err(NoStory::Empty(empty.path.display().to_string()));
    }
    known_variables(scenarios, set)?;
    let is_request = |id: &str| catalog.get(id).is_some_and(|entry| entry.direction == Direction::Request);
    let compiled = scenarios.iter().map(|scenario| {
        let own = scenario.file.delivery.as_ref().map(|file| policy(usual, file));
        let story = Story::compile(scenario, own.unwrap_or_else(|| usual.clone()), is_request);
        story.map(Arc::new).map_err(NoStory::Format)
    });
    compiled.collect()
}

/// Checks that each of these variables is one of at least one scenario.
///
/// # Errors
///
/// The first that is not.
pub fn known_variables(scenarios: &[Scenario], set: &[&str]) -> Result<(), NoStory> {
    for name in set {
        let known =
            || scenarios.iter().flat_map(|scenario| scenario.read.iter().chain(scenario.file.vars.keys()));
        if !known().any(|known| known == name) {
            let near = did_you_mean(nearest(name, known().map(String::as_str)));
            return Err(NoStory::NoVariable { name: (*name).to_owned(), near });
        }
    }
    Ok(())
}

/// Creates the runs of stories, one for each copy. `first` is the number of runs that exist already, and `time` says how often
/// these scenarios have been begun. `seed` takes precedence over those of the files; `fallback` is for files that have none.
pub fn runs(
    (first, time): (usize, u64),
    stories: &[Arc<Story>],
    seed: Option<Seed>,
    fallback: Seed,
    epoch: Timestamp,
    set: &[(String, Value)],
) -> Vec<StoryRun> {
    let mut runs = Vec::new();
    let mut labels = BTreeSet::new();
    for (index, story) in stories.iter().enumerate() {
        let base = seed.or(story.seed).unwrap_or(fallback).derive(&story.name, index as u64);
        let mut spread = base.stream("spread", 0);
        for copy in 1..=story.copies {
            let millis = u64::try_from(story.spread.as_millis()).unwrap_or(u64::MAX);
            let wait = Duration::from_millis(spread.random_range(0..=millis));
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

/// Makes a label unique: files may give their stories the same name, but reports need to identify each of them.
fn unique(taken: &mut BTreeSet<String>, label: String) -> Arc<str> {
    let mut unique = label.clone();
    let mut number = 1;
    while !taken.insert(unique.clone()) {
        number += 1;
        unique = format!("{label} ({number})");
    }
    unique.into()
}
