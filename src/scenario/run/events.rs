//! Events for a running story from outside (requests, the ends of callbacks), and its reactions to them.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::{Value, json};

use super::scope::{Moment, StoryError, fill};
use super::{
    MAILBOX, MOST_AT_ONCE, Occurrence, Outstanding, Scheduled, Scope, State, StoryRun, cause, later,
};
use crate::delivery::{CallbackId, ErrorClass};
use crate::files::Place;
use crate::json::table;
use crate::language::template;
use crate::scenario::arrivals::{Arrival, Came, Outcome};
use crate::scenario::expect::{DeliveryEnd, Expectation};
use crate::scenario::failure::FailureKind;
use crate::scenario::host::{RequestReply, RequestView, StoryHost};
use crate::scenario::story::{Action, AnswerTemplate, MAIN_CONVERSATION, Reaction, Step, Trigger};
use crate::simulator::ConversationKey;

impl StoryRun {
    /// Handles a request of the integrator. Returns what the story asks the mock to do about it.
    pub fn on_request(&mut self, request: &RequestView<'_>, host: &mut dyn StoryHost) -> RequestReply {
        self.helpers.set_now(host.now());
        let trigger = Trigger::Request(request.id.into());
        if !self.has_begun() || self.has_ended || !self.story.looks_for(&trigger) {
            return RequestReply::default();
        }
        let saved = Arc::new(match self.story.reads_requests() {
            true => {
                let (fields, answer) = (Value::clone(request.fields), request.answer.clone());
                table([("id", request.id.into()), ("body", fields), ("answer", answer)])
            }
            false => Value::Null,
        });
        let &RequestView { conversation, begun, arrival, .. } = request;
        let mut reply = self.react(&trigger, request.fields, conversation.or(begun), &saved, host);
        let fields = Arc::clone(request.fields);
        let came = Occurrence {
            trigger: trigger.clone(),
            conversation,
            begun,
            fields,
            saved: Arc::clone(&saved),
            arrival,
            kept_for: None,
        };
        self.watch_out(&came, host);
        if request.refused {
            return reply;
        }
        self.post(came);
        let latest = self.mailbox.len() - 1;
        match self.strand_for(latest, host) {
            Some(at) => {
                reply.taken = true;
                // The response may use the conversation that the request began.
                let name = self.current(at).map(|step| step.conversation.clone()).unwrap_or_default();
                self.bind(&name, conversation.or(begun), host);
                reply.answer = self.awaited_answer(at, &saved, host).or(reply.answer);
                // From here on only the mailbox has it, so that it is not copied.
                drop(saved);
                self.answered(latest, reply.answer.as_ref());
                self.take(at, latest, host);
            }
            None => {
                drop(saved);
                let early = self.early_answer(latest, host);
                let is_answered = early.is_some();
                reply.taken |= is_answered;
                reply.answer = early.or(reply.answer);
                self.answered(latest, reply.answer.as_ref());
                self.explain_late(request, &trigger, host);
                let owner = conversation.and_then(|key| host.simulator().story_of(key));
                reply.kept = owner.is_none() && !is_answered;
            }
        }
        reply
    }

    /// Records that an item got a response other than the usual one.
    fn answered(&mut self, index: usize, answer: Option<&(u16, Option<Value>)>) {
        if let (Some((status, body)), Some(occurrence)) = (answer, self.mailbox.get_mut(index)) {
            if occurrence.saved.is_null() {
                return;
            }
            let saved = &mut Arc::make_mut(&mut occurrence.saved)["answer"];
            saved["status"] = json!(status);
            if let Some(body) = body {
                saved["body"] = body.clone();
            }
        }
    }

    /// Forgets the latest item if it is this request, because another story took it.
    pub fn give_up_request(&mut self, id: &str) {
        let is_it =
            |last: &Occurrence| matches!(&last.trigger, Trigger::Request(request) if **request == *id);
        if self.mailbox.back().is_some_and(is_it) {
            self.mailbox.pop_back();
        }
    }

    /// Returns the response of a strand's `await` to the request that it takes.
    fn awaited_answer(
        &mut self,
        at: usize,
        saved: &Value,
        host: &mut dyn StoryHost,
    ) -> Option<(u16, Option<Value>)> {
        let story = Arc::clone(&self.story);
        let step = story.steps.get(self.strands[at].cursor)?;
        let Action::Await(wait) = &step.action else { return None };
        let answer = wait.answer.as_ref()?;
        let cause = ("call", template::value(saved));
        let loop_index = self.loop_index(at);
        let mut moment =
            Moment { cause: Some(&cause), ..Moment::of_step(&step.conversation, loop_index, host) };
        self.render_answer(answer, &step.place, &mut moment)
    }

    pub(super) fn render_answer(
        &mut self,
        answer: &AnswerTemplate,
        place: &Place,
        moment: &mut Moment<'_>,
    ) -> Option<(u16, Option<Value>)> {
        let scope = self.scope(moment);
        let body = answer.body.as_ref().map(|body| body.render(&self.story.templates, &scope)).transpose();
        match body {
            Ok(body) => Some((answer.status.unwrap_or(200), body)),
            Err(error) => {
                self.fail(place, FailureKind::Template, fill("the response")(error), moment.host);
                None
            }
        }
    }

    /// Handles the end of a callback of this story.
    pub fn on_end(
        &mut self,
        id: CallbackId,
        event: &str,
        body: &Value,
        end: &DeliveryEnd,
        host: &mut dyn StoryHost,
    ) {
        let now = host.now();
        self.helpers.set_now(now);
        let mut outstanding = self.outstanding.remove(&id);
        let own = outstanding.is_some();
        let is_trigger = |trigger: &Trigger| matches!(trigger, Trigger::Callback(id) if **id == *event);
        let reacts = self.story.reactions.iter().any(|reaction| is_trigger(&reaction.trigger));
        let is_saved = outstanding.as_ref().is_some_and(|outstanding| outstanding.save.is_some());
        // Usually it is not needed again.
        let step = outstanding.as_ref().and_then(|outstanding| self.story.steps.get(outstanding.step?));
        let is_judged = step.is_some_and(|step| {
            matches!(&step.action, Action::Send { expect, .. } | Action::Resend { expect, .. } if expect.needs_scope())
        });
        let is_seen = !own || reacts || is_saved || is_judged;
        let answer = end.answer.as_ref().filter(|_| is_seen).map(|answer| {
            let body = serde_json::from_slice(&answer.body)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&answer.body).into_owned()));
            table([("status", answer.status.into()), ("body", body)])
        });
        let body = match &mut outstanding {
            Some(outstanding) => Cow::Owned(std::mem::take(&mut outstanding.body)),
            None => Cow::Borrowed(body),
        };
        let looks_on = !own || self.story.looks_for_callbacks();
        let fields = looks_on.then(|| Arc::new(Value::clone(&body)));
        let attempts = || Value::from(end.end.attempts);
        let saved = match is_seen {
            true => table([
                ("id", event.into()),
                ("body", body.into_owned()),
                ("answer", answer.unwrap_or_default()),
                ("attempts", attempts()),
                ("tries", attempts()),
            ]),
            false => Value::Null,
        };
        if let Some(outstanding) = &outstanding {
            if let Some(name) = &outstanding.save {
                self.preset(name, &saved);
            }
            self.judge(outstanding, event, end, &saved, host);
        } else if let Some(failure) = &end.end.failure
            && failure.class != ErrorClass::Dropped
        {
            let reason = &failure.message;
            let place = Place { file: Arc::from(self.story.name.as_str()), line: 0 };
            let message = format!("`{event}` was not delivered: {reason}");
            self.fail(&place, FailureKind::Undelivered, message, host);
        }
        let waits = |state: &State| matches!(state, State::Delivering(waited) if *waited == id);
        if let Some(at) = self.strands.iter().position(|strand| waits(&strand.state)) {
            self.next(at, now);
        }
        let Some(fields) = fields.filter(|_| !self.has_ended) else { return };
        let conversation = host.simulator().find_conversation(&fields);
        let outcome = match &end.end.failure {
            _ if own => Outcome::OfStory,
            Some(failure) => Outcome::Undelivered(failure.message.clone()),
            None => Outcome::Good,
        };
        let arrival = self.callbacks.push(Arrival {
            at: now,
            what: Came::Callback(event.into()),
            fields: Arc::clone(&fields),
            conversation,
            outcome,
            story: None,
            taken: None,
        });
        if end.end.failure.is_none() {
            let trigger = Trigger::Callback(event.into());
            self.react(&trigger, &fields, conversation, &saved, host);
            if !own {
                let saved = Arc::new(saved);
                let came =
                    Occurrence { trigger, conversation, begun: None, fields, saved, arrival, kept_for: None };
                self.watch_out(&came, host);
                self.post(came);
                let latest = self.mailbox.len() - 1;
                if let Some(at) = self.strand_for(latest, host) {
                    self.take(at, latest, host);
                }
            }
        }
    }

    fn judge(
        &mut self,
        outstanding: &Outstanding,
        event: &str,
        end: &DeliveryEnd,
        saved: &Value,
        host: &mut dyn StoryHost,
    ) {
        let story = Arc::clone(&self.story);
        let default = Expectation::default();
        let (expect, conversation) = match outstanding.step.and_then(|step| story.steps.get(step)) {
            Some(Step {
                action: Action::Send { expect, .. } | Action::Resend { expect, .. },
                conversation,
                ..
            }) => (&**expect, conversation.as_str()),
            _ => (&default, MAIN_CONVERSATION),
        };
        let loop_index = outstanding.loop_index;
        let scope = match expect.needs_scope() {
            true => {
                let cause = ("callback", template::value(saved));
                let moment = Moment::of_step(conversation, loop_index, host);
                self.scope(&mut Moment { cause: Some(&cause), ..moment })
            }
            false => Scope::UNDEFINED,
        };
        for wrong in expect.judge(end, &story.templates, &scope) {
            self.fail(&outstanding.place, FailureKind::Expectation, format!("`{event}`: {wrong}"), host);
        }
    }

    fn post(&mut self, occurrence: Occurrence) {
        if self.mailbox.len() == MAILBOX {
            self.mailbox.pop_front();
        }
        self.mailbox.push_back(occurrence);
    }

    /// Carries out the reactions to an event.
    fn react(
        &mut self,
        trigger: &Trigger,
        fields: &Value,
        came_in: Option<ConversationKey>,
        saved: &Value,
        host: &mut dyn StoryHost,
    ) -> RequestReply {
        let now = host.now();
        let mut reply = RequestReply::default();
        let story = Arc::clone(&self.story);
        let any = story.reactions.iter().any(|reaction| reaction.trigger == *trigger);
        // A story lives until everything it sent has ended.
        if !any || !self.has_begun() || self.stopped || self.has_ended {
            return reply;
        }
        let cause = cause(trigger, saved, &story);
        let (conversation, unnamed) = self.conversation_of(came_in, host);
        let loop_index = self.loop_index(0);
        let mut moment = Moment::of_step(&conversation, loop_index, host);
        (moment.unnamed, moment.cause) = (unnamed, Some(&cause));
        for (index, reaction) in story.reactions.iter().enumerate() {
            if reaction.trigger != *trigger || self.fired[index] >= reaction.times {
                continue;
            }
            // A previous failure may have ended the story.
            if self.stopped {
                break;
            }
            match self.reaction_applies(reaction, fields, &mut moment) {
                Ok(false) => continue,
                Ok(true) => {}
                Err(error) => {
                    self.fail(&reaction.place, error.kind(), error, moment.host);
                    continue;
                }
            }
            self.fired[index] += 1;
            reply.taken = true;
            reply.replaces_default |= !reaction.keep_default && !reaction.send.is_empty();
            if let Err(error) = self.set(&reaction.set, &mut moment) {
                self.fail(&reaction.place, error.kind(), error, moment.host);
            }
            if let Some(answer) = &reaction.answer {
                reply.answer = self.render_answer(answer, &reaction.place, &mut moment);
            }
            if reaction.send.is_empty() {
                continue;
            }
            // What one of them saves, the next may read.
            let saved = reaction.send.iter().filter_map(|send| send.callback.save.as_ref());
            let then = Arc::new(self.then(saved, &mut moment));
            for (send, item) in reaction.send.iter().enumerate() {
                let due = later(now, self.helpers.draw(|rng| item.after.draw(rng)));
                self.scheduled_so_far += 1;
                let (conversation, cause) = (conversation.clone(), cause.clone());
                let scheduled = Scheduled {
                    reaction: index,
                    send,
                    conversation,
                    unnamed,
                    loop_index,
                    then: Arc::clone(&then),
                    cause,
                };
                self.scheduled.insert((due, self.scheduled_so_far), scheduled);
            }
        }
        reply
    }

    fn reaction_applies(
        &mut self,
        reaction: &Reaction,
        fields: &Value,
        moment: &mut Moment<'_>,
    ) -> Result<bool, StoryError> {
        if !self.matches(&reaction.condition, fields, moment)? {
            return Ok(false);
        }
        match &reaction.when {
            Some(when) => self.is_true(when, moment),
            None => Ok(true),
        }
    }

    pub(super) fn send_scheduled(&mut self, scheduled: Scheduled, host: &mut dyn StoryHost) {
        let now = host.now();
        let story = Arc::clone(&self.story);
        let Some(reaction) = story.reactions.get(scheduled.reaction) else { return };
        let Some(send) = reaction.send.get(scheduled.send) else { return };
        self.burst = if self.burst.0 == now { (now, self.burst.1 + 1) } else { (now, 1) };
        if self.burst.1 > MOST_AT_ONCE {
            let message = "reactions trigger each other endlessly at the same time; give one of them `after`, `times` or `when`";
            return self.abort(&reaction.place, FailureKind::Endless, message, host);
        }
        let Scheduled { conversation, unnamed, loop_index, then, cause, .. } = &scheduled;
        let mut moment = Moment::of_step(conversation, *loop_index, host);
        (moment.unnamed, moment.cause) = (*unnamed, Some(cause));
        let loop_index = *loop_index;
        let applies = send.when.as_ref().map_or(Ok(true), |when| self.is_true(when, &mut moment));
        moment.then = Some(&**then);
        let sent = match applies {
            Ok(true) => self.render_and_send(&send.callback, false, &mut moment),
            Ok(false) => return,
            Err(error) => Err(error),
        };
        match sent {
            Ok((id, body)) => {
                let save = send.callback.save.clone();
                let place = reaction.place.clone();
                let outstanding = Outstanding { place, step: None, loop_index, save, body };
                self.outstanding.insert(id, Box::new(outstanding));
            }
            Err(error) => self.fail(&reaction.place, error.kind(), error, moment.host),
        }
    }
}
