//! A running story: a state machine. Time, calls and delivery results go in; callbacks and verdicts come out through
//! the [`StoryHost`].

mod events;
mod scope;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use minijinja::Value as Scope;
use serde_json::Value;

use self::scope::{Moment, fill};
use super::host::StoryHost;
use super::story::{Action, MAIN_CONVERSATION, Step, Story, Trigger};

use crate::delivery::CallbackId;
use crate::faults::{Fault, Faults};
use crate::files::Place;
use crate::json::difference;
use crate::language::template::{self, Helpers};
use crate::seed::Seed;
use crate::simulator::ConversationKey;

/// How many things that happened wait for an `await` at most; the oldest are forgotten.
const MAILBOX: usize = 1_000;

/// How many callbacks of reactions go out at one moment of a story at most: reactions that set each other off without
/// any time in between would never end.
const MOST_AT_ONCE: u32 = 10_000;

/// A running story.
#[derive(Debug)]
pub struct StoryRun {
    story: Arc<Story>,
    name: Arc<str>,
    number: u32,
    instance: u32,
    seed: Seed,
    helpers: Arc<Helpers>,
    values: BTreeMap<String, Scope>,
    conversations: BTreeMap<String, ConversationKey>,
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
    /// The moment of the latest callback of a reaction, and how many went out at it.
    burst: (Timestamp, u32),
    /// Callbacks under way that the story does not wait for.
    outstanding: BTreeMap<CallbackId, Outstanding>,
    /// The story's own URL, as last filled in, for what the simulator sends by itself.
    callback_url: Option<String>,
    /// What goes wrong with calls while it lives.
    faults: Faults,
    failures: u32,
    /// Whether it stops at the first of them.
    fails_fast: bool,
    /// When it has to be over.
    limit: Option<Timestamp>,
    /// Whether it was ended before its time.
    stopped: bool,
    has_ended: bool,
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
    conversation: Option<ConversationKey>,
    fields: Value,
    saved: Value,
}

#[derive(Debug)]
struct Scheduled {
    reaction: usize,
    send: usize,
    conversation: String,
    /// The call or callback it reacts to, by the name templates see it under.
    cause: (&'static str, Scope),
}

#[derive(Debug)]
struct Outstanding {
    place: Place,
    /// The step whose expectation counts; reactions and the simulator's own callbacks just have to be delivered.
    step: Option<usize>,
    save: Option<String>,
    body: Value,
}

impl StoryRun {
    /// A story that begins at `start`. `number` counts the stories of a run, `instance` those of one scenario, from 1.
    pub fn new(
        story: Arc<Story>,
        name: Arc<str>,
        number: u32,
        instance: u32,
        seed: Seed,
        start: Timestamp,
    ) -> Self {
        let helpers = Helpers::new(seed.stream("story", 0), story.country, story.locale.as_deref(), start);
        let fired = vec![0; story.reactions.len()];
        let faults = Faults::new(story.faults.clone(), seed);
        Self {
            story,
            name,
            number,
            instance,
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
            burst: (start, 0),
            outstanding: BTreeMap::new(),
            callback_url: None,
            faults,
            failures: 0,
            fails_fast: false,
            limit: None,
            stopped: false,
            has_ended: false,
        }
    }

    /// Sets a variable from outside (`--set`); it wins over the file's own.
    pub fn preset(&mut self, name: &str, value: &Value) {
        self.values.insert(name.to_owned(), template::value(value));
    }

    /// Stops at the first failure from now on, unless its file says that it goes on.
    pub fn fail_fast(&mut self) {
        self.fails_fast = !self.story.keep_going;
    }

    /// The name shown, with the number of the instance if there are several.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The URL the story names for its callbacks, as last filled in.
    pub fn callback_url(&self) -> Option<String> {
        self.callback_url.clone()
    }

    /// What it is a run of.
    pub fn story(&self) -> &Arc<Story> {
        &self.story
    }

    /// Counts a failure that somebody else has reported.
    pub fn count_failure(&mut self) {
        self.failures += 1;
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

    /// Whether it lets calls go wrong.
    pub fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    /// What goes wrong with a call, as the story wants it.
    pub fn fault(&mut self, id: &str, fields: &Value) -> Option<Fault> {
        let lives = !matches!(self.state, State::Before(_)) && !self.stopped;
        lives.then(|| self.faults.next(id, fields)).flatten()
    }

    /// Whether the story has a step or a reaction for a call.
    pub fn looks_for_call(&self, id: &str) -> bool {
        self.story.looks_for(&Trigger::Call(id.into()))
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
        let limit = self.limit.filter(|_| !self.stopped && !self.has_ended);
        [own, scheduled, limit].into_iter().flatten().min()
    }

    /// Ends the story where it is: no further steps, no further reactions.
    pub fn stop(&mut self) {
        self.stopped = true;
        self.state = State::Finished;
        self.scheduled.clear();
    }

    /// Moves on as far as possible at this moment.
    pub fn advance(&mut self, now: Timestamp, host: &mut dyn StoryHost) {
        self.helpers.set_now(now);
        if self.limit.is_some_and(|limit| limit <= now) {
            self.ran_out_of_time(host);
        }
        while let Some(entry) = self.scheduled.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let scheduled = entry.remove();
            self.send_scheduled(scheduled, now, host);
        }
        loop {
            match &self.state {
                State::Before(start) if *start <= now => {
                    self.limit = self.story.within.map(|within| later(*start, within));
                    host.story_started();
                    self.state = State::Ready;
                    self.set_initial_values(now, host);
                }
                State::Pausing { until, then_next } if *until <= now => {
                    if *then_next {
                        self.next(now);
                    } else {
                        self.state = State::Ready;
                    }
                }
                State::Ready => self.take_step(now, host),
                State::Awaiting { deadline } if *deadline <= now => self.await_ran_out(now, host),
                _ => break,
            }
        }
        if self.is_over() && !self.has_ended {
            self.has_ended = true;
            host.story_finished(self.failures == 0);
            self.forget();
        }
    }

    /// A story that is over is only counted: a load runs many thousands of them.
    fn forget(&mut self) {
        self.values.clear();
        self.conversations.clear();
        self.mailbox = VecDeque::new();
        self.scheduled.clear();
        self.outstanding.clear();
    }

    fn current(&self) -> Option<&Step> {
        self.story.steps.get(self.cursor)
    }

    fn set_initial_values(&mut self, now: Timestamp, host: &mut dyn StoryHost) {
        let story = Arc::clone(&self.story);
        for (name, value) in &story.vars {
            if self.values.contains_key(name) {
                continue;
            }
            let scope = self.scope(&mut Moment::of_step(now, MAIN_CONVERSATION, host));
            match value.render(&story.templates, &scope) {
                Ok(value) => self.preset(name, &value),
                Err(error) => {
                    let place = Place { file: Arc::from(story.name.as_str()), line: 1 };
                    self.abort(&place, fill(&format!("the variable `{name}`"))(error), host);
                    return;
                }
            }
        }
    }

    /// The step under the cursor is done: repeats it or moves on, unless the story stopped with it.
    fn next(&mut self, now: Timestamp) {
        if self.stopped {
            return;
        }
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

    fn take_step(&mut self, now: Timestamp, host: &mut dyn StoryHost) {
        let story = Arc::clone(&self.story);
        let Some(step) = story.steps.get(self.cursor) else {
            self.state = State::Finished;
            return;
        };
        if let Some(when) = &step.when {
            match self.is_true(when, &mut Moment::of_step(now, &step.conversation, host)) {
                Ok(true) => {}
                Ok(false) => return self.next(now),
                Err(error) => return self.abort(&step.place, error, host),
            }
        }
        match &step.action {
            Action::Pause(range) => {
                let until = later(now, self.helpers.draw(|rng| range.draw(rng)));
                self.state = State::Pausing { until, then_next: true };
            }
            Action::Set(entries) => {
                if let Err(error) = self.set(entries, &mut Moment::of_step(now, &step.conversation, host)) {
                    return self.abort(&step.place, error, host);
                }
                self.next(now);
            }
            Action::Send { callback, wait, .. } => {
                match self.render_and_send(callback, &mut Moment::of_step(now, &step.conversation, host)) {
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
                    Err(error) => self.abort(&step.place, error, host),
                }
            }
            Action::Await(wait) => {
                self.state = State::Awaiting { deadline: later(now, wait.within) };
                let position = (self.cursor, self.round);
                // What came before the step counts, unless an earlier step took it.
                for index in 0..self.mailbox.len() {
                    if self.take_if_awaited(index, now, host) {
                        break;
                    }
                }
                if let (Trigger::Call(id), true) = (&wait.trigger, position == (self.cursor, self.round)) {
                    host.waiting(id, wait.within);
                }
            }
        }
    }

    fn await_ran_out(&mut self, now: Timestamp, host: &mut dyn StoryHost) {
        let story = Arc::clone(&self.story);
        let Some(Step { place, action: Action::Await(wait), .. }) = story.steps.get(self.cursor) else {
            return self.next(now);
        };
        if !wait.optional {
            let (kind, id) = match &wait.trigger {
                Trigger::Call(id) => ("call", id),
                Trigger::Callback(id) => ("callback", id),
            };
            let within = crate::time::HumanDuration(wait.within);
            let mut message = format!("expected the {kind} `{id}` within {within}, it never came");
            let near = self.mailbox.iter().rev().find(|occurrence| occurrence.trigger == wait.trigger);
            if let Some(fields) = near.map(|near| near.fields.clone()) {
                let scope = self.scope(&mut Moment::of_step(now, &self.conversation(), host));
                if let Ok(wanted) = wait.condition.render(&story.templates, &scope)
                    && let Some(difference) = difference(&wanted, &fields)
                {
                    message.push_str(&format!("; one came, but {difference}"));
                }
            } else if let Some(last) = self.mailbox.back() {
                let (Trigger::Call(id) | Trigger::Callback(id)) = &last.trigger;
                message.push_str(&format!("; the last thing received was `{id}`"));
            }
            self.fail(place, message, host);
        }
        self.next(now);
    }

    /// Ends the wait if the thing in the mailbox at `index` is what the current step awaits.
    fn take_if_awaited(&mut self, index: usize, now: Timestamp, host: &mut dyn StoryHost) -> bool {
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
        let named = occurrence.conversation;
        if named.is_some() && named != self.conversations.get(conversation).copied() {
            return false;
        }
        let fields = occurrence.fields.clone();
        match self.matches(&wait.condition, &fields, &mut Moment::of_step(now, conversation, host)) {
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
                self.abort(place, error, host);
                true
            }
        }
    }

    fn fail(&mut self, place: &Place, message: impl Display, host: &mut dyn StoryHost) {
        self.failures += 1;
        host.failed(place, &message.to_string());
        if self.fails_fast {
            self.stop_after(place, host);
        }
    }

    /// The time of the whole story is over before it is.
    fn ran_out_of_time(&mut self, host: &mut dyn StoryHost) {
        let Some(within) = self.story.within.filter(|_| !self.stopped && !self.has_ended) else { return };
        let whole = Place { file: Arc::clone(&self.story.file), line: 1 };
        let place = self.current().map_or(whole, |step| step.place.clone());
        let within = crate::time::HumanDuration(within);
        self.abort(&place, format!("the story has not ended within {within}, which is all it has"), host);
    }

    /// Stops because of what failed at this place: the steps that are left are skipped.
    fn stop_after(&mut self, failed: &Place, host: &mut dyn StoryHost) {
        if self.stopped {
            return;
        }
        let left = self.story.steps.iter().skip(self.cursor);
        let left = left.filter(|step| step.place != *failed);
        let skipped: Vec<_> =
            left.filter_map(|step| Some((step.place.clone(), step.action.described()?))).collect();
        if !skipped.is_empty() {
            host.skipped(skipped);
        }
        self.stop();
    }

    /// A failure after which the rest of the story makes no sense.
    fn abort(&mut self, place: &Place, message: impl Display, host: &mut dyn StoryHost) {
        self.fail(place, message, host);
        self.stop_after(place, host);
    }
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}
