//! Drives the engine: starts due attempts, sleeps until the next deadline, and runs tasks of in-process actors (the embedded
//! integrator) on the mock's clock.

mod again;
mod attempts;
mod checkpoint;
mod step;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::clock::{Clock, Speed};
use super::core::Engine;
use super::inputs::{Given, Inputs, NotStored};
use super::left::Left;
use super::pace::{Outside, Pace};
use super::turn::{Busy, Turn, Watchdog};
use crate::delivery::{Attempt, AttemptResult, CallbackId, Client};
use crate::journal::Event;
use crate::net::HttpRequest;

pub use again::Misfit;
pub use checkpoint::Checkpoint;
use step::Pause;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// An engine with its clock, shared between the driver, the server and actors inside the process.
#[derive(Clone)]
pub struct Driver {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Notify,
    arrived: Notify,
    client: Client,
    clients: Clients,
    pace: Pace,
    watchdog: Option<Watchdog>,
    /// Whether nothing new is started.
    ending: AtomicBool,
    /// Whether recorded inputs are being replayed.
    replaying: AtomicBool,
    /// When the driver was created; real time counts from here.
    began: Instant,
    /// For tests: replaces the network.
    #[cfg(test)]
    receiver: std::sync::OnceLock<Receiver>,
}

/// What takes the attempts in place of the network.
#[cfg(test)]
pub(crate) type Receiver =
    Box<dyn Fn(Arc<Attempt>) -> Pin<Box<dyn Future<Output = AttemptResult> + Send>> + Send + Sync>;

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").field("clients", &self.shared.clients).finish_non_exhaustive()
    }
}

/// Who sends requests to the mock, and for how long the mock runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clients {
    /// All clients live in this process, so that time may jump while a story awaits a request.
    Closed,
    /// Clients outside make requests in real time.
    Open,
    /// As [`Clients::Open`], and the mock runs until it is interrupted. A jumping clock runs with real time and jumps whenever
    /// something is under way.
    Lasting,
}

/// The attempts in flight, by callback and number.
type UnderWay = BTreeMap<(CallbackId, u32), Arc<Attempt>>;

struct State {
    engine: Engine,
    clock: Clock,
    inputs: Inputs,
    /// The number of times another engine replaced the previous one.
    generation: u64,
    in_flight: usize,
    under_way: UnderWay,
    engaged: usize,
    /// Tasks that in-process actors planned, by moment and order of planning.
    agenda: BTreeMap<(Timestamp, u64), Task>,
    asked: u64,
    waits: Waits,
    /// Whether a story awaited a request at the last check.
    awaited: bool,
    outside: Outside,
    /// The moment time is moving to, while it is moved by hand.
    destination: Option<Timestamp>,
    /// The drive loop has ended.
    ended: bool,
    /// When rows of a workflow were last uploaded.
    uploaded: Option<Instant>,
}

/// What the driver waits for, which decides when it must be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    /// The end of what is under way, whatever is planned meanwhile.
    ForEnd,
    /// A moment, or any new plan if there is none.
    For(Option<Timestamp>),
    /// A moment while nothing is under way by itself: as soon as something is, time jumps.
    Idly(Timestamp),
}

impl Busy for State {
    fn begin(&mut self) {
        self.engine.begin_turn();
    }

    fn deed(&self) -> &str {
        self.engine.deed()
    }
}

impl State {
    /// Records the present moment, with all that is due at it.
    fn mark(&mut self) -> Timestamp {
        let now = self.clock.now();
        self.inputs.note(now, || Given::Time);
        self.engine.advance(now);
        now
    }

    /// Writes to the journal that inputs can no longer be stored, or can be stored again.
    fn note_storage(&mut self) {
        if let Some(news) = self.inputs.news() {
            self.engine.journal().write(self.clock.now(), None, Event::Note(news));
        }
    }

    /// Records the end of an attempt.
    fn finish(&mut self, attempt: &Arc<Attempt>, result: AttemptResult, now: Timestamp) {
        self.under_way.remove(&(attempt.callback.id, attempt.number));
        self.engine.finish(attempt, result, now);
    }

    /// Whether the driver waits for longer than it should by now. Waking it costs more than most requests do.
    fn waits_too_long(&self) -> bool {
        let is_too_late = |until: Option<Timestamp>| match (self.engine.next_wakeup(), until) {
            (Some(at), Some(until)) => at < until,
            (at, until) => at.is_some() != until.is_some(),
        };
        match self.waits {
            Waits::ForEnd => false,
            Waits::For(until) => is_too_late(until),
            Waits::Idly(until) => self.engine.is_busy() || is_too_late(Some(until)),
        }
    }
}

/// How a drive ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Every story is over and nothing is under way.
    Over,
    /// The drive was interrupted, and the attempts in flight have finished.
    Interrupted,
}

/// A stopped clock with nothing to do before it is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standstill {
    /// Where it stands.
    pub now: Timestamp,
    /// When the next planned work is due.
    pub next: Timestamp,
    /// Whether something has to end that ends on its own.
    pub is_busy: bool,
}

/// Lets in-process actors act later, on the story's clock.
#[derive(Clone)]
pub struct Agenda(Driver);

impl Agenda {
    /// Runs `task` after `delay` of the story's time. Time does not jump while it runs.
    pub fn after(&self, delay: Duration, task: impl Future<Output = ()> + Send + 'static) {
        {
            let mut state = self.0.lock();
            if state.engine.is_stopped() {
                return;
            }
            let at = state.clock.now().checked_add(delay).unwrap_or(Timestamp::MAX);
            state.asked += 1;
            let key = (at, state.asked);
            state.agenda.insert(key, Box::pin(task));
        }
        self.0.shared.changed.notify_one();
    }
}

/// Keeps time from jumping while an in-process actor is at work.
struct Engaged(Driver);

impl Drop for Engaged {
    fn drop(&mut self) {
        self.0.at_the_end(|state| state.engaged -= 1);
    }
}

impl Driver {
    /// Creates a driver. Turns that take too long are reported to the watchdog, if there is one.
    pub fn new(
        engine: Engine,
        clock: Clock,
        client: Client,
        clients: Clients,
        pace: Pace,
        watchdog: Option<Watchdog>,
    ) -> Self {
        let state = State {
            engine,
            clock,
            inputs: Inputs::default(),
            generation: 0,
            in_flight: 0,
            under_way: BTreeMap::new(),
            engaged: 0,
            agenda: BTreeMap::new(),
            asked: 0,
            waits: Waits::ForEnd,
            awaited: false,
            outside: Outside::default(),
            destination: None,
            ended: false,
            uploaded: None,
        };
        let shared = Shared {
            state: Mutex::new(state),
            changed: Notify::new(),
            arrived: Notify::new(),
            client,
            clients,
            pace,
            watchdog,
            ending: AtomicBool::new(false),
            replaying: AtomicBool::new(false),
            began: Instant::now(),
            #[cfg(test)]
            receiver: std::sync::OnceLock::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Locks the shared state.
    ///
    /// # Panics
    ///
    /// If another thread has panicked while it held the lock. With a half-updated state no response or callback could be
    /// relied on: the driver panics as well, and the process ends.
    fn lock(&self) -> Turn<'_, State> {
        self.turn_with_state().expect("an earlier panic left the state half changed")
    }

    fn turn_with_state(&self) -> Option<Turn<'_, State>> {
        Turn::take(&self.shared.state, self.shared.watchdog.as_ref(), &self.shared.changed)
    }

    /// Records that an attempt or task ended. Ignored if the lock is poisoned.
    fn at_the_end(&self, note: impl FnOnce(&mut State)) {
        if let Some(mut state) = self.turn_with_state() {
            note(&mut state);
        }
        self.shared.changed.notify_one();
    }

    /// Works with the engine at the present moment. Unlike that of [`Driver::take_in`], the work is not among the inputs: in a
    /// mock that can be put back it must change nothing but the journal.
    pub fn with<T>(&self, work: impl FnOnce(&mut Engine, Timestamp) -> T) -> T {
        self.work(|state| {
            let now = state.clock.now();
            work(&mut state.engine, now)
        })
    }

    /// Lets a request take effect at the present moment. The work also gets the number of the request among the inputs.
    ///
    /// # Errors
    ///
    /// If the request could not be stored. It then has no effect.
    pub fn take_in<T>(
        &self,
        request: &Arc<HttpRequest>,
        work: impl FnOnce(&mut Engine, Timestamp, u64) -> T,
    ) -> Result<T, NotStored> {
        self.work(|state| {
            let now = state.clock.now();
            let number = state.inputs.ask(now, || Given::Request(Arc::clone(request)))?;
            Ok(work(&mut state.engine, now, number))
        })
    }

    /// Lets the rest of a request take effect, given its number among the inputs, if `rest` still has it.
    pub fn take_in_late<R, T>(
        &self,
        number: u64,
        rest: impl FnOnce() -> Option<R>,
        work: impl FnOnce(&mut Engine, Timestamp, R) -> T,
    ) -> Option<T> {
        self.work(|state| {
            let rest = rest()?;
            let now = state.clock.now();
            state.inputs.note(now, || Given::Late(number));
            Some(work(&mut state.engine, now, rest))
        })
    }

    fn work<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        let (result, changed) = {
            let mut state = self.lock();
            let before = (state.engine.awaits_request(), state.engine.requests(), state.engine.uploads());
            let result = work(&mut state);
            let (awaited, requests, uploads) = before;
            if requests != state.engine.requests() {
                state.outside.heard(&self.shared.pace, self.real());
            }
            if uploads != state.engine.uploads() {
                state.uploaded = Some(Instant::now());
            }
            // The driver finds out when inputs can be stored again.
            let fails = state.inputs.has_only_rejected();
            state.note_storage();
            (result, fails || awaited != state.engine.awaits_request() || state.waits_too_long())
        };
        if changed {
            self.shared.changed.notify_one();
        }
        result
    }

    /// Returns the real time since the driver was created.
    fn real(&self) -> Duration {
        self.shared.began.elapsed()
    }

    /// Reads the engine at the present moment. The work must not make anything happen earlier, because the driver is not
    /// notified.
    pub fn look<T>(&self, work: impl FnOnce(&mut Engine, Timestamp) -> T) -> T {
        let mut state = self.lock();
        let now = state.clock.now();
        work(&mut state.engine, now)
    }

    /// Returns why inputs can't be stored at present. `None` if they can, or if there is no data folder.
    pub fn storage_failure(&self) -> Option<String> {
        self.lock().inputs.failing().map(str::to_owned)
    }

    /// Returns what is left if it ends now: the engine's unfinished work, and the inputs that could not be stored.
    pub fn left(&self) -> Left {
        let mut state = self.lock();
        let mut left = state.engine.left();
        if let Some((inputs, why)) = state.inputs.owed() {
            left.unstored = inputs;
            left.lines.push(format!(
                "the latest inputs are not in the data folder (inputs: {inputs}; {why}): the next start \
                continues without them"
            ));
        }
        left
    }

    /// Moves the clock forward by this much, through every moment on the way: each event happens at its own moment and in
    /// order, and the clock stops while an attempt is under way. The move begins at once; the future is ready when it is
    /// complete, with the moment that was reached. Overlapping moves add up, and end together.
    pub fn travel(&self, by: Duration) -> impl Future<Output = Timestamp> + Send + use<> {
        {
            let mut state = self.lock();
            if !state.ended {
                let from = state.destination.unwrap_or_else(|| state.clock.now());
                state.destination = Some(from.checked_add(by).unwrap_or(Timestamp::MAX));
            }
        }
        self.shared.changed.notify_one();
        let driver = self.clone();
        async move {
            loop {
                let arrived = driver.shared.arrived.notified();
                {
                    let state = driver.lock();
                    if state.destination.is_none() {
                        return state.clock.now();
                    }
                }
                arrived.await;
            }
        }
    }

    /// Returns the speed of the clock.
    pub fn speed(&self) -> Speed {
        self.lock().clock.speed()
    }

    /// Returns where the clock stands and when the next planned work is due, if the clock is stopped and nothing is under way:
    /// then nothing happens by itself.
    pub fn standstill(&self) -> Option<Standstill> {
        let state = self.lock();
        let now = state.clock.now();
        let planned = state.agenda.keys().next().map(|(at, _)| *at);
        let next = [state.engine.next_wakeup(), planned].into_iter().flatten().min()?;
        let is_at_rest = state.in_flight == 0 && state.engaged == 0 && state.destination.is_none();
        let stands = is_at_rest && state.clock.speed() == Speed::Still && next > now;
        stands.then(|| Standstill { now, next, is_busy: state.engine.is_busy() })
    }

    /// Changes the speed of the clock.
    pub fn set_speed(&self, speed: Speed) {
        self.lock().clock.set_speed(speed);
        self.shared.changed.notify_one();
    }

    /// Like [`Driver::travel`], but waits at most this long in real time. Returns whether the move is complete. If it is not,
    /// it continues.
    pub fn travel_within(&self, by: Duration, within: Duration) -> impl Future<Output = bool> + Send + use<> {
        let journey = self.travel(by);
        async move { tokio::time::timeout(within, journey).await.is_ok() }
    }

    /// Sets the clock forward by this much while no drive loop runs.
    #[cfg(any(test, feature = "fuzzing"))]
    pub fn skip(&self, by: Duration) {
        let mut state = self.lock();
        let now = state.clock.now();
        state.clock.jump_to(now.checked_add(by).unwrap_or(Timestamp::MAX));
    }

    /// Waits until a moment of the clock, or until something is planned before it: for callers that advance the engine and
    /// make its attempts themselves instead of driving it.
    pub(crate) async fn wait(&self, until: Option<Timestamp>) {
        let timeout = {
            let mut state = self.lock();
            state.waits = Waits::For(until);
            if state.waits_too_long() {
                return;
            }
            until.and_then(|until| state.clock.real_until(until))
        };
        self.changed_within(timeout).await;
    }

    /// Sends all attempts to this receiver instead of the network.
    #[cfg(test)]
    pub(crate) fn send_to(&self, receiver: Receiver) {
        assert!(self.shared.receiver.set(receiver).is_ok(), "there is a receiver");
    }

    /// Returns the client that makes the attempts.
    pub fn client(&self) -> &Client {
        &self.shared.client
    }

    /// Returns the agenda for in-process actors.
    pub fn agenda(&self) -> Agenda {
        Agenda(self.clone())
    }

    /// Stops the clock until `drive` runs, so that startup costs no mock time.
    pub fn hold(&self) {
        self.lock().clock.set_running(false);
    }

    /// Drives until every story is over, or until `interrupt` is ready.
    pub async fn drive(&self, interrupt: impl Future<Output = ()>) -> End {
        let mut interrupt = std::pin::pin!(interrupt);
        let mut interrupted = false;
        loop {
            match self.turn() {
                Pause::Over => {
                    self.end(&mut self.lock());
                    return if interrupted { End::Interrupted } else { End::Over };
                }
                Pause::Again => tokio::select! {
                    biased;
                    () = &mut interrupt, if !interrupted => {
                        interrupted = true;
                        self.stop();
                    }
                    () = tokio::task::yield_now() => {}
                },
                Pause::ForEnd(timeout) | Pause::Until(_, timeout) | Pause::Idly(_, timeout) => {
                    tokio::select! {
                        () = self.changed_within(timeout) => {}
                        () = &mut interrupt, if !interrupted => {
                            interrupted = true;
                            self.stop();
                        }
                    }
                }
            }
        }
    }

    /// Waits until something changes, for at most this time.
    async fn changed_within(&self, timeout: Option<Duration>) {
        let changed = self.shared.changed.notified();
        match timeout {
            Some(timeout) => drop(tokio::time::timeout(timeout, changed).await),
            None => changed.await,
        }
    }

    /// Whether it was interrupted: what is under way ends, and nothing new is started.
    pub fn is_ending(&self) -> bool {
        self.shared.ending.load(Ordering::Relaxed)
    }

    /// Starts nothing new from now on.
    fn stop(&self) {
        self.shared.ending.store(true, Ordering::Relaxed);
        let mut state = self.lock();
        state.engine.stop();
        state.agenda.clear();
        self.end(&mut state);
    }

    /// Marks the drive as ended and wakes everyone waiting for time to advance.
    fn end(&self, state: &mut State) {
        state.ended = true;
        state.destination = None;
        self.shared.arrived.notify_waiters();
    }
}

#[cfg(test)]
#[path = "drive_tests.rs"]
mod tests;
