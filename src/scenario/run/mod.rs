//! A running story: a state machine. Time, calls and delivery results go in; callbacks and verdicts come out through
//! the [`StoryHost`].

mod awaiting;
mod early;
mod events;
mod failing;
mod progress;
mod scope;
mod steps;
mod strand;
#[cfg(test)]
mod tests;
mod watch;
mod why;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use minijinja::Value as Scope;
use serde_json::Value;

pub use self::progress::{Failed, Phase, Progress};
use self::scope::{Resendable, Then};
use self::strand::{State, Strand};
use self::watch::Watch;
use self::why::Missed;
use super::arrivals::Arrivals;
use super::host::StoryHost;
use super::story::{Action, Story, Trigger};

use crate::delivery::CallbackId;
use crate::faults::{Belongs, CallbackFault, Fault, Faults};
use crate::files::Place;
use crate::language::template::{self, Helpers, OwnHelpers};
use crate::seed::Seed;
use crate::simulator::ConversationKey;
use crate::time::later;

/// How many things that happened wait for an `await` at most; the oldest are forgotten.
const MAILBOX: usize = 1_000;

/// How many callbacks of reactions go out at one moment of a story at most: reactions that set each other off without
/// any time in between would never end.
const MOST_AT_ONCE: u32 = 10_000;

/// So many steps a story takes before others have their turn: one that repeats what takes no time must not keep everything
/// else waiting.
const BREATH: u32 = 100;

/// A running story.
#[derive(Clone, Debug)]
pub struct StoryRun {
    story: Arc<Story>,
    name: Arc<str>,
    number: u32,
    instance: u32,
    seed: Seed,
    helpers: OwnHelpers,
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
    /// Whether a callback of a reaction that is due waits for room.
    is_held_up: bool,
    /// How many further steps it may take at once.
    breath: u32,
    /// The moment of the latest callback of a reaction, and how many went out at it.
    burst: (Timestamp, u32),
    /// Callbacks under way that the story does not wait for. (Most stories have one at a time, and a map makes room for eleven.)
    outstanding: BTreeMap<CallbackId, Box<Outstanding>>,
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

#[derive(Clone, Debug)]
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

#[derive(Clone, Debug)]
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

#[derive(Clone, Debug)]
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
            helpers: helpers.into(),
            values: BTreeMap::new(),
            conversations: BTreeMap::new(),
            strands: vec![first],
            mailbox: VecDeque::new(),
            watches: Vec::new(),
            resendable: BTreeMap::new(),
            fired,
            scheduled: BTreeMap::new(),
            scheduled_so_far: 0,
            is_held_up: false,
            breath: BREATH,
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
    pub fn fault(&mut self, id: &str, fields: &Value, belongs: &Belongs<'_>) -> Option<Fault> {
        let lives = self.has_begun() && !self.stopped;
        lives.then(|| self.faults.next(id, fields, belongs)).flatten()
    }

    /// What goes wrong with a callback that the simulated vendor sends because of the story.
    pub fn callback_faults(
        &mut self,
        event: &str,
        body: &Value,
        belongs: &Belongs<'_>,
    ) -> Vec<Arc<CallbackFault>> {
        let mut found = Vec::new();
        if self.faults.has_callback_faults() && self.has_begun() && !self.stopped {
            self.faults.next_of_callback(event, body, belongs, &mut found);
        }
        found
    }

    /// Whether callbacks of the simulated vendor that come once it is over still depend on it: on its URL, its policy or its
    /// faults.
    pub fn shapes_callbacks(&self) -> bool {
        self.callback_url.is_some() || self.story.own_policy().is_some() || self.has_faults()
    }

    /// Whether the story has a step or a reaction for a call.
    pub fn looks_for_call(&self, id: &str) -> bool {
        self.story.looks_for(&Trigger::Call(id.into()))
    }

    /// Whether anything of the story reads what came with a call, but for its conditions.
    pub fn reads_calls(&self) -> bool {
        self.story.reads_calls()
    }

    /// When time alone moves the story on.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        let own = self.strands.iter().filter_map(Strand::next_wakeup).min();
        let scheduled = self.scheduled.keys().next().map(|(at, _)| *at).filter(|_| !self.is_held_up);
        let at_once = (self.is_out_of_breath() && !self.has_ended).then_some(Timestamp::MIN);
        [own, scheduled, self.limit(), at_once].into_iter().flatten().min()
    }

    /// Whether it stopped only to let others go on.
    pub fn is_out_of_breath(&self) -> bool {
        self.breath == 0
    }

    /// Whether a callback of it waits until there is room.
    pub fn waits_for_room(&self) -> bool {
        self.is_held_up || self.strands.iter().any(|strand| matches!(strand.state, State::ForRoom))
    }

    /// Ends the story where it is: no further steps, no further reactions.
    pub fn stop(&mut self) {
        if !self.stopped {
            self.left_out = self.steps_left().len();
        }
        self.stopped = true;
        self.strands.iter_mut().for_each(|strand| strand.state = State::Finished);
        self.scheduled.clear();
        self.is_held_up = false;
    }

    /// The same because somebody wants it so: it has neither passed nor failed.
    pub fn call_off(&mut self) {
        self.is_called_off = !self.is_over();
        self.stop();
    }

    /// Moves on as far as possible at this moment, but for no more than so many steps: then it is still due.
    pub fn advance(&mut self, now: Timestamp, host: &mut dyn StoryHost) {
        self.helpers.set_now(now);
        if self.limit().is_some_and(|limit| limit <= now) {
            self.ran_out_of_time(host);
        }
        self.is_held_up = false;
        self.breath = BREATH;
        while let Some(entry) = self.scheduled.first_entry() {
            if entry.key().0 > now {
                break;
            }
            if !host.has_room() {
                self.is_held_up = true;
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
        while let Some(strand) = self.strands.get(at).filter(|_| self.breath > 0) {
            self.breath -= 1;
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
                State::Ready | State::ForRoom if self.sends(at) && !host.has_room() => {
                    self.strands[at].state = State::ForRoom;
                    break;
                }
                State::Ready | State::ForRoom => self.take_step(at, now, host),
                State::Awaiting { deadline, .. } if *deadline <= now => self.await_ran_out(at, now, host),
                State::Joining if self.has_joined(at) => self.next(at, now),
                _ => {
                    self.breath += 1;
                    break;
                }
            }
            moved = true;
        }
        moved
    }

    /// Whether the step of a strand sends a callback.
    fn sends(&self, at: usize) -> bool {
        let step = self.current(at).filter(|_| !self.strands[at].is_through());
        step.is_some_and(|step| matches!(step.action, Action::Send { .. } | Action::Resend { .. }))
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
}
