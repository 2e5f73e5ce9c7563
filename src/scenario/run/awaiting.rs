//! The waits of a story: requests that arrive in time, or do not.

use std::sync::Arc;

use serde_json::Value;

use super::StoryRun;
use super::scope::Moment;
use super::strand::{State, Strand};
use crate::scenario::host::StoryHost;
use crate::scenario::near_miss::NearMiss;
use crate::scenario::story::{Action, Await, Step, Trigger};
use crate::time::HumanDuration;

impl StoryRun {
    /// Returns the step and its `await`, if a strand is waiting.
    pub(super) fn awaiting(&self, at: usize) -> Option<(&Step, &Await)> {
        let step = self.current(at).filter(|_| matches!(self.strands[at].state, State::Awaiting { .. }))?;
        match &step.action {
            Action::Await(wait) => Some((step, wait)),
            _ => None,
        }
    }

    pub(super) fn await_ran_out(&mut self, at: usize, host: &mut dyn StoryHost) {
        let now = host.now();
        let story = Arc::clone(&self.story);
        let Some(step @ Step { place, action: Action::Await(wait), .. }) =
            story.steps.get(self.strands[at].cursor)
        else {
            return self.next(at, now);
        };
        if !wait.optional {
            let (kind, id) = match &wait.trigger {
                Trigger::Request(id) => ("request", id),
                Trigger::Callback(id) => ("callback", id),
            };
            let within = HumanDuration(wait.within);
            let taken = match &self.strands[at].state {
                State::Awaiting { taken, .. } => taken.len(),
                _ => 0,
            };
            let why = self.near_miss(at, host);
            let times = match wait.times {
                1 => String::new(),
                times => format!(" {times} times, of which {taken} arrived,"),
            };
            let real = match &wait.trigger {
                Trigger::Request(_) => host.real_time().note(wait.within),
                Trigger::Callback(_) => String::new(),
            };
            let hint = self.hint_about_user(&step.conversation, &wait.trigger, &why, host);
            let message = format!("expected the {kind} `{id}`{times} within {within}{real}: {why}{hint}");
            self.fail(place, why.kind(), message, host);
        }
        self.next(at, now);
    }

    /// Returns what to add to a failure if the story waits for words of a user whom the story itself plays.
    fn hint_about_user(
        &self,
        conversation: &str,
        trigger: &Trigger,
        why: &NearMiss,
        host: &mut dyn StoryHost,
    ) -> &'static str {
        let is_of_user = matches!(trigger, Trigger::Callback(event) if matches!(&**event, "template.reply" | "message.receive"));
        let held = self.conversations.get(conversation).filter(|_| is_of_user && why.is_nothing());
        match held.is_some_and(|held| host.simulator().leaves_user_to_story(held.key)) {
            true => {
                "; the story plays this user, who replies by itself only if `mock_outcome` or the number of the template \
                 message says how"
            }
            false => "",
        }
    }

    /// Returns the first strand that awaits the item in the mailbox at `index`.
    pub(super) fn strand_for(&mut self, index: usize, host: &mut dyn StoryHost) -> Option<usize> {
        (0..self.strands.len()).find(|at| self.is_awaited(*at, index, host))
    }

    /// Whether the item in the mailbox at `index` is what a strand awaits. A condition that can't be filled in fails the step.
    pub(super) fn is_awaited(&mut self, at: usize, index: usize, host: &mut dyn StoryHost) -> bool {
        let story = Arc::clone(&self.story);
        // Another strand may have ended the story.
        let cursor = match self.strands.get(at) {
            Some(Strand { cursor, state: State::Awaiting { .. }, .. }) => *cursor,
            _ => return false,
        };
        let Some(Step { place, conversation, action: Action::Await(wait), .. }) = story.steps.get(cursor)
        else {
            return false;
        };
        let Some(occurrence) =
            self.mailbox.get(index).filter(|occurrence| occurrence.trigger == wait.trigger)
        else {
            return false;
        };
        let (came_in, fields) = (occurrence.conversation, Arc::clone(&occurrence.fields));
        if !self.may_take(came_in, conversation, host) {
            return false;
        }
        let cause = occurrence.cause(&story);
        let loop_index = self.loop_index(at);
        let mut moment = Moment { cause: Some(&cause), ..Moment::of_step(conversation, loop_index, host) };
        match self.matches(&wait.condition, &fields, &mut moment) {
            Ok(matches) => matches,
            Err(error) => {
                self.fail_step(at, place, error.kind(), error, host);
                false
            }
        }
    }

    /// Ends the wait of a strand if the item in the mailbox at `index` is what it awaits.
    pub(super) fn take_if_awaited(&mut self, at: usize, index: usize, host: &mut dyn StoryHost) -> bool {
        let is_awaited = self.is_awaited(at, index, host);
        if is_awaited {
            let kept_for = self.mailbox.get(index).and_then(|came| came.kept_for);
            self.regret_answer(at, kept_for, host);
            self.take(at, index, host);
        }
        is_awaited
    }

    /// Lets a strand take the item in the mailbox at `index`, which it awaits.
    pub(super) fn take(&mut self, at: usize, index: usize, host: &mut dyn StoryHost) {
        let story = Arc::clone(&self.story);
        if let Some(occurrence) = self.mailbox.remove(index)
            && let Some(Step { place, conversation, action: Action::Await(wait), .. }) =
                story.steps.get(self.strands[at].cursor)
        {
            self.bind(conversation, occurrence.conversation.or(occurrence.begun), host);
            let arrivals = match occurrence.trigger {
                Trigger::Request(_) => host.arrivals(),
                Trigger::Callback(_) => &mut self.callbacks,
            };
            if let Some(arrival) = arrivals.get_mut(occurrence.arrival) {
                arrival.taken = Some(place.clone());
                arrival.story = Some(Arc::clone(&self.name));
            }
            let mut saved = Arc::unwrap_or_clone(occurrence.saved);
            if let State::Awaiting { taken, .. } = &mut self.strands[at].state
                && wait.times > 1
            {
                taken.push(saved.clone());
                saved["all"] = Value::Array(taken.clone());
                if taken.len() < wait.times as usize {
                    return;
                }
            }
            if let Some(name) = &wait.save {
                self.preset(name, &saved);
            }
        }
        self.next(at, host.now());
    }
}
