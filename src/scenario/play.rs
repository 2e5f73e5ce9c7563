//! A running story: a state machine. Time, calls and delivery results go in; callbacks and verdicts come out through
//! the [`Stage`].

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use minijinja::Value as Scope;
use serde_json::{Value, json};

use super::expect::{DeliveryEnd, Expectation};
use super::stage::{Body, CallReply, CallView, Sending, Stage};
use super::story::{Action, AnswerTemplate, CallbackTemplate, Reaction, Step, Story, Trigger};
use super::template::{self, Helpers, Template};
use super::tree::TreeTemplate;
use crate::delivery::CallbackId;
use crate::files::Place;
use crate::json::difference;
use crate::simulator::seed::Seed;
use crate::simulator::{Opening, SessionKey};

/// How many things that happened wait for an `await` at most; the oldest are forgotten.
const MAILBOX: usize = 1_000;

/// A running story.
#[derive(Debug)]
pub struct Play {
    story: Arc<Story>,
    label: Arc<str>,
    number: u32,
    copy: u32,
    seed: Seed,
    helpers: Arc<Helpers>,
    values: BTreeMap<String, Scope>,
    conversations: BTreeMap<String, SessionKey>,
    cursor: usize,
    round: u32,
    state: State,
    /// Things that happened and were not awaited yet, oldest first.
    mailbox: VecDeque<Occurrence>,
    /// How often each reaction happened.
    fired: Vec<u32>,
    /// Callbacks of reactions that are not due yet.
    scheduled: BTreeMap<(Timestamp, u64), Scheduled>,
    scheduled_so_far: u64,
    /// Callbacks under way that the story does not wait for.
    outstanding: BTreeMap<CallbackId, Outstanding>,
    /// The story's own URL, as last filled in, for what the simulator sends by itself.
    callback_url: Option<String>,
    failures: u32,
    /// Whether it was ended before its time.
    stopped: bool,
    told_end: bool,
}

#[derive(Debug)]
enum State {
    /// Not begun.
    Before(Timestamp),
    /// The step under the cursor is to be taken.
    Ready,
    /// In a pause; afterwards the cursor moves on, or, between repeats, stays.
    Pausing { until: Timestamp, then_next: bool },
    /// Waiting for the end of a callback.
    Delivering(CallbackId),
    /// Waiting for something to happen.
    Awaiting { deadline: Timestamp },
    /// All steps are taken.
    Finished,
}

#[derive(Debug)]
struct Occurrence {
    trigger: Trigger,
    /// The conversation it belongs to, if it names one.
    session: Option<SessionKey>,
    fields: Value,
    saved: Value,
}

#[derive(Debug)]
struct Scheduled {
    reaction: usize,
    send: usize,
    conversation: String,
    extra: BTreeMap<String, Scope>,
}

#[derive(Debug)]
struct Outstanding {
    place: Place,
    /// The step whose expectation counts; reactions and the simulator's own callbacks just have to be delivered.
    step: Option<usize>,
    save: Option<String>,
    body: Value,
}

impl Play {
    /// A story that begins at `start`. `number` tells the plays of a run apart, `copy` those of a story, from 1.
    pub fn new(
        story: Arc<Story>,
        label: Arc<str>,
        number: u32,
        copy: u32,
        seed: Seed,
        start: Timestamp,
    ) -> Self {
        let helpers = Helpers::new(seed.stream("story", 0), story.country, story.locale.as_deref(), start);
        let fired = vec![0; story.reactions.len()];
        Self {
            story,
            label,
            number,
            copy,
            seed,
            helpers: Arc::new(helpers),
            values: BTreeMap::new(),
            conversations: BTreeMap::new(),
            cursor: 0,
            round: 1,
            state: State::Before(start),
            mailbox: VecDeque::new(),
            fired,
            scheduled: BTreeMap::new(),
            scheduled_so_far: 0,
            outstanding: BTreeMap::new(),
            callback_url: None,
            failures: 0,
            stopped: false,
            told_end: false,
        }
    }

    /// Sets a variable from outside (`--set`); it wins over the file's own.
    pub fn preset(&mut self, name: &str, value: &Value) {
        self.values.insert(name.to_owned(), template::value(value));
    }

    /// The name shown, with the number of the copy if there are several.
    pub fn label(&self) -> &Arc<str> {
        &self.label
    }

    /// The URL the story names for its callbacks, as last filled in.
    pub fn callback_url(&self) -> Option<String> {
        self.callback_url.clone()
    }

    /// The story told.
    pub fn story(&self) -> &Arc<Story> {
        &self.story
    }

    /// How many expectations failed so far.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether all steps are taken and nothing of the story is under way.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Finished) && self.scheduled.is_empty() && self.outstanding.is_empty()
    }

    /// Whether the story waits for a call from outside, which time alone does not bring.
    pub fn awaits_call(&self) -> bool {
        matches!(self.state, State::Awaiting { .. })
            && matches!(self.current(), Some(Step { action: Action::Await(wait), .. })
                if matches!(wait.trigger, Trigger::Call(_)))
    }

    /// When time alone moves the story on.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        let own = match &self.state {
            State::Before(at) | State::Pausing { until: at, .. } | State::Awaiting { deadline: at } => {
                Some(*at)
            }
            State::Ready => Some(Timestamp::MIN),
            State::Delivering(_) | State::Finished => None,
        };
        let scheduled = self.scheduled.keys().next().map(|(at, _)| *at);
        [own, scheduled].into_iter().flatten().min()
    }

    /// Ends the story where it is: no further steps, no further reactions.
    pub fn stop(&mut self) {
        self.stopped = true;
        self.state = State::Finished;
        self.scheduled.clear();
    }

    /// Moves on as far as possible at this moment.
    pub fn advance(&mut self, now: Timestamp, stage: &mut dyn Stage) {
        self.helpers.set_now(now);
        while let Some(entry) = self.scheduled.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let scheduled = entry.remove();
            self.send_scheduled(scheduled, now, stage);
        }
        loop {
            match &self.state {
                State::Before(start) if *start <= now => {
                    stage.story_started();
                    self.state = State::Ready;
                    self.set_initial_values(now, stage);
                }
                State::Pausing { until, then_next } if *until <= now => {
                    if *then_next {
                        self.next(now);
                    } else {
                        self.state = State::Ready;
                    }
                }
                State::Ready => self.take_step(now, stage),
                State::Awaiting { deadline } if *deadline <= now => self.await_ran_out(now, stage),
                _ => break,
            }
        }
        if self.is_over() && !self.told_end {
            self.told_end = true;
            stage.story_finished(self.failures == 0);
        }
    }

    fn current(&self) -> Option<&Step> {
        self.story.steps.get(self.cursor)
    }

    fn set_initial_values(&mut self, now: Timestamp, stage: &mut dyn Stage) {
        let story = Arc::clone(&self.story);
        for (name, value) in &story.vars {
            if self.values.contains_key(name) {
                continue;
            }
            let scope = self.scope(super::story::MAIN_CONVERSATION, &BTreeMap::new(), now, stage);
            match value.render(&story.templates, &scope) {
                Ok(value) => self.preset(name, &value),
                Err(error) => {
                    let place = Place { file: Arc::from(story.name.as_str()), line: 1 };
                    self.abort(&place, &format!("the variable `{name}` can't be filled in: {error}"), stage);
                    return;
                }
            }
        }
    }

    /// The step under the cursor is done: repeats it or moves on.
    fn next(&mut self, now: Timestamp) {
        let Some(step) = self.story.steps.get(self.cursor) else {
            self.state = State::Finished;
            return;
        };
        if self.round < step.repeat {
            self.round += 1;
            self.state = match step.every {
                Some(every) => State::Pausing {
                    until: later(now, self.helpers.draw(|rng| every.draw(rng))),
                    then_next: false,
                },
                None => State::Ready,
            };
        } else {
            self.cursor += 1;
            self.round = 1;
            self.state = State::Ready;
        }
    }

    fn take_step(&mut self, now: Timestamp, stage: &mut dyn Stage) {
        let story = Arc::clone(&self.story);
        let Some(step) = story.steps.get(self.cursor) else {
            self.state = State::Finished;
            return;
        };
        if let Some(when) = &step.when {
            let scope = self.scope(&step.conversation, &BTreeMap::new(), now, stage);
            match story.templates.render(when, &scope) {
                Ok(value) if truth(&value) => {}
                Ok(_) => return self.next(now),
                Err(error) => {
                    return self.abort(&step.place, &format!("`when` can't be told: {error}"), stage);
                }
            }
        }
        match &step.action {
            Action::Pause(range) => {
                let until = later(now, self.helpers.draw(|rng| range.draw(rng)));
                self.state = State::Pausing { until, then_next: true };
            }
            Action::Set(entries) => {
                if let Err(error) = self.set(entries, &step.conversation, &BTreeMap::new(), now, stage) {
                    return self.abort(&step.place, &error, stage);
                }
                self.next(now);
            }
            Action::Send { callback, wait, .. } => {
                match self.render_and_send(callback, &step.conversation, &BTreeMap::new(), now, stage) {
                    Ok((id, body)) => {
                        let outstanding = Outstanding {
                            place: step.place.clone(),
                            step: Some(self.cursor),
                            save: callback.save.clone(),
                            body,
                        };
                        self.outstanding.insert(id, outstanding);
                        if *wait {
                            self.state = State::Delivering(id);
                        } else {
                            self.next(now);
                        }
                    }
                    Err(error) => self.abort(&step.place, &error, stage),
                }
            }
            Action::Await(wait) => {
                self.state = State::Awaiting { deadline: later(now, wait.within) };
                // What came before the step counts, unless an earlier step took it.
                for index in 0..self.mailbox.len() {
                    if self.take_if_awaited(index, now, stage) {
                        break;
                    }
                }
            }
        }
    }

    fn await_ran_out(&mut self, now: Timestamp, stage: &mut dyn Stage) {
        let story = Arc::clone(&self.story);
        let Some(Step { place, action: Action::Await(wait), .. }) = story.steps.get(self.cursor) else {
            return self.next(now);
        };
        if !wait.optional {
            let (kind, id) = match &wait.trigger {
                Trigger::Call(id) => ("call", id),
                Trigger::Callback(id) => ("callback", id),
            };
            let within = crate::files::Lapse(wait.within);
            let mut message = format!("expected the {kind} `{id}` within {within}, it never came");
            let near = self.mailbox.iter().rev().find(|occurrence| occurrence.trigger == wait.trigger);
            if let Some(fields) = near.map(|near| near.fields.clone()) {
                let scope = self.scope(&self.conversation(), &BTreeMap::new(), now, stage);
                if let Ok(wanted) = wait.condition.render(&story.templates, &scope)
                    && let Some(difference) = difference(&wanted, &fields)
                {
                    message.push_str(&format!("; one came, but {difference}"));
                }
            } else if let Some(last) = self.mailbox.back() {
                let (Trigger::Call(id) | Trigger::Callback(id)) = &last.trigger;
                message.push_str(&format!("; the last thing that came was `{id}`"));
            }
            self.fail(place, &message, stage);
        }
        self.next(now);
    }

    /// Ends the wait if the thing in the mailbox at `index` is what the current step awaits.
    fn take_if_awaited(&mut self, index: usize, now: Timestamp, stage: &mut dyn Stage) -> bool {
        let story = Arc::clone(&self.story);
        let (State::Awaiting { .. }, Some(Step { place, conversation, action: Action::Await(wait), .. })) =
            (&self.state, story.steps.get(self.cursor))
        else {
            return false;
        };
        let Some(occurrence) =
            self.mailbox.get(index).filter(|occurrence| occurrence.trigger == wait.trigger)
        else {
            return false;
        };
        // Something that names a conversation belongs to the steps of that conversation.
        let session = occurrence.session;
        if session.is_some() && session != self.conversations.get(conversation).copied() {
            return false;
        }
        let fields = occurrence.fields.clone();
        match self.matches(&wait.condition, &fields, conversation, &BTreeMap::new(), now, stage) {
            Ok(false) => false,
            Ok(true) => {
                if let Some(occurrence) = self.mailbox.remove(index)
                    && let Some(name) = &wait.save
                {
                    self.preset(name, &occurrence.saved);
                }
                self.next(now);
                true
            }
            Err(error) => {
                self.abort(place, &format!("`where` can't be filled in: {error}"), stage);
                true
            }
        }
    }

    fn matches(
        &mut self,
        condition: &TreeTemplate,
        fields: &Value,
        conversation: &str,
        extra: &BTreeMap<String, Scope>,
        now: Timestamp,
        stage: &mut dyn Stage,
    ) -> Result<bool, String> {
        if matches!(condition, TreeTemplate::Table(entries) if entries.is_empty()) {
            return Ok(true);
        }
        let scope = self.scope(conversation, extra, now, stage);
        let wanted = condition.render(&self.story.templates, &scope)?;
        Ok(difference(&wanted, fields).is_none())
    }

    /// A call of the integrator. What the story wants the mock to do about it comes back.
    pub fn on_call(&mut self, call: &CallView<'_>, now: Timestamp, stage: &mut dyn Stage) -> CallReply {
        self.helpers.set_now(now);
        let trigger = Trigger::Call(call.id.into());
        if matches!(self.state, State::Before(_)) || self.told_end || !self.story.looks_for(&trigger) {
            return CallReply::default();
        }
        let saved = json!({ "id": call.id, "body": call.fields });
        let mut reply = self.react(&trigger, call.fields, &saved, now, stage);
        let answer = self.awaited_answer(&trigger, call.fields, &saved, now, stage);
        let session = stage.simulator().find_session(call.fields);
        self.post(Occurrence { trigger, session, fields: call.fields.clone(), saved });
        if self.take_if_awaited(self.mailbox.len() - 1, now, stage) {
            reply.taken = true;
            reply.answer = answer.or(reply.answer);
        } else {
            reply.kept = session.is_none();
        }
        reply
    }

    /// Forgets the latest thing that came if it is this call, because another story took it.
    pub fn give_up_call(&mut self, id: &str) {
        let is_it = |last: &Occurrence| matches!(&last.trigger, Trigger::Call(call) if **call == *id);
        if self.mailbox.back().is_some_and(is_it) {
            self.mailbox.pop_back();
        }
    }

    /// The answer the current `await` gives to this call if it takes it.
    fn awaited_answer(
        &mut self,
        trigger: &Trigger,
        fields: &Value,
        saved: &Value,
        now: Timestamp,
        stage: &mut dyn Stage,
    ) -> Option<(u16, Option<Value>)> {
        let story = Arc::clone(&self.story);
        let Some(Step { place, conversation, action: Action::Await(wait), .. }) =
            story.steps.get(self.cursor)
        else {
            return None;
        };
        let answer = wait.answer.as_ref().filter(|_| wait.trigger == *trigger)?;
        let waiting = matches!(self.state, State::Awaiting { .. });
        let extra = BTreeMap::from([("call".to_owned(), template::value(saved))]);
        if !waiting || self.matches(&wait.condition, fields, conversation, &extra, now, stage) != Ok(true) {
            return None;
        }
        self.render_answer(answer, place, conversation, &extra, now, stage)
    }

    fn render_answer(
        &mut self,
        answer: &AnswerTemplate,
        place: &Place,
        conversation: &str,
        extra: &BTreeMap<String, Scope>,
        now: Timestamp,
        stage: &mut dyn Stage,
    ) -> Option<(u16, Option<Value>)> {
        let scope = self.scope(conversation, extra, now, stage);
        let body = answer.body.as_ref().map(|body| body.render(&self.story.templates, &scope)).transpose();
        match body {
            Ok(body) => Some((answer.status.unwrap_or(200), body)),
            Err(error) => {
                self.fail(place, &format!("the answer can't be filled in: {error}"), stage);
                None
            }
        }
    }

    /// A callback of this story came to its end.
    pub fn on_end(
        &mut self,
        id: CallbackId,
        event: &str,
        body: &Value,
        end: &DeliveryEnd,
        now: Timestamp,
        stage: &mut dyn Stage,
    ) {
        self.helpers.set_now(now);
        let answer = end.answer.as_ref().map(|answer| {
            let body = serde_json::from_slice(&answer.body)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&answer.body).into_owned()));
            json!({ "status": answer.status, "body": body })
        });
        let outstanding = self.outstanding.remove(&id);
        let own = outstanding.is_some();
        let saved_body = outstanding.as_ref().map_or(body, |outstanding| &outstanding.body);
        let saved = json!({ "id": event, "body": saved_body, "answer": answer, "tries": end.tries });
        if let Some(outstanding) = &outstanding {
            if let Some(name) = &outstanding.save {
                self.preset(name, &saved);
            }
            self.judge(outstanding, event, end, now, stage);
        } else if !end.delivered {
            let reason = end.error.as_ref().map_or("", |(_, reason)| reason);
            let place = Place { file: Arc::from(self.story.name.as_str()), line: 0 };
            self.fail(&place, &format!("`{event}` was not delivered: {reason}"), stage);
        }
        if matches!(self.state, State::Delivering(waited) if waited == id) {
            self.next(now);
        }
        if end.delivered {
            let trigger = Trigger::Callback(event.into());
            let fields = saved_body.clone();
            self.react(&trigger, &fields, &saved, now, stage);
            if !own {
                let session = stage.simulator().find_session(&fields);
                self.post(Occurrence { trigger, session, fields, saved });
                self.take_if_awaited(self.mailbox.len() - 1, now, stage);
            }
        }
    }

    fn judge(
        &mut self,
        outstanding: &Outstanding,
        event: &str,
        end: &DeliveryEnd,
        now: Timestamp,
        stage: &mut dyn Stage,
    ) {
        let story = Arc::clone(&self.story);
        let default = Expectation::default();
        let (expect, conversation) = match outstanding.step.and_then(|step| story.steps.get(step)) {
            Some(Step { action: Action::Send { expect, .. }, conversation, .. }) => {
                (expect, conversation.as_str())
            }
            _ => (&default, super::story::MAIN_CONVERSATION),
        };
        let scope = self.scope(conversation, &BTreeMap::new(), now, stage);
        for wrong in expect.judge(end, &story.templates, &scope) {
            self.fail(&outstanding.place, &format!("`{event}`: {wrong}"), stage);
        }
    }

    fn post(&mut self, occurrence: Occurrence) {
        if self.mailbox.len() == MAILBOX {
            self.mailbox.pop_front();
        }
        self.mailbox.push_back(occurrence);
    }

    /// Whatever the story does whenever this happens.
    fn react(
        &mut self,
        trigger: &Trigger,
        fields: &Value,
        saved: &Value,
        now: Timestamp,
        stage: &mut dyn Stage,
    ) -> CallReply {
        let mut reply = CallReply::default();
        let story = Arc::clone(&self.story);
        let any = story.reactions.iter().any(|reaction| reaction.trigger == *trigger);
        // A story lives until everything it sent has come to its end.
        if !any || matches!(self.state, State::Before(_)) || self.stopped || self.told_end {
            return reply;
        }
        let variable = match trigger {
            Trigger::Call(_) => "call",
            Trigger::Callback(_) => "callback",
        };
        let extra = BTreeMap::from([(variable.to_owned(), template::value(saved))]);
        let conversation = self.conversation_of(fields, stage);
        for (index, reaction) in story.reactions.iter().enumerate() {
            if reaction.trigger != *trigger || self.fired[index] >= reaction.times {
                continue;
            }
            match self.reaction_applies(reaction, fields, &conversation, &extra, now, stage) {
                Ok(false) => continue,
                Ok(true) => {}
                Err(error) => {
                    self.fail(&reaction.place, &error, stage);
                    continue;
                }
            }
            self.fired[index] += 1;
            reply.taken = true;
            reply.replaces_default |= !reaction.keep_default && !reaction.send.is_empty();
            if let Err(error) = self.set(&reaction.set, &conversation, &extra, now, stage) {
                self.fail(&reaction.place, &error, stage);
            }
            if let Some(answer) = &reaction.answer {
                reply.answer = self.render_answer(answer, &reaction.place, &conversation, &extra, now, stage);
            }
            for (send, item) in reaction.send.iter().enumerate() {
                let due = later(now, self.helpers.draw(|rng| item.after.draw(rng)));
                self.scheduled_so_far += 1;
                let scheduled = Scheduled {
                    reaction: index,
                    send,
                    conversation: conversation.clone(),
                    extra: extra.clone(),
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
        conversation: &str,
        extra: &BTreeMap<String, Scope>,
        now: Timestamp,
        stage: &mut dyn Stage,
    ) -> Result<bool, String> {
        let matches = self.matches(&reaction.condition, fields, conversation, extra, now, stage);
        if !matches.map_err(|error| format!("`where` can't be filled in: {error}"))? {
            return Ok(false);
        }
        match &reaction.when {
            Some(when) => self.is_true(when, conversation, extra, now, stage),
            None => Ok(true),
        }
    }

    fn is_true(
        &mut self,
        when: &Template,
        conversation: &str,
        extra: &BTreeMap<String, Scope>,
        now: Timestamp,
        stage: &mut dyn Stage,
    ) -> Result<bool, String> {
        let scope = self.scope(conversation, extra, now, stage);
        let value = self.story.templates.render(when, &scope);
        value.map(|value| truth(&value)).map_err(|error| format!("`when` can't be told: {error}"))
    }

    fn send_scheduled(&mut self, scheduled: Scheduled, now: Timestamp, stage: &mut dyn Stage) {
        let story = Arc::clone(&self.story);
        let Some(reaction) = story.reactions.get(scheduled.reaction) else { return };
        let Some(send) = reaction.send.get(scheduled.send) else { return };
        let Scheduled { conversation, extra, .. } = scheduled;
        let sent = match &send.when {
            Some(when) => match self.is_true(when, &conversation, &extra, now, stage) {
                Ok(true) => self.render_and_send(&send.callback, &conversation, &extra, now, stage),
                Ok(false) => return,
                Err(error) => Err(error),
            },
            None => self.render_and_send(&send.callback, &conversation, &extra, now, stage),
        };
        match sent {
            Ok((id, body)) => {
                let save = send.callback.save.clone();
                self.outstanding
                    .insert(id, Outstanding { place: reaction.place.clone(), step: None, save, body });
            }
            Err(error) => self.fail(&reaction.place, &error, stage),
        }
    }

    /// The name of the conversation that a call or callback belongs to.
    fn conversation_of(&self, fields: &Value, stage: &mut dyn Stage) -> String {
        let found = stage.simulator().find_session(fields);
        let name =
            self.conversations.iter().find(|(_, key)| Some(**key) == found).map(|(name, _)| name.clone());
        name.unwrap_or_else(|| self.conversation())
    }

    fn conversation(&self) -> String {
        self.current().map_or(super::story::MAIN_CONVERSATION, |step| step.conversation.as_str()).to_owned()
    }

    fn set(
        &mut self,
        entries: &[(String, TreeTemplate)],
        conversation: &str,
        extra: &BTreeMap<String, Scope>,
        now: Timestamp,
        stage: &mut dyn Stage,
    ) -> Result<(), String> {
        for (name, value) in entries {
            let scope = self.scope(conversation, extra, now, stage);
            let value = value
                .render(&self.story.templates, &scope)
                .map_err(|error| format!("the variable `{name}` can't be filled in: {error}"))?;
            self.preset(name, &value);
        }
        Ok(())
    }

    fn render_and_send(
        &mut self,
        callback: &CallbackTemplate,
        conversation: &str,
        extra: &BTreeMap<String, Scope>,
        now: Timestamp,
        stage: &mut dyn Stage,
    ) -> Result<(CallbackId, Value), String> {
        let story = Arc::clone(&self.story);
        let session = self.session(conversation, now, stage);
        let scope = self.scope(conversation, extra, now, stage);
        let text = |source: &Template| -> Result<String, String> {
            Ok(match story.templates.render(source, &scope)? {
                Value::String(text) => text,
                other => other.to_string(),
            })
        };
        let (body, value) = match &callback.raw {
            Some(raw) => {
                let raw = text(raw).map_err(|error| format!("`raw` can't be filled in: {error}"))?;
                let value = serde_json::from_str(&raw).unwrap_or(Value::Null);
                stage.simulator().absorb(session, &callback.event, &value, now);
                (Body::Raw(raw), value)
            }
            None => {
                let patch = callback
                    .body
                    .render(&story.templates, &scope)
                    .map_err(|error| format!("`body` can't be filled in: {error}"))?;
                let mut body = stage.simulator().emit(session, &callback.event, patch, now)?;
                for path in &callback.omit {
                    crate::json::remove(&mut body, path);
                }
                (Body::Json(body.clone()), body)
            }
        };
        let headers = callback
            .headers
            .iter()
            .map(|(name, value)| Ok((Arc::from(name.as_str()), text(value)?)))
            .collect::<Result<Vec<_>, String>>()
            .map_err(|error| format!("`headers` can't be filled in: {error}"))?;
        let url = |source: &Option<Template>| source.as_ref().map(text).transpose();
        let wrong = |error: String| format!("the URL can't be filled in: {error}");
        let of_story = url(&story.callback_url).map_err(wrong)?;
        let target = url(&callback.target).map_err(wrong)?.or_else(|| of_story.clone());
        self.callback_url = of_story;
        let id = stage.send(Sending {
            event: Arc::clone(&callback.event),
            body,
            headers,
            target,
            own_target: callback.target.is_some(),
            session,
            policy: Arc::clone(&story.policy),
        })?;
        Ok((id, value))
    }

    /// The session of a conversation, opened at its first use.
    fn session(&mut self, conversation: &str, now: Timestamp, stage: &mut dyn Stage) -> SessionKey {
        if let Some(key) = self.conversations.get(conversation) {
            return *key;
        }
        let key = stage.simulator().open(Opening {
            play: Some(self.number),
            seed: self.seed.derive(conversation, 0),
            country: self.story.country,
            locale: self.story.locale.clone(),
            now,
        });
        self.conversations.insert(conversation.to_owned(), key);
        key
    }

    /// What templates see.
    fn scope(
        &mut self,
        conversation: &str,
        extra: &BTreeMap<String, Scope>,
        now: Timestamp,
        stage: &mut dyn Stage,
    ) -> Scope {
        let session = self.session(conversation, now, stage);
        let (user, view) = stage.simulator().view(session);
        let locale =
            self.story.locale.clone().unwrap_or_else(|| self.story.country.default_locale().to_owned());
        let built_in = [
            ("user", template::value(&user)),
            ("session", template::value(&view)),
            ("locale", Scope::from(locale)),
            ("country", Scope::from(self.story.country.to_string())),
            ("copy", Scope::from(self.copy)),
            ("story", Scope::from(self.story.name.as_str())),
            ("loop_index", Scope::from(self.round)),
            ("__helpers", Scope::from_dyn_object(Arc::clone(&self.helpers))),
        ];
        let own = self.values.iter().chain(extra).map(|(name, value)| (name.as_str(), value.clone()));
        Scope::from_pairs(own.chain(built_in))
    }

    fn fail(&mut self, place: &Place, message: &str, stage: &mut dyn Stage) {
        self.failures += 1;
        stage.failed(place, message);
    }

    /// A failure after which the rest of the story makes no sense.
    fn abort(&mut self, place: &Place, message: &str, stage: &mut dyn Stage) {
        self.fail(place, message, stage);
        self.stop();
    }
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// What counts as true in `when`.
fn truth(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !matches!(text.trim(), "" | "false" | "0" | "no"),
        Value::Array(items) => !items.is_empty(),
        Value::Object(table) => !table.is_empty(),
    }
}
