//! Takes steps: callbacks are sent, values are set, pauses begin.

use std::sync::Arc;

use serde_json::Value;

use super::scope::{Moment, Resendable, StoryError, fill};
use super::strand::{State, Strand};
use super::watch::Watch;
use super::{Outstanding, StoryRun, later};
use crate::delivery::CallbackId;
use crate::files::Place;
use crate::scenario::expect::listed;
use crate::scenario::failure::FailureKind;
use crate::scenario::host::StoryHost;
use crate::scenario::story::{Action, MAIN_CONVERSATION, Trigger};

impl StoryRun {
    pub(super) fn set_initial_values(&mut self, host: &mut dyn StoryHost) {
        let story = Arc::clone(&self.story);
        for (name, value) in &story.vars {
            if self.values.contains_key(name) {
                continue;
            }
            let scope = self.scope(&mut Moment::of_step(MAIN_CONVERSATION, 1, host));
            match value.render(&story.templates, &scope) {
                Ok(value) => self.preset(name, &value),
                Err(error) => {
                    let place = Place { file: Arc::from(story.name.as_str()), line: 1 };
                    let error = fill(&format!("the variable `{name}`"))(error);
                    self.abort(&place, error.kind(), error, host);
                    return;
                }
            }
        }
    }

    pub(super) fn take_step(&mut self, at: usize, host: &mut dyn StoryHost) {
        let now = host.now();
        let story = Arc::clone(&self.story);
        let Some(step) = story.steps.get(self.strands[at].cursor).filter(|_| !self.strands[at].is_through())
        else {
            self.strands[at].state = State::Finished;
            // The `never` steps of the story itself end with its last callback.
            self.watches.retain(|watch| at == 0 || watch.strand != at || watch.until.is_some());
            return;
        };
        let loop_index = self.loop_index(at);
        if let Some(when) = &step.when {
            match self.is_true(when, &mut Moment::of_step(&step.conversation, loop_index, host)) {
                Ok(true) => {}
                Ok(false) => return self.next(at, now),
                Err(error) => return self.abort(&step.place, error.kind(), error, host),
            }
        }
        match &step.action {
            Action::Pause(range) => {
                let until = later(now, self.helpers.draw(|rng| range.draw(rng)));
                self.strands[at].state = State::Pausing { until, then_next: true };
            }
            Action::Set(entries) => {
                let mut moment = Moment::of_step(&step.conversation, loop_index, host);
                if let Err(error) = self.set(entries, &mut moment) {
                    return self.abort(&step.place, error.kind(), error, host);
                }
                self.next(at, now);
            }
            Action::Check(condition) => {
                let mut moment = Moment::of_step(&step.conversation, loop_index, host);
                match self.unchecked(condition, &mut moment) {
                    Ok(wrong) => {
                        if let Some(wrong) = listed("the check failed", &wrong) {
                            self.fail(&step.place, FailureKind::Check, wrong, host);
                        }
                        self.next(at, now);
                    }
                    Err(error) => self.fail_step(at, &step.place, error.kind(), error, host),
                }
            }
            Action::Never(never) => {
                let until = never.within.map(|within| later(now, within));
                let Strand { cursor, blocks, .. } = &self.strands[at];
                let watch = Watch { step: *cursor, strand: at, depth: blocks.len(), until, loop_index };
                self.watches.retain(|other| other.step != watch.step || other.strand != at);
                self.watches.push(watch);
                self.next(at, now);
            }
            Action::Resend { name, wait, save, .. } => {
                let sent = match self.resendable.get(name) {
                    Some(Resendable { sending, value }) => {
                        host.send(sending.clone()).map(|id| (id, value.clone())).map_err(StoryError::Send)
                    }
                    None => Err(StoryError::NotSent(name.clone())),
                };
                self.sent(at, sent, save.clone(), *wait, host);
            }
            Action::Group { parallel, .. } => self.enter(at, *parallel),
            Action::Send { callback, wait, expect, .. } => {
                let mut moment = Moment::of_step(&step.conversation, loop_index, host);
                let sent = self.render_and_send(callback, expect.needs_scope(), &mut moment);
                self.sent(at, sent, callback.save.clone(), *wait, host);
            }
            Action::Await(wait) => {
                self.strands[at].state =
                    State::Awaiting { deadline: later(now, wait.within), taken: Vec::new() };
                // An event before the step counts, unless an earlier step took it.
                for _ in 0..wait.times {
                    let took = (0..self.mailbox.len()).any(|index| self.take_if_awaited(at, index, host));
                    if !took {
                        break;
                    }
                }
                if let (Trigger::Request(id), true) = (&wait.trigger, self.awaiting(at).is_some()) {
                    host.waiting(id, wait.within);
                }
            }
        }
    }

    /// Handles the result of sending a step's callback: it is being delivered, or can't be sent.
    pub(super) fn sent(
        &mut self,
        at: usize,
        sent: Result<(CallbackId, Value), StoryError>,
        save: Option<String>,
        wait: bool,
        host: &mut dyn StoryHost,
    ) {
        let (cursor, loop_index) = (self.strands[at].cursor, self.loop_index(at));
        let Some(place) = self.current(at).map(|step| step.place.clone()) else { return };
        match sent {
            Ok((id, body)) => {
                let outstanding = Outstanding { place, step: Some(cursor), loop_index, save, body };
                self.outstanding.insert(id, Box::new(outstanding));
                if wait {
                    self.strands[at].state = State::Delivering(id);
                } else {
                    self.next(at, host.now());
                }
            }
            Err(error) => self.abort(&place, error.kind(), error, host),
        }
    }
}
