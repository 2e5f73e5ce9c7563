//! Drives the engine through time: makes the attempts that are due, wakes at the next moment, lets actors inside the
//! process (the embedded integrator) act on the story's clock.

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
use super::pace::{Outside, Pace};
use super::turn::{Busy, Turn, Watchdog};
use crate::delivery::{Attempt, AttemptResult, Client, ErrorClass, Failure};
use crate::journal::Event;
use crate::time::HumanDuration;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How long after a refused connection the next one is tried.
const BETWEEN_CONNECTIONS: Duration = Duration::from_millis(50);

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
    callers: Callers,
    pace: Pace,
    watchdog: Option<Watchdog>,
    /// Nothing new is begun.
    ending: AtomicBool,
    /// When it was made: real time counts from here.
    began: Instant,
    /// For tests: what takes the attempts in place of the network.
    #[cfg(test)]
    receiver: Option<tests::Receiver>,
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").field("callers", &self.shared.callers).finish_non_exhaustive()
    }
}

/// Who calls the mock, and for how long it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callers {
    /// Everybody who calls lives in this process, so that time may jump while a story awaits a call.
    Closed,
    /// Somebody outside calls, and calls live in real time.
    Open,
    /// As [`Callers::Open`], and the mock is there until it is interrupted. A jumping clock runs with real time and
    /// jumps whenever something is under way.
    Lasting,
}

struct State {
    engine: Engine,
    clock: Clock,
    in_flight: usize,
    engaged: usize,
    /// What actors in this process want to do later, by time and order of asking.
    agenda: BTreeMap<(Timestamp, u64), Task>,
    asked: u64,
    waits: Waits,
    /// Whether a story awaited a call when it was looked at last.
    awaited: bool,
    outside: Outside,
    /// Where time is on its way to, when somebody moves it by hand.
    destination: Option<Timestamp>,
    /// Nobody moves time any more.
    ended: bool,
    /// When somebody uploaded rows of a workflow last.
    uploaded: Option<Instant>,
}

/// What the driver waits for, and so when it has to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    /// For the end of what is under way, whatever is planned meanwhile.
    ForEnd,
    /// For a moment, or for anything to be planned if there is none.
    For(Option<Timestamp>),
    /// For a moment while nothing is under way by itself: as soon as something is, time jumps.
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
    /// Whether the driver waits for longer than it should by now. Waking it costs more than most calls do.
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
    /// The interruption came; what was in flight is finished.
    Interrupted,
}

/// Lets actors in this process act later, on the story's clock.
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

/// Keeps time from jumping while an actor of this process is at work.
struct Engaged(Driver);

impl Drop for Engaged {
    fn drop(&mut self) {
        self.0.at_the_end(|state| state.engaged -= 1);
    }
}

impl Driver {
    /// A driver.
    pub fn new(engine: Engine, clock: Clock, client: Client, callers: Callers, pace: Pace) -> Self {
        let state = State {
            engine,
            clock,
            in_flight: 0,
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
            callers,
            pace,
            watchdog: None,
            ending: AtomicBool::new(false),
            began: Instant::now(),
            #[cfg(test)]
            receiver: None,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Has turns that take long told of, before it is shared.
    #[must_use]
    pub fn watched(mut self, watchdog: Watchdog) -> Self {
        if let Some(shared) = Arc::get_mut(&mut self.shared) {
            shared.watchdog = Some(watchdog);
        }
        self
    }

    /// One's turn with what everybody shares.
    ///
    /// # Panics
    ///
    /// After a panic in the turn of somebody else. With half a state nothing that is answered or sent could be relied on:
    /// whoever drives panics as well, and the process ends.
    fn lock(&self) -> Turn<'_, State> {
        self.turn_with_state().expect("the state is half changed by what panicked before")
    }

    fn turn_with_state(&self) -> Option<Turn<'_, State>> {
        Turn::take(&self.shared.state, self.shared.watchdog.as_ref(), &self.shared.changed)
    }

    /// Something is over, in whichever way. After a panic nobody counts any more.
    fn at_the_end(&self, note: impl FnOnce(&mut State)) {
        if let Some(mut state) = self.turn_with_state() {
            note(&mut state);
        }
        self.shared.changed.notify_one();
    }

    /// Works with the engine at the present moment of the story.
    pub fn with<T>(&self, work: impl FnOnce(&mut Engine, Timestamp) -> T) -> T {
        let (result, changed) = {
            let mut state = self.lock();
            let now = state.clock.now();
            let before = (state.engine.awaits_call(), state.engine.calls(), state.engine.uploads());
            let result = work(&mut state.engine, now);
            let (awaited, calls, uploads) = before;
            if calls != state.engine.calls() {
                state.outside.heard(&self.shared.pace, self.real());
            }
            if uploads != state.engine.uploads() {
                state.uploaded = Some(Instant::now());
            }
            (result, awaited != state.engine.awaits_call() || state.waits_too_long())
        };
        if changed {
            self.shared.changed.notify_one();
        }
        result
    }

    /// Real time since it was made.
    fn real(&self) -> Duration {
        self.shared.began.elapsed()
    }

    /// Looks at the engine at the present moment of the story; what is done to it must not bring anything forward, for
    /// the driver is not notified.
    pub fn look<T>(&self, work: impl FnOnce(&mut Engine, Timestamp) -> T) -> T {
        let mut state = self.lock();
        let now = state.clock.now();
        work(&mut state.engine, now)
    }

    /// Moves the clock forward by so much, through every moment on the way: what becomes due happens at its own moment
    /// and in its order, and the clock stands still while an attempt is under way. A journey begins at once; the future
    /// is ready when it is over, with the moment that was reached. Journeys that overlap add up, and end together.
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

    /// How fast the clock goes.
    pub fn speed(&self) -> Speed {
        self.lock().clock.speed()
    }

    /// Lets the clock go on at another speed.
    pub fn set_speed(&self, speed: Speed) {
        self.lock().clock.set_speed(speed);
        self.shared.changed.notify_one();
    }

    /// The same for somebody who waits no longer than this in real time; says whether the journey is over. It goes on if it
    /// is not.
    pub fn travel_within(&self, by: Duration, within: Duration) -> impl Future<Output = bool> + Send + use<> {
        let journey = self.travel(by);
        async move { tokio::time::timeout(within, journey).await.is_ok() }
    }

    /// Sets the clock forward by so much, where nobody drives.
    #[cfg(any(test, feature = "fuzzing"))]
    pub fn skip(&self, by: Duration) {
        let mut state = self.lock();
        let now = state.clock.now();
        state.clock.jump_to(now.checked_add(by).unwrap_or(Timestamp::MAX));
    }

    /// Waits until a moment of the clock, or until something is planned before it: for whoever moves the engine and makes its
    /// attempts himself instead of having it driven.
    pub(crate) async fn wait(&self, until: Option<Timestamp>) {
        let timeout = {
            let mut state = self.lock();
            state.waits = Waits::For(until);
            if state.waits_too_long() {
                return;
            }
            until.and_then(|until| state.clock.real_until(until))
        };
        match timeout {
            Some(timeout) => drop(tokio::time::timeout(timeout, self.shared.changed.notified()).await),
            None => self.shared.changed.notified().await,
        }
    }

    /// What makes the attempts.
    pub fn client(&self) -> &Client {
        &self.shared.client
    }

    /// For actors in this process.
    pub fn agenda(&self) -> Agenda {
        Agenda(self.clone())
    }

    /// Time stands still until it is driven: what comes up meanwhile takes none of it.
    pub fn hold(&self) {
        self.lock().clock.set_running(false);
    }

    /// Drives until every story is over, or until `interrupt` is ready.
    pub async fn drive(&self, interrupt: impl Future<Output = ()>) -> End {
        let mut interrupt = std::pin::pin!(interrupt);
        let mut interrupted = false;
        loop {
            let next = self.turn();
            match next {
                Next::Over => {
                    self.end(&mut self.lock());
                    return if interrupted { End::Interrupted } else { End::Over };
                }
                Next::Again => tokio::select! {
                    biased;
                    () = &mut interrupt, if !interrupted => {
                        interrupted = true;
                        self.stop();
                    }
                    () = tokio::task::yield_now() => {}
                },
                Next::Wait(timeout) => {
                    let wait = async {
                        match timeout {
                            Some(timeout) => {
                                let _ = tokio::time::timeout(timeout, self.shared.changed.notified()).await;
                            }
                            None => self.shared.changed.notified().await,
                        }
                    };
                    tokio::select! {
                        () = wait => {}
                        () = &mut interrupt, if !interrupted => {
                            interrupted = true;
                            self.stop();
                        }
                    }
                }
            }
        }
    }

    /// Whether it was interrupted: what is under way ends, and nothing new is begun.
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

    /// Time goes nowhere any more: who waits for it is told so.
    fn end(&self, state: &mut State) {
        state.ended = true;
        state.destination = None;
        self.shared.arrived.notify_waiters();
    }

    /// Does everything that is due at this moment and says what to wait for.
    fn turn(&self) -> Next {
        let mut state = self.lock();
        let (next, waits) = self.step(&mut state);
        state.waits = waits;
        next
    }

    /// The same, and what there is to wait for.
    fn step(&self, state: &mut State) -> (Next, Waits) {
        let until_end = (Next::Wait(None), Waits::ForEnd);
        let speed = state.clock.speed();
        let jumps = speed == Speed::Max;
        // While real time decides nothing, one thing happens at a time, so that equal runs have equal orders.
        let one_by_one = speed.is_virtual() || state.destination.is_some();
        let awaits = state.engine.awaits_call();
        if awaits && !state.awaited {
            state.outside.asked(self.real());
        }
        state.awaited = awaits;
        let patience = state.outside.patience(&self.shared.pace, self.real());
        let outside = match self.shared.callers {
            Callers::Closed => false,
            Callers::Open => awaits && patience != Some(Duration::ZERO),
            Callers::Lasting => true,
        };
        let runs = match speed {
            Speed::Times(_) => true,
            Speed::Still => false,
            Speed::Max => outside,
        };
        state.clock.set_running(runs && state.destination.is_none());
        let now = state.clock.now();
        let alone = one_by_one && (state.in_flight > 0 || state.engaged > 0);
        if !alone {
            state.engine.advance(now);
            while let Some(attempt) = state.engine.start(now) {
                let mut together = vec![attempt];
                while let Some(attempt) = state.engine.start_beside(now) {
                    together.push(attempt);
                }
                state.in_flight += together.len();
                self.attempt(together);
                if one_by_one {
                    return until_end;
                }
            }
            while let Some(entry) = state.agenda.first_entry() {
                if entry.key().0 > now {
                    break;
                }
                let task = entry.remove();
                state.engaged += 1;
                let engaged = Engaged(self.clone());
                tokio::spawn(async move {
                    let _engaged = engaged;
                    task.await;
                });
                if one_by_one {
                    return until_end;
                }
            }
        }
        let stays = self.shared.callers == Callers::Lasting && !state.engine.is_stopped();
        if !stays
            && state.in_flight == 0
            && state.engaged == 0
            && state.agenda.is_empty()
            && state.engine.is_over()
        {
            // The last callbacks may be answered, too.
            return match self.put_off(state, Duration::MAX) {
                Some(wait) => (Next::Wait(Some(wait)), Waits::For(None)),
                None => (Next::Over, Waits::ForEnd),
            };
        }
        if alone {
            return until_end;
        }
        if awaits != state.engine.awaits_call() {
            // A step that was due has begun to wait, so that from now on the clock runs.
            return (Next::Again, Waits::ForEnd);
        }
        let agenda = state.agenda.keys().next().map(|(at, _)| *at);
        let wakeup = [state.engine.next_wakeup(), agenda].into_iter().flatten().min();
        if let Some(destination) = state.destination {
            let next = wakeup.filter(|at| *at <= destination);
            state.clock.jump_to(next.unwrap_or(destination));
            if next.is_none() {
                state.destination = None;
                self.shared.arrived.notify_waiters();
            }
            return (Next::Again, Waits::ForEnd);
        }
        let Some(wakeup) = wakeup else {
            return (Next::Wait(None), Waits::For(None));
        };
        let may_jump = match self.shared.callers {
            Callers::Closed => true,
            Callers::Open => !outside,
            // What a story awaits comes in real time, and its deadline is not jumped to.
            Callers::Lasting => !awaits && (state.engine.is_busy() || state.engine.is_telling()),
        };
        if jumps && may_jump {
            let gap = Duration::try_from(wakeup.duration_since(now)).unwrap_or_default();
            if let Some(wait) = self.put_off(state, gap) {
                return (Next::Wait(Some(wait)), Waits::For(Some(wakeup)));
            }
            if let Some(wait) = self.quiet_left(state, wakeup) {
                let wait = state.clock.real_until(wakeup).map_or(wait, |until| until.min(wait));
                return (Next::Wait(Some(wait)), Waits::For(Some(wakeup)));
            }
            state.clock.jump_to(wakeup);
            return (Next::Again, Waits::ForEnd);
        }
        let is_idle = jumps && self.shared.callers == Callers::Lasting;
        match state.clock.real_until(wakeup) {
            Some(Duration::ZERO) => (Next::Again, Waits::ForEnd),
            Some(wait) if jumps && self.shared.callers == Callers::Open => {
                let wait = patience.map_or(wait, |patience| patience.min(wait));
                (Next::Wait(Some(wait)), Waits::For(Some(wakeup)))
            }
            wait if is_idle => (Next::Wait(wait), Waits::Idly(wakeup)),
            wait => (Next::Wait(wait), Waits::For(Some(wakeup))),
        }
    }

    /// How long, in real time, a jump has to wait that would end an instance of a workflow: somebody outside may still
    /// upload rows.
    fn quiet_left(&self, state: &State, wakeup: Timestamp) -> Option<Duration> {
        let quiet = state.engine.quiet_before(wakeup)?;
        let left = quiet.checked_sub(state.uploaded?.elapsed())?;
        (!left.is_zero()).then_some(left)
    }

    /// Makes attempts at the same time: mostly it is one. Their results are taken in their order.
    fn attempt(&self, together: Vec<Arc<Attempt>>) {
        let others = together.into_iter().map(|attempt| {
            // Whatever happens, the attempt must not count as in flight for ever.
            let (driver, in_flight) = (self.clone(), InFlight(self.clone()));
            let sent = Arc::clone(&attempt);
            (attempt, in_flight, async move { driver.send(&sent).await })
        });
        let mut others: Vec<_> = others.collect();
        let Some((attempt, in_flight, first)) = others.pop() else { return };
        let driver = self.clone();
        tokio::spawn(async move {
            // The last one is made right here, and all others beside it.
            let others: Vec<_> = others
                .into_iter()
                .map(|(attempt, in_flight, send)| (attempt, in_flight, tokio::spawn(send)))
                .collect();
            let result = first.await;
            for (attempt, in_flight, result) in others {
                if let Ok(result) = result.await {
                    driver.finish(&attempt, result);
                }
                drop(in_flight);
            }
            driver.finish(&attempt, result);
            drop(in_flight);
        });
    }

    fn finish(&self, attempt: &Arc<Attempt>, result: AttemptResult) {
        let is_taken = result.result.is_ok();
        self.with(|engine, now| engine.finish(attempt, result, now));
        let mut state = self.lock();
        if is_taken && self.gives_time(&state) {
            state.outside.delivered(&attempt.callback.event, &self.shared.pace, self.real());
        }
    }

    /// Whether jumps are put off for an integrator outside who makes requests.
    fn gives_time(&self, state: &State) -> bool {
        let jumps = state.clock.speed() == Speed::Max && !state.engine.is_stopped();
        let is_outside = self.shared.callers != Callers::Closed && !self.shared.pace.settle.is_zero();
        jumps && is_outside && state.engine.expects_calls()
    }

    /// How long time has to stand still yet before it jumps over `gap`: somebody may be about to answer.
    fn put_off(&self, state: &mut State, gap: Duration) -> Option<Duration> {
        if self.gives_time(state) { state.outside.put_off(gap, self.real()) } else { None }
    }

    /// Makes an attempt. Where time jumps, a receiver that refuses connections is given some real time to come up: nothing
    /// of the callback has reached it.
    async fn send(&self, attempt: &Arc<Attempt>) -> AttemptResult {
        let receiver = attempt.callback.target.authority();
        loop {
            let result = self.transmit(attempt).await;
            let is_refused = matches!(&result.result, Err(Failure { class: ErrorClass::Refused, .. }));
            {
                let mut state = self.lock();
                if !is_refused {
                    state.outside.reached(receiver);
                    return result;
                }
                let (again, is_first) = state.outside.refused(receiver, &self.shared.pace, self.real());
                if !again || state.clock.speed() != Speed::Max || state.engine.is_stopped() {
                    return result;
                }
                if is_first {
                    let within = HumanDuration(self.shared.pace.refused);
                    let note = format!("{receiver} refuses connections: waiting for it, up to {within}");
                    let now = state.clock.now();
                    state.engine.journal().write(now, None, Event::Note(note));
                }
            }
            tokio::time::sleep(BETWEEN_CONNECTIONS).await;
        }
    }

    async fn transmit(&self, attempt: &Arc<Attempt>) -> AttemptResult {
        #[cfg(test)]
        if let Some(receiver) = &self.shared.receiver {
            return receiver(Arc::clone(attempt)).await;
        }
        self.shared.client.send(attempt).await
    }
}

/// Counts an attempt as in flight while it lives.
struct InFlight(Driver);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.at_the_end(|state| state.in_flight -= 1);
    }
}

enum Next {
    /// Nothing is left to do.
    Over,
    /// Something is due already.
    Again,
    /// Until something changes, or so long at most.
    Wait(Option<Duration>),
}

#[cfg(test)]
#[path = "drive_tests.rs"]
mod tests;
