//! A running story: a state machine. Time, calls and delivery results go in; callbacks and verdicts come out through
//! the [`StoryHost`].

mod early;
mod events;
mod progress;
mod scope;
mod strand;
#[cfg(test)]
mod tests;
mod watch;
mod why;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use minijinja::Value as Scope;
use serde_json::Value;

pub use self::progress::{Failed, Phase, Progress};
use self::scope::{Moment, Resendable, StoryError, Then, fill};
use self::strand::{State, Strand};
use self::watch::Watch;
use self::why::Missed;
use super::arrivals::Arrivals;
use super::expect::listed;
use super::failure::FailureKind;
use super::host::StoryHost;
use super::story::{Action, Await, MAIN_CONVERSATION, Step, Story, Trigger};

use crate::delivery::CallbackId;
use crate::faults::{CallbackFault, Fault, Faults};
use crate::files::Place;
use crate::language::template::{self, Helpers};
use crate::seed::Seed;
use crate::simulator::ConversationKey;
use crate::time::HumanDuration;

/// How many things that happened wait for an `await` at most; the oldest are forgotten.
const MAILBOX: usize = 1_000;

/// How many callbacks of reactions go out at one moment of a story at most: reactions that set each other off without
/// any time in between would never end.
const MOST_AT_ONCE: u32 = 10_000;

/// So many failures are remembered of a story; all are in the journal.
const MOST_FAILED: usize = 20;

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
    conversations: BTreeMap<String, Held>,
    /// Where it is: the first strand is the story's own.
    strands: Vec<Strand>,
    /// Things that happened and were not awaited yet, oldest first.
    mailbox: VecDeque<Occurrence>,
    /// What must not come now.
    watches: Vec<Watch>,
    /// Callbacks that are sent again later, by the names they were saved under.
    resendable: BTreeMap<String, Resendable>,
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
    /// The first of them.
    failed: Vec<Failed>,
    /// Whether it was begun in a mock that runs.
    is_by_hand: bool,
    /// Whether it stops at the first of them.
    fails_fast: bool,
    /// When it begins.
    begins: Timestamp,
    /// What its callbacks came to, for a step that waits for one in vain.
    callbacks: Arrivals,
    /// What it waited for in vain: it may come after its time.
    missed: Vec<Missed>,
    /// Whether it was ended before its time, and how many steps were left then.
    stopped: bool,
    left_out: usize,
    /// Whether somebody ended it, so that it has neither passed nor failed.
    is_called_off: bool,
    has_ended: bool,
}

/// A conversation that the story has a name for.
#[derive(Clone, Copy, Debug)]
struct Held {
    key: ConversationKey,
    /// Whether somebody else began it: then the name stands for no other.
    is_bound: bool,
}

#[derive(Debug)]
struct Occurrence {
    trigger: Trigger,
    /// The conversation it belongs to, if it names one.
    conversation: Option<ConversationKey>,
    /// The conversation it began, or that its answer names.
    begun: Option<ConversationKey>,
    fields: Arc<Value>,
    saved: Arc<Value>,
    /// Its number among what came.
    arrival: u64,
    /// The step that takes it later, if it was answered for it.
    kept_for: Option<usize>,
}

impl Occurrence {
    /// It as templates see it: the name, and what it holds.
    fn cause(&self, story: &Story) -> (&'static str, Scope) {
        cause(&self.trigger, &self.saved, story)
    }
}

/// What came as the templates of a story see it. If none looks at it there is nothing to see.
fn cause(trigger: &Trigger, saved: &Value, story: &Story) -> (&'static str, Scope) {
    let name = trigger.variable();
    let is_read = story.templates.reads(name);
    (name, if is_read { template::value(saved) } else { Scope::UNDEFINED })
}

#[derive(Debug)]
struct Scheduled {
    reaction: usize,
    send: usize,
    conversation: String,
    /// The conversation itself, if the story has no name for it.
    unnamed: Option<ConversationKey>,
    loop_index: u32,
    /// What templates saw at the moment when it was caused.
    then: Arc<Then>,
    /// The call or callback it reacts to, by the name templates see it under.
    cause: (&'static str, Scope),
}

#[derive(Debug)]
struct Outstanding {
    place: Place,
    /// The step whose expectation counts; reactions and the simulator's own callbacks just have to be delivered.
    step: Option<usize>,
    /// The repeat it belongs to.
    loop_index: u32,
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
        let first = Strand::first(story.steps.len(), start);
        Self {
            story,
            name,
            number,
            instance,
            seed,
            helpers: Arc::new(helpers),
            values: BTreeMap::new(),
            conversations: BTreeMap::new(),
            strands: vec![first],
            mailbox: VecDeque::new(),
            watches: Vec::new(),
            resendable: BTreeMap::new(),
            fired,
            scheduled: BTreeMap::new(),
            scheduled_so_far: 0,
            burst: (start, 0),
            outstanding: BTreeMap::new(),
            callback_url: None,
            faults,
            failures: 0,
            failed: Vec::new(),
            is_by_hand: false,
            fails_fast: false,
            begins: start,
            callbacks: Arrivals::default(),
            missed: Vec::new(),
            stopped: false,
            left_out: 0,
            is_called_off: false,
            has_ended: false,
        }
    }

    /// Sets a variable from outside (`--set`); it wins over the file's own.
    pub fn preset(&mut self, name: &str, value: &Value) {
        // What nobody reads has a value, but not to look at.
        let is_read = self.story.templates.reads(name);
        self.values.insert(name.to_owned(), if is_read { template::value(value) } else { Scope::UNDEFINED });
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

    /// Whether it is the first of its copies.
    pub fn is_first_copy(&self) -> bool {
        self.instance == 1
    }

    /// When it begins.
    pub fn begins(&self) -> Timestamp {
        self.begins
    }

    /// Takes note of a failure that somebody else has reported.
    pub fn count_failure(&mut self, kind: FailureKind, message: &str) {
        self.note_failure(Arc::clone(&self.name), kind, message);
    }

    fn note_failure(&mut self, place: Arc<str>, kind: FailureKind, message: &str) {
        self.failures += 1;
        if self.failed.len() < MOST_FAILED {
            self.failed.push(Failed {
                place: place.to_string(),
                kind: kind.as_str(),
                message: message.to_owned(),
            });
        }
    }

    /// It is begun in a mock that runs: once it is over, what comes is none of its business.
    pub fn begin_by_hand(&mut self) {
        self.is_by_hand = true;
    }

    /// Whether anything that nobody else is meant by belongs to it, if it is the only one.
    pub fn may_be_meant(&self) -> bool {
        !(self.is_by_hand && self.is_over())
    }

    /// The same story before its beginning, so much later.
    #[must_use]
    pub fn fresh(&self, later: SignedDuration) -> Self {
        let begins = self.begins.checked_add(later).unwrap_or(Timestamp::MAX);
        let (story, name) = (Arc::clone(&self.story), Arc::clone(&self.name));
        let fresh = Self::new(story, name, self.number, self.instance, self.seed, begins);
        let (values, fails_fast, is_by_hand) = (self.values.clone(), self.fails_fast, self.is_by_hand);
        Self { values, fails_fast, is_by_hand, ..fresh }
    }

    /// Whether all steps are taken and nothing of the story is under way.
    pub fn is_over(&self) -> bool {
        self.has_taken_all_steps() && self.scheduled.is_empty() && self.outstanding.is_empty()
    }

    fn has_taken_all_steps(&self) -> bool {
        matches!(self.strands[0].state, State::Finished)
    }

    fn has_begun(&self) -> bool {
        !matches!(self.strands[0].state, State::Before(_))
    }

    /// Whether the story waits for a call from outside, which time alone does not bring.
    pub fn awaits_call(&self) -> bool {
        (0..self.strands.len())
            .any(|at| self.awaiting(at).is_some_and(|(_, wait)| matches!(wait.trigger, Trigger::Call(_))))
    }

    /// Whether it lets calls go wrong.
    pub fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    /// What goes wrong with a call, as the story wants it.
    pub fn fault(&mut self, id: &str, fields: &Value) -> Option<Fault> {
        let lives = self.has_begun() && !self.stopped;
        lives.then(|| self.faults.next(id, fields)).flatten()
    }

    /// What goes wrong with a callback that the simulated vendor sends because of the story.
    pub fn callback_faults(&mut self, event: &str, body: &Value) -> Vec<Arc<CallbackFault>> {
        let mut found = Vec::new();
        if self.faults.has_callback_faults() && self.has_begun() && !self.stopped {
            self.faults.next_of_callback(event, body, &mut found);
        }
        found
    }

    /// Whether the story has a step or a reaction for a call.
    pub fn looks_for_call(&self, id: &str) -> bool {
        self.story.looks_for(&Trigger::Call(id.into()))
    }

    /// When time alone moves the story on.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        let own = self.strands.iter().filter_map(Strand::next_wakeup).min();
        let scheduled = self.scheduled.keys().next().map(|(at, _)| *at);
        [own, scheduled, self.limit()].into_iter().flatten().min()
    }

    /// Ends the story where it is: no further steps, no further reactions.
    pub fn stop(&mut self) {
        if !self.stopped {
            self.left_out = self.steps_left().len();
        }
        self.stopped = true;
        self.strands.iter_mut().for_each(|strand| strand.state = State::Finished);
        self.scheduled.clear();
    }

    /// The same because somebody wants it so: it has neither passed nor failed.
    pub fn call_off(&mut self) {
        self.is_called_off = !self.is_over();
        self.stop();
    }

    /// Moves on as far as possible at this moment.
    pub fn advance(&mut self, now: Timestamp, host: &mut dyn StoryHost) {
        self.helpers.set_now(now);
        if self.limit().is_some_and(|limit| limit <= now) {
            self.ran_out_of_time(host);
        }
        while let Some(entry) = self.scheduled.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let scheduled = entry.remove();
            self.send_scheduled(scheduled, now, host);
        }
        // One strand may set another in motion.
        while (0..self.strands.len()).any(|at| self.advance_strand(at, now, host)) {}
        if self.is_over() && !self.has_ended {
            self.has_ended = true;
            if !self.is_called_off {
                host.story_finished(self.failures == 0);
            }
            self.forget();
        }
    }

    /// Moves a strand on as far as possible at this moment. Whether it moved.
    fn advance_strand(&mut self, at: usize, now: Timestamp, host: &mut dyn StoryHost) -> bool {
        let mut moved = false;
        // The story may be ended on the way.
        while let Some(strand) = self.strands.get(at) {
            match &strand.state {
                State::Before(start) if *start <= now => {
                    host.story_started();
                    self.strands[at].state = State::Ready;
                    self.set_initial_values(now, host);
                }
                State::Pausing { until, then_next } if *until <= now => {
                    if *then_next {
                        self.next(at, now);
                    } else {
                        self.strands[at].state = State::Ready;
                    }
                }
                State::Ready => self.take_step(at, now, host),
                State::Awaiting { deadline, .. } if *deadline <= now => self.await_ran_out(at, now, host),
                State::Joining if self.has_joined(at) => self.next(at, now),
                _ => break,
            }
            moved = true;
        }
        moved
    }

    /// A story that is over is only counted: a load runs many thousands of them.
    fn forget(&mut self) {
        self.values.clear();
        self.conversations.clear();
        self.mailbox = VecDeque::new();
        self.watches = Vec::new();
        self.resendable.clear();
        self.callbacks = Arrivals::default();
        self.scheduled.clear();
        self.outstanding.clear();
    }

    /// The step and what it awaits, if a strand awaits something.
    fn awaiting(&self, at: usize) -> Option<(&Step, &Await)> {
        let step = self.current(at).filter(|_| matches!(self.strands[at].state, State::Awaiting { .. }))?;
        match &step.action {
            Action::Await(wait) => Some((step, wait)),
            _ => None,
        }
    }

    fn set_initial_values(&mut self, now: Timestamp, host: &mut dyn StoryHost) {
        let story = Arc::clone(&self.story);
        for (name, value) in &story.vars {
            if self.values.contains_key(name) {
                continue;
            }
            let scope = self.scope(&mut Moment::of_step(now, MAIN_CONVERSATION, 1, host));
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

    fn take_step(&mut self, at: usize, now: Timestamp, host: &mut dyn StoryHost) {
        let story = Arc::clone(&self.story);
        let Some(step) = story.steps.get(self.strands[at].cursor).filter(|_| !self.strands[at].is_through())
        else {
            self.strands[at].state = State::Finished;
            // What the story itself watches out for ends with its last callback.
            self.watches.retain(|watch| at == 0 || watch.strand != at);
            return;
        };
        let loop_index = self.loop_index(at);
        if let Some(when) = &step.when {
            match self.is_true(when, &mut Moment::of_step(now, &step.conversation, loop_index, host)) {
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
                let mut moment = Moment::of_step(now, &step.conversation, loop_index, host);
                if let Err(error) = self.set(entries, &mut moment) {
                    return self.abort(&step.place, error.kind(), error, host);
                }
                self.next(at, now);
            }
            Action::Check(condition) => {
                let mut moment = Moment::of_step(now, &step.conversation, loop_index, host);
                match self.unchecked(condition, &mut moment) {
                    Ok(wrong) => {
                        if let Some(wrong) = listed("the check failed", &wrong) {
                            self.fail(&step.place, FailureKind::Check, wrong, host);
                        }
                        self.next(at, now);
                    }
                    Err(error) => self.abort(&step.place, error.kind(), error, host),
                }
            }
            Action::Never(never) => {
                let until = later(now, never.within);
                let Strand { cursor, blocks, .. } = &self.strands[at];
                let watch = Watch { step: *cursor, strand: at, depth: blocks.len(), until, loop_index };
                self.watches.retain(|other| other.step != watch.step || other.strand != at);
                self.watches.push(watch);
                self.next(at, now);
            }
            Action::Resend { name, wait, save, .. } => {
                let sent = match self.resendable.get(name) {
                    Some(kept) => {
                        host.send(kept.sending()).map(|id| (id, kept.value.clone())).map_err(StoryError::Send)
                    }
                    None => Err(StoryError::NotSent(name.clone())),
                };
                self.sent(at, sent, save.clone(), *wait, now, host);
            }
            Action::Group { parallel, .. } => self.enter(at, *parallel),
            Action::Send { callback, wait, expect, .. } => {
                let mut moment = Moment::of_step(now, &step.conversation, loop_index, host);
                let sent = self.render_and_send(callback, expect.needs_scope(), &mut moment);
                self.sent(at, sent, callback.save.clone(), *wait, now, host);
            }
            Action::Await(wait) => {
                self.strands[at].state =
                    State::Awaiting { deadline: later(now, wait.within), taken: Vec::new() };
                // What came before the step counts, unless an earlier step took it.
                for _ in 0..wait.times {
                    let took =
                        (0..self.mailbox.len()).any(|index| self.take_if_awaited(at, index, now, host));
                    if !took {
                        break;
                    }
                }
                if let (Trigger::Call(id), true) = (&wait.trigger, self.awaiting(at).is_some()) {
                    host.waiting(id, wait.within);
                }
            }
        }
    }

    /// The callback of a step is on its way, or can't be sent.
    fn sent(
        &mut self,
        at: usize,
        sent: Result<(CallbackId, Value), StoryError>,
        save: Option<String>,
        wait: bool,
        now: Timestamp,
        host: &mut dyn StoryHost,
    ) {
        let (cursor, loop_index) = (self.strands[at].cursor, self.loop_index(at));
        let Some(place) = self.current(at).map(|step| step.place.clone()) else { return };
        match sent {
            Ok((id, body)) => {
                self.outstanding
                    .insert(id, Outstanding { place, step: Some(cursor), loop_index, save, body });
                if wait {
                    self.strands[at].state = State::Delivering(id);
                } else {
                    self.next(at, now);
                }
            }
            Err(error) => self.abort(&place, error.kind(), error, host),
        }
    }

    fn await_ran_out(&mut self, at: usize, now: Timestamp, host: &mut dyn StoryHost) {
        let story = Arc::clone(&self.story);
        let Some(Step { place, action: Action::Await(wait), .. }) = story.steps.get(self.strands[at].cursor)
        else {
            return self.next(at, now);
        };
        if !wait.optional {
            let (kind, id) = match &wait.trigger {
                Trigger::Call(id) => ("call", id),
                Trigger::Callback(id) => ("callback", id),
            };
            let within = HumanDuration(wait.within);
            let taken = match &self.strands[at].state {
                State::Awaiting { taken, .. } => taken.len(),
                _ => 0,
            };
            let why = self.near_miss(at, now, host);
            let times = match wait.times {
                1 => String::new(),
                times => format!(" {times} times, of which {taken} came,"),
            };
            let message = format!("expected the {kind} `{id}`{times} within {within}, {why}");
            self.fail(place, why.kind(), message, host);
        }
        self.next(at, now);
    }

    /// The first strand that awaits the thing in the mailbox at `index`.
    fn strand_for(&mut self, index: usize, now: Timestamp, host: &mut dyn StoryHost) -> Option<usize> {
        (0..self.strands.len()).find(|at| self.is_awaited(*at, index, now, host))
    }

    /// Whether the thing in the mailbox at `index` is what a strand awaits. A condition that can't be filled in ends the
    /// story.
    fn is_awaited(&mut self, at: usize, index: usize, now: Timestamp, host: &mut dyn StoryHost) -> bool {
        let story = Arc::clone(&self.story);
        // The story may have been ended by another strand.
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
        let mut moment =
            Moment { cause: Some(&cause), ..Moment::of_step(now, conversation, loop_index, host) };
        match self.matches(&wait.condition, &fields, &mut moment) {
            Ok(matches) => matches,
            Err(error) => {
                self.abort(place, error.kind(), error, host);
                false
            }
        }
    }

    /// Ends the wait of a strand if the thing in the mailbox at `index` is what it awaits.
    fn take_if_awaited(&mut self, at: usize, index: usize, now: Timestamp, host: &mut dyn StoryHost) -> bool {
        let is_awaited = self.is_awaited(at, index, now, host);
        if is_awaited {
            let kept_for = self.mailbox.get(index).and_then(|came| came.kept_for);
            self.regret_answer(at, kept_for, host);
            self.take(at, index, now, host);
        }
        is_awaited
    }

    /// A strand takes the thing in the mailbox at `index`, which it awaits.
    fn take(&mut self, at: usize, index: usize, now: Timestamp, host: &mut dyn StoryHost) {
        let story = Arc::clone(&self.story);
        if let Some(occurrence) = self.mailbox.remove(index)
            && let Some(Step { place, conversation, action: Action::Await(wait), .. }) =
                story.steps.get(self.strands[at].cursor)
        {
            self.bind(conversation, occurrence.conversation.or(occurrence.begun), host);
            let arrivals = match occurrence.trigger {
                Trigger::Call(_) => host.arrivals(),
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
        self.next(at, now);
    }

    fn fail(&mut self, place: &Place, kind: FailureKind, message: impl Display, host: &mut dyn StoryHost) {
        let message = message.to_string();
        self.note_failure(place.to_string().into(), kind, &message);
        host.failed(place, kind, &message);
        if self.fails_fast {
            self.stop_after(place, host);
        }
    }

    /// When it has to be over, as long as it is not.
    fn limit(&self) -> Option<Timestamp> {
        let is_running = self.has_begun() && !self.stopped && !self.has_ended;
        self.story.within.filter(|_| is_running).map(|within| later(self.begins, within))
    }

    /// The time of the whole story is over before it is.
    fn ran_out_of_time(&mut self, host: &mut dyn StoryHost) {
        let Some(within) = self.story.within.map(HumanDuration) else { return };
        let whole = Place { file: Arc::clone(&self.story.file), line: 1 };
        let place = self.current(0).map_or(whole, |step| step.place.clone());
        let message = format!("the story has not ended within {within}, which is all it has");
        self.abort(&place, FailureKind::TimeLimit, message, host);
    }

    /// Stops because of what failed at this place: the steps that are left are skipped.
    fn stop_after(&mut self, failed: &Place, host: &mut dyn StoryHost) {
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

    /// A failure after which the rest of the story makes no sense.
    fn abort(&mut self, place: &Place, kind: FailureKind, message: impl Display, host: &mut dyn StoryHost) {
        self.fail(place, kind, message, host);
        self.stop_after(place, host);
    }
}

fn later(now: Timestamp, wait: Duration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}
