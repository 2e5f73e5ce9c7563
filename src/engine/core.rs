//! The engine: simulator, stories and outbox under one clock.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use super::correct;
use super::dispatch::{Assumption, Dispatch, NewCallback, Origin};
use super::host::EngineHost;
use super::options::EngineOptions;
use super::outcome::{RequestOutcome, is_refusal, outcome};
use crate::content::Country;
use crate::contract::envelope::CorrectedCodes;
use crate::contract::signature::Signer;
use crate::contract::{Direction, Family, Provenance};
use crate::delivery::{
    Attempt, AttemptOutcome, AttemptResult, CallbackId, End, ErrorClass, Failure, Outbox, QueuedCallback,
    Totals, as_sent,
};
use crate::faults::{self, Fault, FaultName, Faults};
use crate::journal::{Event, Journal};
use crate::scenario::{Arrivals, Body, CallView, DeliveryEnd, FailureKind, SendError, StoryRun};
use crate::seed::Seed;
use crate::simulator::workflow::PushReach;
use crate::simulator::{
    Account, AccountKey, Callback, CallbackBody, ConversationKey, Opening, Request, Simulator,
};

/// From so many unfinished callbacks on the simulated vendor waits with new ones: a slow receiver must not fill the
/// memory.
const MOST_UNFINISHED: u64 = 100_000;

/// Simulator, stories and outbox under one clock.
pub struct Engine {
    pub(super) dispatch: Dispatch,
    pub(super) simulator: Simulator,
    pub(super) codes: CorrectedCodes,
    pub(super) stories: Vec<StoryRun>,
    /// What came from the integrator, if there are stories that may have waited for it.
    pub(super) arrivals: Arrivals,
    /// How many stories have faults of their own.
    faulty_stories: usize,
    /// When time moves each story: `(moment, story)`.
    wakeups: BTreeSet<(Timestamp, usize)>,
    wakeup_of: Vec<Option<Timestamp>>,
    /// How many stories are over.
    pub(super) over: usize,
    /// Those that a call may be for: the others, and those that have waited for one in vain.
    live: BTreeSet<usize>,
    /// How many stories wait for a call from outside.
    awaiting: usize,
    /// How many stories have steps or reactions for calls.
    listening: usize,
    /// How many calls came.
    calls: u64,
    stopped: bool,
    /// How often rows of workflows came.
    uploads: u64,
    seed: Seed,
    /// How many conversations were opened for callbacks sent by hand.
    opened_alone: u64,
    /// Which findings a story has failed for already: `(story, finding)`.
    pub(super) failed_for: BTreeSet<(usize, Option<usize>)>,
    /// The findings that are errors and belong to no story.
    pub(super) errors_alone: BTreeSet<Option<usize>>,
    /// What is done in the present turn.
    deed: String,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("stories", &self.stories.len())
            .field("totals", &self.totals())
            .finish()
    }
}

impl Engine {
    /// An engine without stories.
    pub fn new(options: EngineOptions) -> Self {
        let outbox = Outbox::new(options.max_in_flight, options.seed);
        let simulator = Simulator::new(options.seed, options.behaviour.clone());
        let codes = options.codes.clone();
        let seed = options.seed;
        Self {
            dispatch: Dispatch::new(options, outbox),
            simulator,
            codes,
            stories: Vec::new(),
            arrivals: Arrivals::default(),
            faulty_stories: 0,
            wakeups: BTreeSet::new(),
            wakeup_of: Vec::new(),
            over: 0,
            live: BTreeSet::new(),
            awaiting: 0,
            listening: 0,
            calls: 0,
            stopped: false,
            uploads: 0,
            seed,
            opened_alone: 0,
            failed_for: BTreeSet::new(),
            errors_alone: BTreeSet::new(),
            deed: String::new(),
        }
    }

    /// A turn begins in which nothing is done yet.
    pub(super) fn begin_turn(&mut self) {
        self.deed.clear();
    }

    /// What is done in this turn, for people.
    pub(super) fn deed(&self) -> &str {
        &self.deed
    }

    fn note_deed(&mut self, words: [&str; 2]) {
        self.deed.clear();
        self.deed.extend(words);
    }

    /// Adds a story to run. Its number must be the count of stories added before it.
    pub fn add_story(&mut self, story: StoryRun) {
        let wakeup = story.next_wakeup();
        if let Some(at) = wakeup {
            self.wakeups.insert((at, self.stories.len()));
        }
        self.listening += usize::from(story.story().looks_for_calls());
        self.faulty_stories += usize::from(story.has_faults());
        self.wakeup_of.push(wakeup);
        self.live.insert(self.stories.len());
        self.stories.push(story);
    }

    /// The seed of what belongs to no story.
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// The story that everything belongs to of which nobody knows whose it is: the only one.
    pub(super) fn only_story(&self) -> Option<usize> {
        let mut meant = self.stories.iter().enumerate().filter(|(_, story)| story.may_be_meant());
        let (index, _) = meant.next()?;
        meant.next().is_none().then_some(index)
    }

    /// The stories.
    pub fn stories(&self) -> &[StoryRun] {
        &self.stories
    }

    /// How many stories are over.
    pub fn stories_over(&self) -> usize {
        self.over
    }

    /// The sums of delivery.
    pub fn totals(&self) -> Totals {
        self.dispatch.outbox.totals()
    }

    /// The journal.
    pub fn journal(&mut self) -> &mut Journal {
        &mut self.dispatch.journal
    }

    /// The code that an endpoint is refused with where the mock says this one; what is no endpoint has no id.
    pub fn code(&self, family: Family, id: &str, code: i64) -> i64 {
        self.codes.of(family, id, code)
    }

    /// How often somebody has uploaded rows of a workflow.
    pub fn uploads(&self) -> u64 {
        self.uploads
    }

    /// For how long no rows must have come, in real time, before time jumps to that moment: it is the end of an instance by
    /// itself, and whoever uploads may not be done. Nothing if time may jump there at once.
    pub fn quiet_before(&self, at: Timestamp) -> Option<Duration> {
        let ends = self.simulator.next_wakeup() == Some(at) && self.simulator.ends_workflow();
        ends.then(|| self.simulator.quiet())
    }

    /// A fresh `request_id` for an envelope.
    pub fn request_id(&mut self) -> String {
        self.simulator.request_id()
    }

    /// Callbacks that are on their way.
    pub fn unfinished(&self) -> Vec<(CallbackId, Arc<QueuedCallback>)> {
        self.dispatch.outbox.unfinished()
    }

    /// Ends all stories where they are. Attempts in flight go on; nothing new starts.
    pub fn stop(&mut self) {
        self.stopped = true;
        self.awaiting = 0;
        for story in &mut self.stories {
            story.stop();
        }
        self.wakeups.clear();
    }

    /// Whether every story is over and everything they caused is delivered or has failed.
    pub fn is_over(&self) -> bool {
        if self.stopped {
            return self.totals().in_flight == 0;
        }
        self.over == self.stories.len() && !self.is_busy()
    }

    /// Whether callbacks are under way, or the simulated vendor is at something that comes to an end by itself.
    pub fn is_busy(&self) -> bool {
        self.unfinished_count() > 0 || self.simulator.is_busy()
    }

    fn unfinished_count(&self) -> u64 {
        let totals = self.totals();
        totals.pending + totals.in_flight + totals.waiting
    }

    /// For how many callbacks of the simulated vendor there is room.
    fn room(&self) -> usize {
        usize::try_from(MOST_UNFINISHED.saturating_sub(self.unfinished_count())).unwrap_or(usize::MAX)
    }

    fn is_full(&self) -> bool {
        self.room() == 0
    }

    /// Whether [`Engine::stop`] was called.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Whether a story goes on by itself: all that are not over wait for no call from outside.
    pub fn is_telling(&self) -> bool {
        self.over < self.stories.len() && self.awaiting == 0
    }

    /// Whether a story waits for a call from outside.
    pub fn awaits_call(&self) -> bool {
        self.awaiting > 0
    }

    /// How many calls came so far.
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// Whether an integrator makes calls, or a story cares for them.
    pub fn expects_calls(&self) -> bool {
        self.listening > 0 || self.calls > 0
    }

    /// When [`Engine::advance`] or [`Engine::start`] has something to do next.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        if self.stopped {
            return None;
        }
        let stories = self.wakeups.first().map(|(at, _)| *at);
        let vendor = if self.is_full() { None } else { self.simulator.next_wakeup() };
        [stories, self.dispatch.outbox.next_wakeup(), vendor].into_iter().flatten().min()
    }

    /// The earliest moment up to now at which time alone moves a story or the simulated vendor: whoever advances from one to
    /// the next has everything happen at its own time, however late he is. What can go on at once can do so at any time.
    pub fn due(&self, now: Timestamp) -> Option<Timestamp> {
        if self.stopped {
            return None;
        }
        let later = (Bound::Excluded((Timestamp::MIN, usize::MAX)), Bound::Unbounded);
        let story = self.wakeups.range(later).next().map(|(at, _)| *at);
        let vendor = if self.is_full() { None } else { self.simulator.next_wakeup() };
        let earliest = [story, vendor].into_iter().flatten().min().filter(|at| *at <= now);
        let is_ready = self.wakeups.first().is_some_and(|(at, _)| *at == Timestamp::MIN);
        earliest.or(is_ready.then_some(now))
    }

    /// Does everything that is due: simulator, then stories, until nothing is due at this moment. Of very much, it does
    /// the first part; then [`Engine::next_wakeup`] is still due.
    pub fn advance(&mut self, now: Timestamp) {
        if self.stopped {
            return;
        }
        self.note_deed(["what was due by the mock's clock", ""]);
        loop {
            if !self.is_full() {
                let room = self.room();
                for callback in self.simulator.advance_within(now, room) {
                    self.send_callback(callback, now);
                }
                for note in self.simulator.take_notes() {
                    self.dispatch.journal.write(now, None, Event::Note(note));
                }
                for (story, message) in self.simulator.take_failures() {
                    self.vendor_failed(story, message, now);
                }
                self.take_notes(now);
                let found = self.simulator.take_findings();
                self.report_findings(found, None, now);
                // Whoever drives comes back for the rest, and serves others in between.
                if !self.is_full() && self.simulator.next_wakeup().is_some_and(|at| at <= now) {
                    return;
                }
            }
            let Some((at, index)) = self.wakeups.first().copied() else { break };
            if at > now {
                break;
            }
            self.wakeups.pop_first();
            self.wakeup_of[index] = None;
            self.with_story(index, now, |story, host| story.advance(now, host));
        }
    }

    /// Lets a story work with the world around it, and moves it on afterwards as far as it goes.
    fn with_story<T>(
        &mut self,
        index: usize,
        now: Timestamp,
        work: impl FnOnce(&mut StoryRun, &mut EngineHost<'_>) -> T,
    ) -> T {
        let stopped = self.stopped;
        self.with_host(index, now, |story, host| {
            let result = work(story, host);
            if !stopped {
                story.advance(now, host);
            }
            result
        })
    }

    /// Lets a story work with the world around it. It moves on when the engine advances: what a call causes comes
    /// after the call itself.
    pub(super) fn with_host<T>(
        &mut self,
        index: usize,
        now: Timestamp,
        work: impl FnOnce(&mut StoryRun, &mut EngineHost<'_>) -> T,
    ) -> T {
        let story = &mut self.stories[index];
        let (was_over, was_awaiting) = (story.is_over(), story.awaits_call());
        let label = Arc::clone(story.name());
        let mut host = EngineHost {
            dispatch: &mut self.dispatch,
            simulator: &mut self.simulator,
            arrivals: &mut self.arrivals,
            story: index,
            label,
            now,
        };
        let result = work(story, &mut host);
        if !was_over && story.is_over() {
            self.over += 1;
            if !story.has_missed() {
                self.live.remove(&index);
            }
        }
        match (was_awaiting, story.awaits_call()) {
            (false, true) => self.awaiting += 1,
            (true, false) => self.awaiting -= 1,
            _ => {}
        }
        let wakeup = story.next_wakeup();
        if let Some(old) = std::mem::replace(&mut self.wakeup_of[index], wakeup) {
            self.wakeups.remove(&(old, index));
        }
        if let Some(at) = wakeup {
            self.wakeups.insert((at, index));
        }
        let found = self.simulator.take_findings();
        if !found.is_empty() {
            self.report_findings(found, Some(index), now);
        }
        result
    }

    pub(super) fn send_callback(&mut self, callback: Callback, now: Timestamp) {
        let index = callback.story.map(|story| story as usize);
        let value = match index.and_then(|index| self.stories.get(index)) {
            // Stories look into bodies; all others go out as the text they are.
            Some(_) => callback.body.value(),
            None => Value::Null,
        };
        let faults = index.and_then(|index| self.stories.get_mut(index));
        let faults = faults.map(|story| story.callback_faults(&callback.event, &value)).unwrap_or_default();
        let story = index.and_then(|index| self.stories.get(index));
        let label = story.as_ref().map(|story| Arc::clone(story.name()));
        let policy = story.as_ref().and_then(|story| story.story().own_policy());
        let own_target = callback.target.is_some();
        let order = NewCallback {
            event: &callback.event,
            headers: &[],
            target: callback.target.or_else(|| story.as_ref().and_then(|story| story.callback_url())),
            own_target,
            policy: policy.cloned(),
            order_key: callback.order_key,
            part_of: callback.part_of,
            sums_up: callback.sums_up,
            account: callback.account,
            flow: callback.flow,
            again: None,
            faults,
        };
        // Corrections change bodies.
        let is_corrected = self.dispatch.catalog.get(&callback.event).is_some_and(|entry| entry.overridden);
        let body = match callback.body {
            CallbackBody::Text(text) if !is_corrected => Body::Raw(text.into_bytes()),
            body => Body::Json(body.value()),
        };
        let origin = Origin {
            story: story.as_ref().and(index),
            label,
            body: value,
            push: callback.push,
            ..Origin::default()
        };
        if let Err(error) = self.dispatch.send(order, body, origin, now) {
            // A customer who named no URL for a notice gets none.
            let is_known = matches!(error, SendError::NoUrl)
                && callback.story.is_none()
                && !self.dispatch.is_first_without_url(&callback.event);
            if is_known {
                return;
            }
            self.vendor_failed(callback.story, format!("`{}` was not sent: {error}", callback.event), now);
        }
    }

    /// The simulated vendor could not do something. Nothing is lost silently: where it belongs to a story, the story
    /// fails.
    fn vendor_failed(&mut self, story: Option<u32>, message: String, now: Timestamp) {
        let story = story.and_then(|story| self.stories.get_mut(story as usize));
        let (name, event) = match story {
            Some(story) => {
                story.count_failure(FailureKind::Unsendable, &message);
                let name = Arc::clone(story.name());
                let kind = FailureKind::Unsendable.as_str();
                (Some(Arc::clone(&name)), Event::Failed { place: name, kind, message })
            }
            None => (None, Event::Note(message)),
        };
        self.dispatch.journal.write(now, name, event);
    }

    /// The faults of all requests, apart from those of stories.
    pub fn faults(&mut self) -> &mut Faults {
        &mut self.dispatch.faults
    }

    /// Whether a call may be served, by the provenance of its route; the first use of an assumed one is noted.
    pub fn admit(&mut self, id: &str, provenance: Provenance, now: Timestamp) -> bool {
        self.dispatch.admit(id, Direction::Call, provenance, now)
    }

    /// What was used so far that is only assumed, by its id.
    pub fn assumptions(&self) -> &BTreeMap<String, Assumption> {
        &self.dispatch.assumptions
    }

    /// What goes wrong on purpose with a call: what the call itself asks for (`header` is its `X-Mock-Fault`), else
    /// what a story says that lives and whose conversation it is, else what the settings say.
    pub fn fault(&mut self, id: &str, header: Option<&str>, fields: &Value) -> Option<Fault> {
        if let Some(magic) = faults::magic_of_call(header, fields) {
            return Some(magic);
        }
        let mut fault = None;
        if self.faulty_stories > 0 {
            let owner = self.simulator.find_conversation(fields).and_then(|key| self.simulator.story_of(key));
            for (index, story) in self.stories.iter_mut().enumerate() {
                let is_concerned = owner.is_none_or(|owner| owner as usize == index);
                if is_concerned && !story.is_over() {
                    // Every fault counts its calls, whichever decides.
                    let own = story.fault(id, fields);
                    fault = fault.or(own);
                }
            }
        }
        let general = self.dispatch.faults.next(id, fields);
        fault.or(general)
    }

    /// A call of the integrator: state changes, stories hear of it, the answer comes back.
    pub fn call(&mut self, call: &Request<'_>) -> RequestOutcome {
        let Request { id, fields, now, .. } = *call;
        self.note_deed(["a request of ", id]);
        self.calls += 1;
        let owner = match self.stories.as_slice() {
            [] => None,
            _ => self.simulator.find_conversation(fields).and_then(|key| self.simulator.story_of(key)),
        };
        let listeners: Vec<usize> = match owner {
            Some(story) => vec![story as usize],
            None => self.live.iter().copied().collect(),
        };
        // Rows may be very many: only those who look at them get them.
        let looks = |index: &usize| {
            self.stories.get(*index).is_some_and(|story| !story.is_over() && story.looks_for_call(id))
        };
        let whole = if listeners.iter().any(looks) { call.with_rows() } else { Cow::Borrowed(fields) };
        self.uploads += u64::from(matches!(id, "workflow.create" | "workflow.add_contacts"));
        let usual = self.simulator.handle(call);
        self.take_notes(now);
        let found = self.simulator.take_findings();
        let cause = self.simulator.last_cause();
        let came = match self.stories.as_slice() {
            [] => CameIn::default(),
            _ => self.came_in(call, whole, &usual),
        };
        let CameIn { fields: whole, conversation, begun, answer, arrival } = &came;
        let view = CallView {
            id,
            fields: whole,
            refused: is_refusal(&usual),
            conversation: *conversation,
            begun: *begun,
            answer,
            arrival: *arrival,
        };
        let mut replaces_default = false;
        let mut from_story = None;
        let mut kept = Vec::new();
        let mut taken = false;
        let mut taker = owner.map(|story| story as usize);
        for index in listeners {
            match self.stories.get(index) {
                Some(story) if !story.is_over() => {}
                Some(story) if story.missed_call(id) => {
                    self.with_host(index, now, |story, host| story.on_late_call(&view, now, host));
                    continue;
                }
                _ => continue,
            }
            let reply = self.with_host(index, now, |story, host| story.on_call(&view, now, host));
            replaces_default |= reply.replaces_default;
            from_story = from_story.or(reply.answer);
            if reply.kept {
                kept.push(index);
            }
            // A call that names no conversation belongs to the first story that waits for it, or else to the first
            // that will.
            if reply.taken && owner.is_none() {
                taken = true;
                taker = Some(index);
                self.simulator.assign(cause, u32::try_from(index).unwrap_or(u32::MAX));
                break;
            }
        }
        if let (false, None, Some(first)) = (taken, owner, kept.first()) {
            taker = Some(*first);
            self.simulator.assign(cause, u32::try_from(*first).unwrap_or(u32::MAX));
        }
        for index in kept.into_iter().skip(usize::from(!taken)) {
            self.stories[index].give_up_call(id);
        }
        let its = view.conversation.or(view.begun);
        if let (Some(story), None) = (taker, owner) {
            if let Some(arrival) = self.arrivals.get_mut(view.arrival) {
                arrival.story = self.stories.get(story).map(|story| Arc::clone(story.name()));
            }
            if let Some(key) = its.filter(|key| self.simulator.story_of(*key).is_none()) {
                self.simulator.adopt(key, cause);
            }
        }
        if replaces_default {
            self.simulator.mute(cause);
            // What the bot would say is said by the story.
            if let Some(key) = its {
                self.simulator.lead(key);
            }
        }
        // What an endpoint of the user's own sends belongs to the story that took the request, or else to the only one.
        if !self.stories.is_empty()
            && self.simulator.is_of_user(id)
            && let Some(story) = taker.or_else(|| self.only_story())
        {
            self.simulator.assign(cause, u32::try_from(story).unwrap_or(u32::MAX));
        }
        self.report_findings(found, taker, now);
        let outcome = outcome(from_story, usual);
        let catalog = Arc::clone(&self.dispatch.catalog);
        match catalog.get(id).filter(|entry| entry.overridden) {
            Some(entry) => correct::response(entry, fields, outcome, || self.simulator.request_id()),
            None => outcome,
        }
    }

    /// Writes what the simulator wants an integrator to know.
    pub(super) fn take_notes(&mut self, now: Timestamp) {
        for note in self.simulator.take_notes() {
            self.dispatch.journal.write(now, None, Event::Note(note));
        }
    }

    /// Whether a call is served without any proof of the caller because the user's settings say so.
    pub fn is_open(&self, id: &str) -> bool {
        self.simulator.is_open(id)
    }

    /// The next attempt to make now, signed. It counts as in flight until [`Engine::finish`].
    pub fn start(&mut self, now: Timestamp) -> Option<Arc<Attempt>> {
        if self.stopped {
            return None;
        }
        loop {
            let (callback, number) = self.dispatch.outbox.start(now)?;
            self.dispatch.held.started(callback.id);
            if let Some(attempt) = self.as_sent(callback, number, now) {
                return Some(attempt);
            }
        }
    }

    /// An attempt to make at the same time as the one that has just started, because a fault says so.
    pub fn start_beside(&mut self, now: Timestamp) -> Option<Arc<Attempt>> {
        while let Some(id) = self.dispatch.held.next_beside() {
            let started = self.dispatch.outbox.start_this(id, now);
            let attempt = started.and_then(|(callback, number)| self.as_sent(callback, number, now));
            if attempt.is_some() {
                return attempt;
            }
        }
        None
    }

    /// What goes out of a callback that was started; nothing of one that is dropped.
    fn as_sent(
        &mut self,
        callback: Arc<QueuedCallback>,
        number: u32,
        now: Timestamp,
    ) -> Option<Arc<Attempt>> {
        let wish = callback.delivery_fault().map(|fault| fault.name);
        if wish == Some(FaultName::Drop) {
            self.end_unsent(&callback, Failure::dropped(), now);
            return None;
        }
        if self.dispatch.outbox.is_disabled(&callback) {
            self.end_unsent(&callback, Failure::disabled(&callback.target), now);
            return None;
        }
        if let Some(push) = self.dispatch.origins.get(&callback.id).and_then(|origin| origin.push) {
            self.simulator.push_reached(push, PushReach::UnderWay);
        }
        if wish == Some(FaultName::AtOnce) && number == 1 {
            let copy = QueuedCallback::clone(&callback);
            let id = self.dispatch.copy(copy, FaultName::AtOnce, now, now);
            self.dispatch.held.start_beside(id);
        }
        let sent = as_sent(callback, number, now);
        for (fault, why) in sent.missed {
            let note =
                format!("the fault {fault} makes no difference to `{}`: {why}", sent.attempt.callback.event);
            self.dispatch.note_once(note, now);
        }
        Some(Arc::new(sent.attempt))
    }

    /// A callback that was started is not sent: a fault says so, or its receiver gets nothing more.
    fn end_unsent(&mut self, callback: &Arc<QueuedCallback>, failure: Failure, now: Timestamp) {
        let is_dropped = failure.class == ErrorClass::Dropped;
        let attempts = self.dispatch.outbox.end_started(callback, is_dropped, now);
        if attempts == 0 {
            self.dispatch.passed(callback, None, now);
        }
        let end = End { attempts, failure: Some(failure) };
        let story = self.dispatch.origins.get(&callback.id).and_then(|origin| origin.label.clone());
        self.dispatch.journal.write(
            now,
            story,
            Event::Ended { callback: Arc::clone(callback), end: end.clone() },
        );
        let origin = self.dispatch.origins.remove(&callback.id).unwrap_or_default();
        if let Some(push) = origin.push {
            self.simulator.push_reached(push, PushReach::Lost);
        }
        let Origin { story: Some(index), body, took, .. } = origin else { return };
        let end = DeliveryEnd { end, answer: None, took };
        let (id, event) = (callback.id, Arc::clone(&callback.event));
        self.with_story(index, now, |story, host| story.on_end(id, &event, &body, &end, now, host));
    }

    /// The result of an attempt.
    pub fn finish(&mut self, attempt: &Arc<Attempt>, result: AttemptResult, now: Timestamp) {
        self.note_deed(["the result of a callback, ", &attempt.callback.event]);
        let judged = self.unexpected(attempt, &result, now);
        let outcome = self.dispatch.outbox.finish(attempt, judged.as_ref().unwrap_or(&result), now);
        for note in self.dispatch.outbox.take_notes() {
            self.dispatch.journal.write(now, None, Event::Note(note));
        }
        let result = Arc::new(result);
        let id = attempt.callback.id;
        let mut story = None;
        let retry_at = match &outcome {
            AttemptOutcome::Retry { at } => Some(*at),
            AttemptOutcome::Ended(_) => None,
        };
        if let Some(origin) = self.dispatch.origins.get_mut(&id) {
            story = origin.label.clone();
            // Answers take real time and gaps take the story's time, whatever its speed.
            let gap = retry_at.map_or(Duration::ZERO, |at| span(now, at));
            origin.took = origin.took.saturating_add(result.elapsed).saturating_add(gap);
            if let Some(push) = origin.push {
                let was_answered = result.result.is_ok();
                let reach = if was_answered { PushReach::Answered } else { PushReach::Lost };
                self.simulator.push_reached(push, reach);
            }
        }
        let attempted =
            Event::Attempted { attempt: Arc::clone(attempt), result: Arc::clone(&result), retry_at };
        self.dispatch.journal.write(now, story.clone(), attempted);
        let is_sent = !matches!(&result.result, Err(Failure { class: ErrorClass::NoDescriptors, .. }));
        if attempt.number == 1 && is_sent {
            self.dispatch.passed(&attempt.callback, Some(attempt), now);
        }
        let AttemptOutcome::Ended(end) = outcome else { return };
        self.dispatch.journal.write(
            now,
            story,
            Event::Ended { callback: Arc::clone(&attempt.callback), end: end.clone() },
        );
        let Some(Origin { story: Some(index), body, took, .. }) = self.dispatch.origins.remove(&id) else {
            return;
        };
        let answer = result.result.as_ref().ok().cloned();
        let end = DeliveryEnd { end, answer, took };
        let event = Arc::clone(&attempt.callback.event);
        self.with_story(index, now, |story, host| story.on_end(id, &event, &body, &end, now, host));
    }

    /// Puts up a conversation as callbacks have described it that went out without this engine.
    pub fn put_up(&mut self, opening: Opening, said: Vec<(Arc<str>, Value)>) {
        let now = opening.now;
        let key = self.simulator.open(opening);
        for (event, body) in said {
            self.simulator.apply_event(key, &event, &body, now);
        }
    }

    /// Sends a callback that belongs to no story, as `emit` does.
    ///
    /// # Errors
    ///
    /// It can't be sent at all.
    pub fn send_alone(
        &mut self,
        event: &str,
        body: Body,
        session: ConversationKey,
        now: Timestamp,
    ) -> Result<Arc<QueuedCallback>, SendError> {
        let order_key = Some(self.simulator.order_key(session));
        let order = NewCallback {
            event,
            headers: &[],
            target: None,
            own_target: false,
            policy: None,
            order_key,
            part_of: Vec::new(),
            sums_up: None,
            account: AccountKey::default(),
            flow: None,
            again: None,
            faults: Vec::new(),
        };
        self.dispatch.send(order, body, Origin::default(), now)
    }

    /// A new conversation that belongs to no story, for callbacks sent by hand.
    pub fn open_alone(&mut self, country: Country, now: Timestamp) -> ConversationKey {
        self.opened_alone += 1;
        let seed = self.seed.derive("emit", self.opened_alone);
        self.simulator.open(Opening { story: None, seed, country, locale: None, now })
    }

    /// The number of a new person who is played from outside, in Indonesia.
    pub fn new_number(&mut self) -> u64 {
        self.opened_alone += 1;
        let drawn = self.seed.derive("person", self.opened_alone).0;
        // The last four digits begin with 1: those of the magic numbers begin with 9.
        6_281_200_001_000 + drawn % 10_000 * 10_000 + drawn / 10_000 % 1_000
    }

    /// Sends a callback once more: the same bytes under the same id, or another body, which is signed anew. It waits for no
    /// other.
    pub fn send_again(
        &mut self,
        old: &QueuedCallback,
        body: Option<Bytes>,
        now: Timestamp,
    ) -> Arc<QueuedCallback> {
        self.dispatch.send_again(old, body, now)
    }

    /// What signs the chatbot calls of each account: the scheme of the callbacks, with the account's own key.
    pub fn caller_signers(&self) -> Vec<Signer> {
        let usual = &self.dispatch.signer;
        let of = |account: &Account| {
            let mut scheme = usual.scheme().clone();
            if let Some(key) = &mut scheme.key {
                key.id = Some(account.sign_key.as_str().into());
            }
            match &account.sign_secret {
                Some(secret) => Signer::new(scheme, secret),
                None => usual.with_scheme(scheme),
            }
        };
        self.simulator.access().iter().map(of).collect()
    }

    /// A callback as it would go out now, without sending it.
    pub fn preview(&self, callback: Arc<QueuedCallback>, now: Timestamp) -> Attempt {
        as_sent(callback, 1, now).attempt
    }

    /// The simulated vendor.
    pub fn simulator(&mut self) -> &mut Simulator {
        &mut self.simulator
    }
}

/// A call that was handled, as stories see it.
#[derive(Debug, Default)]
pub(super) struct CameIn {
    pub(super) fields: Arc<Value>,
    /// The conversation that its fields name.
    pub(super) conversation: Option<ConversationKey>,
    /// The conversation that it began, or that its answer names.
    pub(super) begun: Option<ConversationKey>,
    pub(super) answer: Value,
    /// Its number among what came.
    pub(super) arrival: u64,
}

/// From one moment to a later one.
fn span(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}
