//! From scenarios to stories that begin: in `run` and `serve FILE`, and in a mock that runs.

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

/// Why scenarios are no stories that can begin.
#[derive(Debug, thiserror::Error)]
pub enum NoStory {
    /// Nothing would happen.
    #[error(
        "{0} has no steps, so nothing would happen; a file that has only reactions can be included by others"
    )]
    Empty(String),
    /// A variable is set that none of them has.
    #[error("no story has a variable `{name}`{near}")]
    NoVariable {
        /// What was set.
        name: String,
        /// What was meant, most likely.
        near: String,
    },
    /// A template does not read.
    #[error("{}", .0.message)]
    Format(FormatMistake),
}

/// The stories of scenarios. `set` are the variables that are set from outside; each has to be one of some story. `usual`
/// says how callbacks are delivered where a file does not.
///
/// # Errors
///
/// The first thing that keeps them from beginning.
pub fn stories(
    scenarios: &[Scenario],
    set: &[&str],
    usual: &Policy,
    catalog: &Catalog,
) -> Result<Vec<Arc<Story>>, NoStory> {
    if let Some(empty) = scenarios.iter().find(|scenario| scenario.steps.is_empty()) {
        return Err(NoStory::Empty(empty.path.display().to_string()));
    }
    for name in set {
        let known =
            || scenarios.iter().flat_map(|scenario| scenario.read.iter().chain(scenario.file.vars.keys()));
        if !known().any(|known| known == name) {
            let near = did_you_mean(nearest(name, known().map(String::as_str)));
            return Err(NoStory::NoVariable { name: (*name).to_owned(), near });
        }
    }
    let is_call = |id: &str| catalog.get(id).is_some_and(|entry| entry.direction == Direction::Call);
    let compiled = scenarios.iter().map(|scenario| {
        let own = scenario.file.delivery.as_ref().map(|file| policy(usual, file));
        let story = Story::compile(scenario, own.unwrap_or_else(|| usual.clone()), is_call);
        story.map(Arc::new).map_err(NoStory::Format)
    });
    compiled.collect()
}

/// The runs of stories, each copy one, where there are so many already: `seed` wins over those of the files, `fallback` is
/// for those that have none. These begin the so-manieth time.
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
