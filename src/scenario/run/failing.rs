//! Failed expectations, and their consequences.

use std::fmt::Display;
use std::sync::Arc;

use jiff::Timestamp;

use super::progress::Failed;
use super::{StoryRun, later};
use crate::files::Place;
use crate::scenario::failure::FailureKind;
use crate::scenario::host::StoryHost;
use crate::time::HumanDuration;

/// How many failures a story keeps; the journal has all.
const MOST_FAILED: usize = 20;

impl StoryRun {
    /// Records a failure that was reported elsewhere.
    pub fn count_failure(&mut self, kind: FailureKind, message: &str) {
        self.note_failure(Arc::clone(&self.name), kind, message);
    }

    pub(super) fn note_failure(&mut self, place: Arc<str>, kind: FailureKind, message: &str) {
        self.failures += 1;
        if self.failed.len() < MOST_FAILED {
            self.failed.push(Failed {
                place: place.to_string(),
                kind: kind.as_str(),
                message: message.to_owned(),
            });
        }
    }

    pub(super) fn fail(
        &mut self,
        place: &Place,
        kind: FailureKind,
        message: impl Display,
        host: &mut dyn StoryHost,
    ) {
        let message = message.to_string();
        self.note_failure(place.to_string().into(), kind, &message);
        host.failed(place, kind, &message);
        if self.fails_fast {
            self.stop_after(place, host);
        }
    }

    /// Returns its time limit, as long as it is not over.
    pub(super) fn limit(&self) -> Option<Timestamp> {
        let is_running = self.has_begun() && !self.stopped && !self.has_ended;
        self.story.within.filter(|_| is_running).map(|within| later(self.begins, within))
    }

    /// The story's time limit has passed.
    pub(super) fn ran_out_of_time(&mut self, host: &mut dyn StoryHost) {
        let Some(within) = self.story.within.map(HumanDuration) else { return };
        let whole = Place { file: Arc::clone(&self.story.file), line: 1 };
        let place = self.current(0).map_or(whole, |step| step.place.clone());
        let message = format!("the story has not ended within {within}, its time limit");
        self.abort(&place, FailureKind::TimeLimit, message, host);
    }

    /// Stops because of a failure at this place: the remaining steps are skipped.
    pub(super) fn stop_after(&mut self, failed: &Place, host: &mut dyn StoryHost) {
        if self.stopped {
            return;
        }
        let left = self.steps_left();
        let left =
            left.iter().filter_map(|at| self.story.steps.get(*at)).filter(|step| step.place != *failed);
        let skipped: Vec<_> =
            left.filter_map(|step| Some((step.place.clone(), step.action.described()?))).collect();
        if !skipped.is_empty() {
            host.skipped(skipped);
        }
        self.stop();
    }

    /// Records that the step of a strand can't be taken as written. A story that keeps going continues with the next step.
    pub(super) fn fail_step(
        &mut self,
        at: usize,
        place: &Place,
        kind: FailureKind,
        message: impl Display,
        host: &mut dyn StoryHost,
    ) {
        self.fail(place, kind, message, host);
        self.next(at, host.now());
    }

    /// Records a failure after which the rest of the story makes no sense.
    pub(super) fn abort(
        &mut self,
        place: &Place,
        kind: FailureKind,
        message: impl Display,
        host: &mut dyn StoryHost,
    ) {
        self.fail(place, kind, message, host);
        self.stop_after(place, host);
    }
}
