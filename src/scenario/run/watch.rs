//! Events that must not arrive during a part of the story: from a `never` on to the end of its block, or for a given time,
//! which keeps the story from ending.

use std::sync::Arc;

use jiff::Timestamp;

use super::scope::Moment;
use super::{Occurrence, StoryRun};
use crate::scenario::failure::FailureKind;
use crate::scenario::host::StoryHost;
use crate::scenario::story::{Action, Step};

/// An active `never`.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    /// The step.
    pub(super) step: usize,
    /// The strand that took the step.
    pub(super) strand: usize,
    /// Number of blocks around it: it ends with the innermost of them.
    pub(super) depth: usize,
    /// The end of the given time. `None`: it ends with the block, or with the story.
    pub(super) until: Option<Timestamp>,
    pub(super) loop_index: u32,
}

impl StoryRun {
    /// Returns when the last `never` with a given time ends.
    pub(super) fn watches_until(&self) -> Option<Timestamp> {
        self.watches.iter().filter_map(|watch| watch.until).max()
    }

    /// Ends the `never` steps whose time is over.
    pub(super) fn end_watches(&mut self, now: Timestamp) {
        self.watches.retain(|watch| watch.until.is_none_or(|until| now < until));
    }

    /// Ends the `never` steps without a given time which a strand took in more than this number of blocks.
    pub(super) fn leave_watches(&mut self, strand: usize, depth: usize) {
        self.watches.retain(|watch| watch.until.is_some() || watch.strand != strand || watch.depth <= depth);
    }

    /// Fails the story for each active `never` that this event violates.
    pub(super) fn watch_out(&mut self, came: &Occurrence, host: &mut dyn StoryHost) {
        let now = host.now();
        let story = Arc::clone(&self.story);
        let is_on = |watch: &&Watch| watch.until.is_none_or(|until| now <= until);
        let holding: Vec<(usize, u32)> =
            self.watches.iter().filter(is_on).map(|watch| (watch.step, watch.loop_index)).collect();
        for (step, loop_index) in holding {
            let Some(Step { place, conversation, action: Action::Never(never), .. }) = story.steps.get(step)
            else {
                continue;
            };
            // An event of one conversation does not concern steps of another.
            let own = self.conversations.get(conversation).map(|held| held.key);
            let is_elsewhere = came.conversation.is_some_and(|came_in| own != Some(came_in));
            if never.trigger != came.trigger || is_elsewhere {
                continue;
            }
            let cause = came.cause(&story);
            let moment = Moment::of_step(conversation, loop_index, host);
            let mut moment = Moment { cause: Some(&cause), ..moment };
            match self.matches(&never.condition, &came.fields, &mut moment) {
                Ok(false) => {}
                Ok(true) => {
                    let what = never.trigger.described();
                    let message = format!("{what} arrived, but a `never` step forbids it here");
                    self.fail(place, FailureKind::Never, message, host);
                }
                Err(error) => self.abort(place, error.kind(), error, host),
            }
        }
    }
}
