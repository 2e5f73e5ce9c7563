//! Responses to requests that arrive early: a request that a later `await` will take is answered as that step requires.

use std::sync::Arc;

use serde_json::Value;

use super::StoryRun;
use super::scope::Moment;
use crate::scenario::failure::FailureKind;
use crate::scenario::host::StoryHost;
use crate::scenario::story::{Action, Await, Step};

impl StoryRun {
    /// Returns the response of the `await` that will take the item in the mailbox at `index`, as far as that is known now. The
    /// item is reserved for that step.
    pub(super) fn early_answer(
        &mut self,
        index: usize,
        host: &mut dyn StoryHost,
    ) -> Option<(u16, Option<Value>)> {
        let story = Arc::clone(&self.story);
        let came = self.mailbox.get(index)?;
        let (trigger, came_in, fields) = (came.trigger.clone(), came.conversation, Arc::clone(&came.fields));
        // If no step has a response, there is nothing to look for.
        let is_answered = |step: &Step| matches!(&step.action, Action::Await(wait) if wait.trigger == trigger && wait.answer.is_some());
        if self.stopped || !story.steps.iter().any(is_answered) {
            return None;
        }
        let cause = self.mailbox.get(index)?.cause(&story);
        let mut at = self.strands[0].cursor;
        while let Some(step) = story.steps.get(at) {
            let number = at;
            // Whether a step with a condition will be taken is not known.
            at += if step.when.is_some() { step.length() } else { 1 };
            let Action::Await(wait) = &step.action else { continue };
            if step.when.is_some()
                || wait.trigger != trigger
                || !self.may_take(came_in, &step.conversation, host)
            {
                continue;
            }
            let kept = self.mailbox.iter().filter(|came| came.kept_for == Some(number)).count();
            if kept >= step.repeat as usize * wait.times as usize {
                continue;
            }
            let moment = Moment::of_step(&step.conversation, 1, host);
            let mut moment = Moment { cause: Some(&cause), ..moment };
            // A condition that can't be filled in yet, such as the id of a callback that was not sent, does not match.
            if !matches!(self.matches(&wait.condition, &fields, &mut moment), Ok(true)) {
                continue;
            }
            if let Some(came) = self.mailbox.get_mut(index) {
                came.kept_for = Some(number);
            }
            return self.render_answer(wait.answer.as_ref()?, &step.place, &mut moment);
        }
        None
    }

    /// Fails the story if a request already got the default response although the `await` that takes it has an `answer`.
    pub(super) fn regret_answer(&mut self, at: usize, kept_for: Option<usize>, host: &mut dyn StoryHost) {
        let story = Arc::clone(&self.story);
        let cursor = self.strands[at].cursor;
        if let Some(Step { place, action: Action::Await(Await { trigger, answer: Some(_), .. }), .. }) =
            story.steps.get(cursor)
            && kept_for != Some(cursor)
        {
            let what = trigger.described();
            let message = format!(
                "{what} arrived before this step, and could not be recognised at that time: it got the usual response \
                 instead of `answer`"
            );
            self.fail(place, FailureKind::AnsweredBefore, message, host);
        }
    }
}
