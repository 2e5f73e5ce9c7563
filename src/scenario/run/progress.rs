//! The progress of a story, as it is displayed.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::StoryRun;
use super::strand::{State, Strand};
use super::watch::Watch;
use crate::scenario::story::{Action, Step};

/// The state of a story.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It has not started yet.
    Planned,
    /// It is running.
    Running,
    /// It has ended, and all its expectations held.
    Passed,
    /// It has ended, and not all its expectations held.
    Failed,
    /// It was stopped on request.
    Stopped,
}

impl Phase {
    /// Whether it is final.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Passed | Self::Failed | Self::Stopped)
    }
}

/// The progress of a story.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Progress {
    /// Its state.
    pub state: Phase,
    /// Number of its steps.
    pub steps: usize,
    /// Number of steps it has taken.
    pub taken: usize,
    /// The current steps: several if some run at the same time.
    pub at: Vec<At>,
    /// Number of failures.
    pub failures: u32,
    /// The first failures: the expectations that did not hold.
    pub failed: Vec<Failed>,
}

/// A current step of a story.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct At {
    /// `FILE:LINE` of the step.
    pub place: String,
    /// What it does: `await chatbot.send_message`.
    pub step: String,
    /// The time until which it waits at most, on the mock's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// An expectation that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Failed {
    /// `FILE:LINE` of the step, or the story if no step is concerned.
    pub place: String,
    /// The kind of failure: `await.refused`.
    pub kind: &'static str,
    /// What was expected and what happened, in plain words.
    pub message: String,
}

impl StoryRun {
    /// Returns the phase of the story.
    pub fn phase(&self) -> Phase {
        match (self.is_called_off, self.is_over()) {
            _ if !self.has_begun() => Phase::Planned,
            // Callbacks that it has sent may still be in delivery.
            (true, _) => Phase::Stopped,
            (false, false) => Phase::Running,
            (false, true) if self.failures > 0 => Phase::Failed,
            (false, true) => Phase::Passed,
        }
    }

    /// Returns the progress of the story.
    pub fn progress(&self) -> Progress {
        let steps = self.story.steps.len();
        let left = if self.stopped { self.left_out } else { self.steps_left().len() };
        let at = self.stands_at();
        let (failures, failed) = (self.failures, self.failed.clone());
        Progress { state: self.phase(), steps, taken: steps.saturating_sub(left), at, failures, failed }
    }

    /// Returns the steps at which it was ended early, or at which it is.
    pub fn was_at(&self) -> Vec<At> {
        if self.stopped { self.stood_at.clone() } else { self.stands_at() }
    }

    /// Returns the current steps.
    pub(super) fn stands_at(&self) -> Vec<At> {
        let watching = self.watches.iter().filter(|_| self.has_taken_all_steps());
        let strands = self.strands.iter().filter_map(|strand| self.at(strand));
        strands.chain(watching.filter_map(|watch| self.watched(watch))).collect()
    }

    /// Returns the `never` that keeps the story from ending.
    fn watched(&self, watch: &Watch) -> Option<At> {
        let until = watch.until?;
        let Step { place, action, .. } = self.story.steps.get(watch.step)?;
        Some(At { place: place.to_string(), step: action.described()?, until: Some(until.to_string()) })
    }

    /// Returns the step that a strand is at, if it is a step of its own.
    fn at(&self, strand: &Strand) -> Option<At> {
        let until = match &strand.state {
            State::Before(_) | State::Joining | State::Finished => return None,
            State::Ready | State::ForRoom | State::Delivering(_) => None,
            State::Pausing { until, .. } | State::Awaiting { deadline: until, .. } => Some(until),
        };
        let Step { place, action, .. } = self.story.steps.get(strand.cursor)?;
        let step = action.described().unwrap_or_else(|| match action {
            Action::Pause(_) => "pause".to_owned(),
            _ => "set".to_owned(),
        });
        Some(At { place: place.to_string(), step, until: until.map(Timestamp::to_string) })
    }
}
