//! `/_mock/scenarios` and `/_mock/stories`: starts, shows and ends stories while the mock runs.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::World;
use super::endpoint::{Answered, Nothing};
use super::refused::Refused;
use crate::contract::fields::Whole;
use crate::engine::Engine;
use crate::journal::Event;
use crate::scenario::{Given, NotBegun, Offered, Progress, Story, StoryRun, begin};

/// Maximum number of stories of a mock.
const MOST: usize = 10_000;

/// Default for the number of stories listed.
const LISTED: usize = 50;

/// The scenarios.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Scenarios {
    /// The scenarios that were given, then the shipped ones.
    scenarios: Vec<Offered>,
}

/// Lists the scenarios.
pub(super) async fn list_scenarios(world: World, _: Nothing) -> Result<Answered<Scenarios>, Refused> {
    Ok(Answered::ok(Scenarios { scenarios: world.scenarios.list(&world.catalog) }))
}

/// A story.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Shown {
    /// Its number, from 1 on.
    story: usize,
    /// Its name, as the journal has it.
    name: String,
    /// The file of its scenario.
    file: String,
    /// When it begins or began, in the mock's time.
    begins: String,
    /// Its progress.
    #[serde(flatten)]
    #[schemars(flatten)]
    progress: Progress,
}

impl Shown {
    fn of(index: usize, run: &StoryRun) -> Self {
        Self {
            story: index + 1,
            name: run.name().to_string(),
            file: run.story().file.to_string(),
            begins: run.begins().to_string(),
            progress: run.progress(),
        }
    }

    /// Whether the story has nothing left to do.
    pub(super) fn is_over(&self) -> bool {
        self.progress.state.is_over()
    }

    pub(super) fn has_passed(&self) -> bool {
        self.progress.state == crate::scenario::Phase::Passed
    }

    /// Returns why the story has not passed.
    pub(super) fn why_not(&self) -> String {
        let Self { story, name, progress, .. } = self;
        let what = match progress.failed.first() {
            Some(failed) => format!("failed at {}: {}", failed.place, failed.message),
            None if self.is_over() => "was stopped".to_owned(),
            None => {
                let at = progress.at.iter().map(|at| format!(", at {} ({})", at.step, at.place));
                format!(
                    "is not over: {} of {} steps are done{}",
                    progress.taken,
                    progress.steps,
                    at.collect::<String>()
                )
            }
        };
        format!("story {story} (`{name}`) {what}")
    }
}

/// Returns a story by its number.
pub(super) fn find(engine: &Engine, number: usize) -> Result<(usize, Shown), Refused> {
    let index = number.wrapping_sub(1);
    let run = engine.stories().get(index).ok_or_else(|| {
        let there = match engine.stories().len() {
            0 => "there are none; POST /_mock/stories starts one".to_owned(),
            many if number > many => format!("there are stories 1 to {many}"),
            _ => "it is over, and a load does not keep finished stories".to_owned(),
        };
        Refused::missing(format!("there is no story {number}: {there}"))
    })?;
    Ok((index, Shown::of(index, run)))
}

/// The story to start.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct StartAsk {
    /// The scenario: `agent-transfer`, or the path of a file that was given.
    scenario: Option<String>,
    /// Instead of `scenario`: the text of a scenario file.
    text: Option<String>,
    /// Values for its variables, overriding those in the file: `{"amount": 200}`.
    set: Option<Map<String, Value>>,
}

/// The stories that were started.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Started {
    /// Usually one; several for a scenario with `copies`.
    stories: Vec<Shown>,
}

/// Starts a story.
pub(super) async fn start(world: World, ask: StartAsk) -> Result<Answered<Started>, Refused> {
    let which = match (ask.scenario, ask.text) {
        (Some(scenario), None) => Given::Offered(scenario),
        (None, Some(text)) => Given::Text(text),
        _ => {
            return Err(Refused::wrong(
                "the scenario is missing: give `scenario`, such as \"agent-transfer\", or `text`, \
                the whole text of one",
            ));
        }
    };
    let set: Vec<(String, Value)> = ask.set.unwrap_or_default().into_iter().collect();
    let names: Vec<&str> = set.iter().map(|(name, _)| name.as_str()).collect();
    let story = world.scenarios.story(which, &names, &world.catalog);
    let story = story.map_err(|error| match error {
        NotBegun::Missing { .. } => Refused::missing(error.to_string()),
        NotBegun::Mistakes(_) | NotBegun::NoStory(_) => Refused::wrong(error.to_string()),
    })?;
    let stories = world.change(|engine, now| {
        let first = engine.stories().len();
        if first + story.copies as usize > MOST {
            return Err(Refused::new(
                429,
                format!(
                    "there are {first} stories, and {} more would exceed the maximum of {MOST}; \
                    POST /_mock/reset removes them",
                    story.copies
                ),
            ));
        }
        let time = 1 + engine.stories().iter().filter(|(_, run)| is_again(run, &story)).count() as u64;
        // The ids differ from those of other mocks, and from those of other stories with the same seed in their files.
        let seed = engine.seed().derive("story started by hand", first as u64);
        let mut runs = begin::runs((first, time), &[Arc::clone(&story)], Some(seed), seed, now, &set);
        for run in &mut runs {
            run.fail_fast();
            run.begin_by_hand();
        }
        let shown = runs.iter().enumerate().map(|(at, run)| Shown::of(first + at, run)).collect();
        runs.into_iter().for_each(|run| engine.add_story(run));
        Ok(shown)
    })?;
    Ok(Answered::Json(201, Started { stories }))
}

/// Whether a run is the first of an earlier start of a story with this name.
fn is_again(run: &StoryRun, story: &Story) -> bool {
    run.story().name == story.name && run.is_first_copy()
}

/// Which stories to list.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ListAsk {
    /// Maximum number of stories, the newest ones. Default: 50.
    limit: Option<Whole<1, 10_000>>,
}

/// The stories.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Listing {
    /// The newest first.
    stories: Vec<Shown>,
    /// Total number of stories.
    total: usize,
}

/// Lists the stories.
pub(super) async fn list(world: World, ask: ListAsk) -> Result<Answered<Listing>, Refused> {
    let most = ask.limit.map_or(LISTED, Whole::count);
    Ok(Answered::ok(world.driver.look(|engine, _| {
        let all = engine.stories().iter().rev();
        let stories = all.take(most).map(|(index, run)| Shown::of(index, run)).collect();
        Listing { stories, total: engine.stories().len() }
    })))
}

/// Which story.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Numbered {
    /// Its number.
    story: Whole<1, 10_000>,
}

/// Shows a story.
pub(super) async fn show(world: World, ask: Numbered) -> Result<Answered<Shown>, Refused> {
    world.driver.look(|engine, _| find(engine, ask.story.count())).map(|(_, shown)| Answered::ok(shown))
}

/// Ends a story.
pub(super) async fn stop(world: World, ask: Numbered) -> Result<Answered<Shown>, Refused> {
    let number = ask.story.count();
    world.change(|engine, now| {
        let (index, shown) = find(engine, number)?;
        if !shown.is_over() {
            engine.end_story(index, now);
            let note = format!("story {number} (`{}`) was stopped", shown.name);
            engine.journal().write(now, Some(shown.name.into()), Event::Note(note));
        }
        find(engine, number).map(|(_, shown)| Answered::ok(shown))
    })
}
