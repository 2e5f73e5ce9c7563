//! The engine: simulator, stories and outbox under one clock.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use jiff::Timestamp;
use serde_json::Value;

use super::dispatch::{Assumption, Dispatch, NewCallback, Origin};
use super::host::EngineHost;
use super::live::Live;
use super::options::EngineOptions;
use super::room::Queue;
use super::stories::{Slot, Stories};
use crate::contract::Family;
use crate::contract::envelope::CorrectedCodes;
use crate::contract::signature::{Scheme, Signer};
use crate::delivery::{CallbackId, Outbox, QueuedCallback, Totals};
use crate::faults::{FaultFile, Faults};
use crate::journal::{Event, Hits, Journal};
use crate::scenario::{Arrivals, Body, FailureKind, RealTime, SendError, StoryRun};
use crate::seed::Seed;
use crate::simulator::{Account, Callback, CallbackBody, Simulator};

/// Maximum number of stories that advance before the driver handles other work.
const MOST_STORIES: u32 = 100;

/// Simulator, stories and outbox under one clock.
#[derive(Clone)]
pub struct Engine {
    pub(super) dispatch: Dispatch,
    pub(super) simulator: Simulator,
    pub(super) codes: CorrectedCodes,
    pub(super) stories: Stories,
    /// Whether finished stories are only counted.
    forgets_over: bool,
    /// The requests of the integrator, if any stories may have waited for them.
    pub(super) arrivals: Arrivals,
    /// Number of stories with their own faults.
    pub(super) faulty_stories: usize,
    /// When time advances each story: `(moment, story)`.
    wakeups: BTreeSet<(Timestamp, usize)>,
    /// The stories that wait for room for a callback, in order of arrival.
    wait_for_room: Queue,
    /// Number of finished stories.
    pub(super) over: usize,
    /// The stories that may still claim a request.
    pub(super) live: Live,
    /// Number of stories that wait for a request from outside.
    awaiting: usize,
    /// Number of stories with steps or reactions for requests.
    listening: usize,
    /// Number of requests received.
    pub(super) requests: u64,
    pub(super) stopped: bool,
    /// Number of uploads of workflow rows.
    pub(super) uploads: u64,
    pub(super) seed: Seed,
    /// Number of conversations opened for callbacks sent by hand.
    pub(super) opened_alone: u64,
    /// The findings for which a story has already failed: `(story, finding)`.
    pub(super) failed_for: BTreeSet<(usize, Option<usize>)>,
    /// The findings that are errors and belong to no story.
    pub(super) errors_alone: BTreeSet<Option<usize>>,
    /// How the waits of stories relate to real time.
    real_time: RealTime,
    /// A description of the work in the current turn.
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
    /// Says how the waits of stories relate to real time from now on.
    pub(super) fn lives_in(&mut self, real_time: RealTime) {
        self.real_time = real_time;
    }

    /// Creates an engine without stories.
    pub fn new(options: EngineOptions) -> Self {
        let outbox = Outbox::new(options.max_in_flight, options.seed);
        let simulator = Simulator::new(options.seed, options.behaviour.clone());
        let codes = options.codes.clone();
        let seed = options.seed;
        Self {
            dispatch: Dispatch::new(options, outbox),
            simulator,
            codes,
            stories: Stories::default(),
            forgets_over: false,
            arrivals: Arrivals::default(),
            faulty_stories: 0,
            wakeups: BTreeSet::new(),
            wait_for_room: Queue::default(),
            over: 0,
            live: Live::default(),
            awaiting: 0,
            listening: 0,
            requests: 0,
            stopped: false,
            uploads: 0,
            seed,
            opened_alone: 0,
            failed_for: BTreeSet::new(),
            errors_alone: BTreeSet::new(),
            real_time: RealTime::default(),
            deed: String::new(),
        }
    }

    /// Starts a new turn with an empty description of the work.
    pub(super) fn begin_turn(&mut self) {
        self.deed.clear();
    }

    /// Returns a description of the work in this turn, for people.
    pub(super) fn deed(&self) -> &str {
        &self.deed
    }

    pub(super) fn note_deed(&mut self, words: [&str; 2]) {
        self.deed.clear();
        self.deed.extend(words);
    }

    /// Adds a story to run. Its number must be the count of stories added before it.
    pub fn add_story(&mut self, story: StoryRun) {
        for fault in story.story().faults.iter().filter(|_| story.is_first_copy()) {
            self.note_stranger(fault, story.begins());
        }
        let wakeup = story.next_wakeup();
        if let Some(at) = wakeup {
            self.wakeups.insert((at, self.stories.len()));
        }
        self.listening += usize::from(story.story().looks_for_requests());
        self.faulty_stories += usize::from(story.has_faults());
        self.live.add(self.stories.len(), story.story().requests());
        self.stories.push(story);
    }

    /// From now on, finished stories are only counted, unless callbacks that the simulated vendor may still send depend
    /// on them: a load starts any number of stories.
    pub fn forget_over(&mut self) {
        self.forgets_over = true;
    }

    /// Returns the seed of everything that belongs to no story.
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// Returns the assumed entries used so far, by id.
    pub fn assumptions(&self) -> &BTreeMap<String, Assumption> {
        &self.dispatch.assumptions
    }

    /// Returns the only story, if there is exactly one: anything that cannot be attributed belongs to it.
    pub(super) fn only_story(&self) -> Option<usize> {
        // A forgotten story could also be the owner.
        if self.stories.forgotten() > 0 {
            return None;
        }
        let mut meant = self.stories.iter().filter(|(_, story)| story.may_be_meant());
        let (index, _) = meant.next()?;
        meant.next().is_none().then_some(index)
    }

    /// Returns the stories.
    pub fn stories(&self) -> &Stories {
        &self.stories
    }

    /// Returns the number of finished stories.
    pub fn stories_over(&self) -> usize {
        self.over
    }

    /// Returns the totals of delivery.
    pub fn totals(&self) -> Totals {
        self.dispatch.outbox.totals()
    }

    /// Returns the number of callbacks that have ended without being delivered.
    pub(super) fn given_up(&self) -> u64 {
        let totals = self.totals();
        totals.dropped + totals.failed
    }

    /// Returns the size of the state: the number of objects, planned events and unfinished callbacks.
    pub(super) fn size(&self) -> usize {
        self.simulator.size() + self.dispatch.outbox.open()
    }

    /// Returns how often each injected fault has fired so far.
    pub fn hits(&self) -> &Hits {
        self.dispatch.journal.hits()
    }

    /// Returns the journal.
    pub fn journal(&mut self) -> &mut Journal {
        &mut self.dispatch.journal
    }

    /// Returns the user's replacement for a refusal code. `id` is empty for requests that match no endpoint.
    pub fn code(&self, family: Family, id: &str, code: i64) -> i64 {
        self.codes.of(family, id, code)
    }

    /// Returns the number of uploads of workflow rows.
    pub fn uploads(&self) -> u64 {
        self.uploads
    }

    /// Returns how long, in real time, no rows may have been uploaded before time may jump to that moment: an instance
    /// ends by itself then, and the client may not have finished uploading. `None` if time may jump at once.
    pub fn quiet_before(&self, at: Timestamp) -> Option<Duration> {
        let ends = self.simulator.next_wakeup() == Some(at) && self.simulator.ends_workflow();
        ends.then(|| self.simulator.quiet())
    }

    /// Returns a new `request_id` for an envelope.
    pub fn request_id(&mut self) -> String {
        self.simulator.request_id()
    }

    /// Returns the unfinished callbacks, in the order of their ids.
    pub fn unfinished(&self) -> impl Iterator<Item = (CallbackId, &Arc<QueuedCallback>)> {
        self.dispatch.outbox.unfinished()
    }

    /// Ends all stories where they are. Attempts in flight continue; nothing new starts.
    pub fn stop(&mut self) {
        self.stopped = true;
        self.awaiting = 0;
        self.stories.iter_mut().for_each(StoryRun::stop);
        self.wakeups.clear();
        self.wait_for_room.clear();
    }

    /// Whether every story is over and every callback they caused is delivered or has failed.
    pub fn is_over(&self) -> bool {
        if self.stopped {
            return self.totals().in_flight == 0;
        }
        self.over == self.stories.len() && !self.is_busy()
    }

    /// Whether callbacks are under way, or the simulated vendor is busy with something that ends by itself.
    pub fn is_busy(&self) -> bool {
        self.dispatch.unfinished() > 0 || self.simulator.is_busy()
    }

    /// Whether there is room for another callback. The simulated vendor and stories wait for it.
    pub fn has_room(&self) -> bool {
        self.dispatch.room() > 0
    }

    /// Whether [`Engine::stop`] was called.
    pub fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Whether unfinished stories can proceed without a request from the integrator.
    pub fn is_telling(&self) -> bool {
        self.over < self.stories.len() && self.awaiting == 0
    }

    /// Whether a story waits for a request from outside.
    pub fn awaits_request(&self) -> bool {
        self.awaiting > 0
    }

    /// Returns the number of requests received so far.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// Whether an integrator makes requests, or a story reacts to them.
    pub fn expects_requests(&self) -> bool {
        self.listening > 0 || self.requests > 0
    }

    /// Returns when [`Engine::advance`] or [`Engine::start`] has something to do next.
    pub fn next_wakeup(&self) -> Option<Timestamp> {
        if self.stopped {
            return None;
        }
        let stories = self.wakeups.first().map(|(at, _)| *at);
        let (vendor, waiting) = match self.has_room() {
            true => {
                (self.simulator.next_wakeup(), (!self.wait_for_room.is_empty()).then_some(Timestamp::MIN))
            }
            false => (None, None),
        };
        [stories, waiting, self.dispatch.outbox.next_wakeup(), vendor].into_iter().flatten().min()
    }

    /// Returns the earliest deadline at or before `now` of a story or the vendor; `None` if [`Engine::advance`] has
    /// nothing to do. Advancing from one to the next makes everything happen at its own time, even when the driver runs
    /// late. Work that can proceed at once is not bound to a moment.
    pub fn due(&self, now: Timestamp) -> Option<Timestamp> {
        if self.stopped {
            return None;
        }
        let later = (Bound::Excluded((Timestamp::MIN, usize::MAX)), Bound::Unbounded);
        let story = self.wakeups.range(later).next().map(|(at, _)| *at);
        let has_room = self.has_room();
        let (vendor, held_up) = match self.simulator.next_wakeup() {
            at if has_room => (at, None),
            at => (None, at),
        };
        let earliest = [story, vendor].into_iter().flatten().min().filter(|at| *at <= now);
        let is_ready = self.wakeups.first().is_some_and(|(at, _)| *at == Timestamp::MIN)
            || (has_room && (!self.wait_for_room.is_empty() || self.simulator.has_more(now)))
            || (!self.dispatch.was_full && held_up.is_some_and(|at| at <= now));
        earliest.or(is_ready.then_some(now))
    }

    /// Does everything that is due: first the simulator, then the stories, until nothing is due at this moment. Work is
    /// bounded per call; if more remains, [`Engine::next_wakeup`] is still due.
    pub fn advance(&mut self, now: Timestamp) {
        if self.stopped {
            return;
        }
        self.note_deed(["work due by the mock's clock", ""]);
        let mut moved = 0;
        loop {
            let room = self.dispatch.room();
            if room > 0 {
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
                // The driver comes back for the rest, and handles other work in between.
                if self.has_room() && self.simulator.next_wakeup().is_some_and(|at| at <= now) {
                    return;
                }
            } else if self.simulator.next_wakeup().is_some_and(|at| at <= now) {
                self.dispatch.note_full(now);
            }
            let Some(index) = self.next_story(now) else { break };
            self.with_story(index, now, |_, _| ());
            moved += 1;
            let story = self.stories.get(index);
            if moved == MOST_STORIES || story.is_some_and(StoryRun::is_out_of_breath) {
                return;
            }
        }
    }

    /// Returns the next story to advance at this moment: one that waits for room, if there is some, or one that is due.
    fn next_story(&mut self, now: Timestamp) -> Option<usize> {
        if self.has_room()
            && let Some(index) = self.wait_for_room.next()
        {
            return Some(index);
        }
        let (_, index) = self.wakeups.first().copied().filter(|(at, _)| *at <= now)?;
        self.wakeups.pop_first();
        if let Some(slot) = self.stories.slot_mut(index) {
            slot.wakeup = None;
        }
        Some(index)
    }

    /// Runs `work` on a story with its host, then advances the story as far as it can go. Does nothing if the story was
    /// forgotten.
    pub(super) fn with_story<T>(
        &mut self,
        index: usize,
        now: Timestamp,
        work: impl FnOnce(&mut StoryRun, &mut EngineHost<'_>) -> T,
    ) -> Option<T> {
        let stopped = self.stopped;
        self.with_host(index, now, |story, host| {
            let result = work(story, host);
            if !stopped {
                story.advance(host);
            }
            result
        })
    }

    /// Runs `work` on a story with its host, without advancing it: effects of a request must follow the request itself.
    /// Does nothing if the story was forgotten.
    pub(super) fn with_host<T>(
        &mut self,
        index: usize,
        now: Timestamp,
        work: impl FnOnce(&mut StoryRun, &mut EngineHost<'_>) -> T,
    ) -> Option<T> {
        let Slot { run: story, wakeup: planned } = self.stories.slot_mut(index)?;
        let (was_over, was_awaiting) = (story.is_over(), story.awaits_request());
        let label = Arc::clone(story.name());
        let mut host = EngineHost {
            dispatch: &mut self.dispatch,
            simulator: &mut self.simulator,
            arrivals: &mut self.arrivals,
            story: index,
            label,
            now,
            real_time: self.real_time,
        };
        let result = work(story, &mut host);
        if !was_over && story.is_over() {
            self.over += 1;
            if !story.has_missed() {
                self.live.remove(index, story.story().requests());
            }
        }
        match (was_awaiting, story.awaits_request()) {
            (false, true) => self.awaiting += 1,
            (true, false) => self.awaiting -= 1,
            _ => {}
        }
        if story.waits_for_room() {
            self.wait_for_room.join(index);
            self.dispatch.note_full(now);
        }
        let wakeup = story.next_wakeup();
        if let Some(old) = std::mem::replace(planned, wakeup) {
            self.wakeups.remove(&(old, index));
        }
        if let Some(at) = wakeup {
            self.wakeups.insert((at, index));
        }
        let is_forgotten = self.forgets_over && story.is_over() && !story.shapes_callbacks();
        let found = self.simulator.take_findings();
        if !found.is_empty() {
            self.report_findings(found, Some(index), now);
        }
        if is_forgotten {
            self.forget_story(index);
        }
        Some(result)
    }

    /// Forgets a finished story, which then is only counted.
    fn forget_story(&mut self, index: usize) {
        let Some(Slot { run, wakeup }) = self.stories.slot_mut(index) else { return };
        if let Some(at) = wakeup.take() {
            self.wakeups.remove(&(at, index));
        }
        self.faulty_stories -= usize::from(run.has_faults());
        self.live.remove(index, run.story().requests());
        let its = (index, None)..(index + 1, None);
        while let Some(failed) = self.failed_for.range(its.clone()).next().copied() {
            self.failed_for.remove(&failed);
        }
        self.stories.forget(index);
        self.simulator.forget_story(u32::try_from(index).unwrap_or(u32::MAX));
    }

    pub(super) fn send_callback(&mut self, callback: Callback, now: Timestamp) {
        let index = callback.story.map(|story| story as usize);
        let value = match index.and_then(|index| self.stories.get(index)) {
            // Stories inspect bodies; all others are sent as text.
            Some(_) => callback.body.value(),
            None => Value::Null,
        };
        let entry = self.dispatch.catalog.get(&callback.event);
        let (family, is_corrected) =
            entry.map_or((None, false), |entry| (Some(entry.family), entry.overridden));
        let story = index.and_then(|index| self.stories.get(index));
        let label = story.as_ref().map(|story| Arc::clone(story.name()));
        let policy = story.as_ref().and_then(|story| story.story().own_policy());
        let own_target = callback.target.is_some();
        let mut order = NewCallback {
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
            faults: Vec::new(),
        };
        let index = story.as_ref().and(index);
        if let Some(family) = family
            && let Some(story) = index.and_then(|index| self.stories.get_mut(index))
        {
            let belongs = self.dispatch.names.callback(&order.owner(family));
            order.faults = story.callback_faults(&callback.event, &value, &belongs);
        }
        // Corrections change bodies.
        let body = match callback.body {
            CallbackBody::Text(text) if !is_corrected => Body::Raw(text.into_bytes()),
            body => Body::Json(body.value()),
        };
        let origin = Origin { story: index, label, body: value, push: callback.push, ..Origin::default() };
        if let Err(error) = self.dispatch.send(order, body, origin, now) {
            // A customer who named no URL for a callback gets none.
            let is_known = matches!(error, SendError::NoUrl)
                && callback.story.is_none()
                && !self.dispatch.is_first_without_url(&callback.event);
            if is_known {
                return;
            }
            self.vendor_failed(callback.story, format!("`{}` was not sent: {error}", callback.event), now);
        }
    }

    /// Reports that the simulated vendor could not do something. Nothing is lost silently: if it belongs to a story,
    /// the story fails.
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

    /// Returns the faults of all requests, except those of stories.
    pub fn faults(&mut self) -> &mut Faults {
        &mut self.dispatch.faults
    }

    /// Returns the faults of the settings and of the stories that have hit nothing, each in one line.
    pub fn unused_faults(&self) -> Vec<String> {
        let of_stories = self.stories.iter().flat_map(|(_, story)| story.faults_in_force());
        let mut hits: IndexMap<String, u64> = IndexMap::new();
        for fault in self.dispatch.faults.in_force().chain(of_stories) {
            *hits.entry(fault.file.line()).or_default() += fault.hit;
        }
        hits.into_iter().filter(|(_, hits)| *hits == 0).map(|(line, _)| line).collect()
    }

    /// Writes a note if a fault names an unknown account or workflow.
    pub fn note_stranger(&mut self, fault: &FaultFile, now: Timestamp) {
        if let Some(note) = self.dispatch.names.stranger(fault) {
            self.dispatch.journal.write(now, None, Event::Note(note));
        }
    }

    /// Writes the simulator's notes for the integrator to the journal.
    pub(super) fn take_notes(&mut self, now: Timestamp) {
        for note in self.simulator.take_notes() {
            self.dispatch.journal.write(now, None, Event::Note(note));
        }
    }

    /// Returns the scheme by which callbacks and requests are signed.
    pub fn scheme(&self) -> &Scheme {
        self.dispatch.signer.scheme()
    }

    /// Returns the replacements for codes of refusals.
    pub fn codes(&self) -> &CorrectedCodes {
        &self.codes
    }

    /// Returns the signers of each account's chatbot requests: the scheme of the callbacks, with the account's own key.
    pub fn client_signers(&self) -> Vec<Signer> {
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

    /// Returns the simulated vendor.
    pub fn simulator(&mut self) -> &mut Simulator {
        &mut self.simulator
    }
}
