//! A running story: a state machine. Its inputs are time, requests and delivery results; callbacks and verdicts go to the
//! [`StoryHost`].

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

pub use self::progress::{At, Failed, Phase, Progress};
use self::scope::{Resendable, Then};
use self::strand::{State, Strand};
use self::watch::Watch;
use self::why::Missed;
use super::arrivals::Arrivals;
use super::host::StoryHost;
use super::story::{Action, Story, Trigger};

use crate::delivery::CallbackId;
use crate::faults::{Belongs, CallbackFault, Fault, Faults, InForce};
use crate::files::Place;
use crate::language::template::{self, Helpers, OwnHelpers};
use crate::seed::Seed;
use crate::simulator::ConversationKey;
use crate::time::later;

/// Maximum number of events that are kept for an `await`; the oldest are forgotten.
const MAILBOX: usize = 1_000;

/// Maximum number of callbacks that reactions send at one moment of a story: reactions that trigger each other without a delay
/// would never end.
const MOST_AT_ONCE: u32 = 10_000;

/// Maximum number of steps that a story takes before other stories are advanced: a story that repeats instant steps must not
/// hold up everything else.
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
    /// The positions of the story: the first strand is the story's own.
    strands: Vec<Strand>,
    /// Events that were not awaited yet, oldest first.
    mailbox: VecDeque<Occurrence>,
    /// The active `never` steps.
    watches: Vec<Watch>,
    /// The callbacks that are sent again later, by the names they were saved under.
    resendable: BTreeMap<String, Resendable>,
    /// How often each reaction happened.
    fired: Vec<u32>,
    /// The callbacks of reactions that are not due yet.
    scheduled: BTreeMap<(Timestamp, u64), Scheduled>,
    scheduled_so_far: u64,
    /// Whether a due callback of a reaction waits for room.
    is_held_up: bool,
    /// Number of further steps that it may take at once.
    breath: u32,
    /// The moment of the latest callback of a reaction, and the number of callbacks sent at that moment.
    burst: (Timestamp, u32),
    /// Callbacks being delivered that the story does not wait for. (Most stories have one at a time, and a node of the map has
    /// room for eleven.)
    outstanding: BTreeMap<CallbackId, Box<Outstanding>>,
    /// The story's own URL, as last filled in, for callbacks that the simulator sends by itself.
    callback_url: Option<String>,
    /// The faults of requests while the story lives.
    faults: Faults,
    failures: u32,
    /// The first failures.
    failed: Vec<Failed>,
    /// Whether it was started by hand in a running mock.
    is_by_hand: bool,
    /// Whether it stops at the first failure.
    fails_fast: bool,
    /// When it begins.
    begins: Timestamp,
    /// The results of its callbacks, for a step that waits for one in vain.
    callbacks: Arrivals,
    /// What it awaited in vain, and what may arrive late.
    missed: Vec<Missed>,
    /// Whether it was ended early, and how many steps were left then.
    stopped: bool,
    left_out: usize,
    /// The steps at which it was ended early.
    stood_at: Vec<At>,
    /// Whether it was stopped on request, so that it neither passed nor failed.
    is_called_off: bool,
    has_ended: bool,
}

/// A conversation for which the story has a name.
#[derive(Clone, Copy, Debug)]
struct Held {
    key: ConversationKey,
    /// Whether it was begun outside the story: then the name stands for no other.
    is_bound: bool,
}

#[derive(Clone, Debug)]
struct Occurrence {
    trigger: Trigger,
    /// The conversation that it belongs to, if it names one.
    conversation: Option<ConversationKey>,
    /// The conversation that it began, or that its response names.
    begun: Option<ConversationKey>,
    fields: Arc<Value>,
    saved: Arc<Value>,
    /// Its number among the arrivals.
    arrival: u64,
    /// The step that takes it later, if it was answered for that step.
    kept_for: Option<usize>,
}

impl Occurrence {
    /// Returns it as templates see it: the name, and the value.
    fn cause(&self, story: &Story) -> (&'static str, Scope) {
        cause(&self.trigger, &self.saved, story)
    }
}

/// Returns an event as the templates of a story see it. The value is empty if no template reads it.
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
    /// The scope of templates at the moment when it was caused.
    then: Arc<Then>,
    /// The request or callback that it reacts to, with its name in templates.
    cause: (&'static str, Scope),
}

#[derive(Clone, Debug)]
struct Outstanding {
    place: Place,
    /// The step whose expectation applies. Callbacks of reactions and of the simulator itself only have to be delivered.
    step: Option<usize>,
    /// The round of the step's repetition.
    loop_index: u32,
    save: Option<String>,
    body: Value,
}

impl StoryRun {
    /// Creates a story that begins at `start`. `number` counts the stories of a run, `instance` those of one scenario, from 1.
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
            stood_at: Vec::new(),
            is_called_off: false,
            has_ended: false,
        }
    }

    /// Sets a variable from outside (`--set`), which takes precedence over the file's own.
    pub fn preset(&mut self, name: &str, value: &Value) {
        // A variable that no template reads needs a value, but no content.
        let is_read = self.story.templates.reads(name);
        self.values.insert(name.to_owned(), if is_read { template::value(value) } else { Scope::UNDEFINED });
    }

    /// Stops at the first failure from now on, unless its file says that it goes on.
    pub fn fail_fast(&mut self) {
        self.fails_fast = !self.story.keep_going;
    }

    /// Returns the displayed name, with the number of the instance if there are several.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Returns the story's own URL for callbacks, as last filled in.
    pub fn callback_url(&self) -> Option<String> {
        self.callback_url.clone()
    }

    /// Returns the story of this run.
    pub fn story(&self) -> &Arc<Story> {
        &self.story
    }

    /// Whether it is the first of its copies.
    pub fn is_first_copy(&self) -> bool {
        self.instance == 1
    }

    /// Returns when it begins.
    pub fn begins(&self) -> Timestamp {
        self.begins
    }

    /// Marks it as started by hand: once over, it takes no unattributed events.
    pub fn begin_by_hand(&mut self) {
        self.is_by_hand = true;
    }

    /// Whether unattributed events may be attributed to this story when it is the only one.
    pub fn may_be_meant(&self) -> bool {
        !(self.is_by_hand && self.is_over())
    }

    /// Returns the same story before its beginning, with a later start.
    #[must_use]
    pub fn fresh(&self, later: SignedDuration) -> Self {
        let begins = self.begins.checked_add(later).unwrap_or(Timestamp::MAX);
        let (story, name) = (Arc::clone(&self.story), Arc::clone(&self.name));
        let fresh = Self::new(story, name, self.number, self.instance, self.seed, begins);
        let (values, fails_fast, is_by_hand) = (self.values.clone(), self.fails_fast, self.is_by_hand);
        Self { values, fails_fast, is_by_hand, ..fresh }
    }

    /// Whether all steps are taken, no callback of the story is being delivered, and the time of every `never` is over.
    pub fn is_over(&self) -> bool {
        self.has_taken_all_steps()
            && self.scheduled.is_empty()
            && self.outstanding.is_empty()
            && self.watches_until().is_none()
    }

    fn has_taken_all_steps(&self) -> bool {
        matches!(self.strands[0].state, State::Finished)
    }

    fn has_begun(&self) -> bool {
        !matches!(self.strands[0].state, State::Before(_))
    }

    /// Whether the story waits for a request from outside, which does not come by the passing of time.
    pub fn awaits_request(&self) -> bool {
        (0..self.strands.len())
            .any(|at| self.awaiting(at).is_some_and(|(_, wait)| matches!(wait.trigger, Trigger::Request(_))))
    }

    /// Whether it has faults for requests.
    pub fn has_faults(&self) -> bool {
        !self.faults.is_empty()
    }

    /// Returns its faults of requests and of callbacks, with how often each has hit.
    pub fn faults_in_force(&self) -> impl Iterator<Item = InForce<'_>> {
        self.faults.in_force()
    }

    /// Returns the story's fault for a request.
    pub fn fault(&mut self, id: &str, fields: &Value, belongs: &Belongs<'_>) -> Option<Fault> {
        let lives = self.has_begun() && !self.stopped;
        lives.then(|| self.faults.next(id, fields, belongs)).flatten()
    }

    /// Returns the story's faults for a callback that the simulated vendor sends because of it.
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

    /// Whether callbacks that the simulated vendor sends after its end still depend on it: on its URL, its policy or its
    /// faults.
    pub fn shapes_callbacks(&self) -> bool {
        self.callback_url.is_some() || self.story.own_policy().is_some() || self.has_faults()
    }

    /// Whether the story has a step or a reaction for a request.
    pub fn looks_for_request(&self, id: &str) -> bool {
        self.story.requests().any(|request| **request == *id)
    }

    /// Whether anything in the story except its conditions reads the data of a request.
    pub fn reads_requests(&self) -> bool {
        self.story.reads_requests()
    }

    /// Returns when the passing of time alone advances the story.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        let own = self.strands.iter().filter_map(Strand::next_wakeup).min();
        let scheduled = self.scheduled.keys().next().map(|(at, _)| *at).filter(|_| !self.is_held_up);
        let watching = self.watches_until().filter(|_| self.has_taken_all_steps());
        // A story that a request has ended still has to report its end.
        let is_due = !self.has_ended && (self.is_out_of_breath() || self.is_over());
        let at_once = is_due.then_some(Timestamp::MIN);
        [own, scheduled, watching, self.limit(), at_once].into_iter().flatten().min()
    }

    /// Whether it only paused to let other stories advance.
    pub fn is_out_of_breath(&self) -> bool {
        self.breath == 0
    }

    /// Whether one of its callbacks waits until there is room.
    pub fn waits_for_room(&self) -> bool {
        self.is_held_up || self.strands.iter().any(|strand| matches!(strand.state, State::ForRoom))
    }

    /// Ends the story where it is: no further steps, no further reactions.
    pub fn stop(&mut self) {
        if !self.stopped {
            self.left_out = self.steps_left().len();
            self.stood_at = self.stands_at();
        }
        self.stopped = true;
        self.strands.iter_mut().for_each(|strand| strand.state = State::Finished);
        self.scheduled.clear();
        self.watches.clear();
        self.is_held_up = false;
    }

    /// Stops the story on request: it counts as neither passed nor failed.
    pub fn call_off(&mut self) {
        self.is_called_off = !self.is_over();
        self.stop();
    }

    /// Advances as far as possible at this moment, but by a limited number of steps: then it is still due.
    pub fn advance(&mut self, host: &mut dyn StoryHost) {
        let now = host.now();
        self.helpers.set_now(now);
        if self.limit().is_some_and(|limit| limit <= now) {
            self.ran_out_of_time(host);
        }
        self.end_watches(now);
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
            self.send_scheduled(scheduled, host);
        }
        // One strand may let another advance.
        while (0..self.strands.len()).any(|at| self.advance_strand(at, host)) {}
        if self.is_over() && !self.has_ended {
            self.has_ended = true;
            if !self.is_called_off {
                host.story_finished(self.failures == 0);
            }
            self.forget();
        }
    }

    /// Advances a strand as far as possible at this moment. Returns whether it moved.
    fn advance_strand(&mut self, at: usize, host: &mut dyn StoryHost) -> bool {
        let now = host.now();
        let mut moved = false;
        // A step may end the story.
        while let Some(strand) = self.strands.get(at).filter(|_| self.breath > 0) {
            self.breath -= 1;
            match &strand.state {
                State::Before(start) if *start <= now => {
                    host.story_started();
                    self.strands[at].state = State::Ready;
                    self.set_initial_values(host);
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
                State::Ready | State::ForRoom => self.take_step(at, host),
                State::Awaiting { deadline, .. } if *deadline <= now => self.await_ran_out(at, host),
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

    /// Whether the current step of a strand sends a callback.
    fn sends(&self, at: usize) -> bool {
        let step = self.current(at).filter(|_| !self.strands[at].is_through());
        step.is_some_and(|step| matches!(step.action, Action::Send { .. } | Action::Resend { .. }))
    }

    /// Frees the data of a story that is over and only counted: a load runs many thousands of them.
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
