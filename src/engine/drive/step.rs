//! One step of the drive: does everything that is due, then decides what to wait for.

use std::time::Duration;

use jiff::Timestamp;

use super::{Clients, Driver, Engaged, State, Waits};
use crate::engine::clock::Speed;
use crate::engine::inputs::Given;
use crate::scenario::RealTime;

/// The pause before storing is tried again after a failure.
const BETWEEN_STORES: Duration = Duration::from_millis(250);

/// What the driver does after a turn.
pub(super) enum Pause {
    /// It ends: nothing is left to do.
    Over,
    /// It takes another turn at once: more is due already.
    Again,
    /// It waits for the end of what is under way, for at most this time.
    ForEnd(Option<Duration>),
    /// It waits for a moment, or for any new plan if there is none, for at most this time.
    Until(Option<Timestamp>, Option<Duration>),
    /// As [`Pause::Until`], with nothing under way: as soon as something is, time jumps.
    Idly(Timestamp, Option<Duration>),
}

impl Pause {
    fn waits(&self) -> Waits {
        match *self {
            Self::Over | Self::Again | Self::ForEnd(_) => Waits::ForEnd,
            Self::Until(moment, _) => Waits::For(moment),
            Self::Idly(moment, _) => Waits::Idly(moment),
        }
    }
}

/// The circumstances of a turn.
struct Present {
    now: Timestamp,
    /// Whether time jumps to the next thing that happens.
    jumps: bool,
    /// While real time has no influence, only one thing happens at a time, so that equal runs have equal orders.
    one_by_one: bool,
    /// Whether a story awaits a request.
    awaits: bool,
    /// Whether a client outside the process may be about to make a request.
    is_outside: bool,
    /// How long, in real time, such a request is still waited for.
    patience: Option<Duration>,
}

impl Driver {
    /// Does everything that is due at this moment. Returns what to wait for.
    pub(super) fn turn(&self) -> Pause {
        let mut state = self.lock();
        let pause = self.step(&mut state);
        state.waits = pause.waits();
        pause
    }

    fn step(&self, state: &mut State) -> Pause {
        let present = self.present(state);
        if state.inputs.has_only_rejected() {
            state.inputs.try_room();
        }
        let is_stored = state.inputs.settle().is_ok() && state.inputs.failing().is_none();
        state.note_storage();
        if !is_stored && !state.engine.is_stopped() {
            // Anything that happened now would be lost: the mock stops until the inputs can be stored, or until it has to end.
            return Pause::ForEnd(Some(BETWEEN_STORES));
        }
        let is_alone = present.one_by_one && (state.in_flight > 0 || state.engaged > 0);
        if !is_alone && (self.start_attempts(state, &present) || self.start_tasks(state, &present)) {
            return Pause::ForEnd(None);
        }
        if self.is_over(state) {
            // The integrator may react to the last callbacks, too.
            return match self.put_off(state, Duration::MAX) {
                Some(wait) => Pause::Until(None, Some(wait)),
                None => Pause::Over,
            };
        }
        if is_alone {
            return Pause::ForEnd(None);
        }
        if present.awaits != state.engine.awaits_request() {
            // A step that was due has begun to wait, so that the clock runs from now on.
            return Pause::Again;
        }
        let planned = state.agenda.keys().next().map(|(at, _)| *at);
        let wakeup = [state.engine.next_wakeup(), planned].into_iter().flatten().min();
        if let Some(destination) = state.destination {
            self.jump_towards(state, destination, wakeup);
            return Pause::Again;
        }
        match wakeup {
            Some(wakeup) => self.pause_until(state, &present, wakeup),
            None => Pause::Until(None, None),
        }
    }

    /// Lets the clock run or stand for this turn, and reads it.
    fn present(&self, state: &mut State) -> Present {
        let speed = state.clock.speed();
        let awaits = state.engine.awaits_request();
        if awaits && !state.awaited {
            state.outside.asked(self.real());
        }
        state.awaited = awaits;
        let patience = state.outside.patience(&self.shared.pace, self.real());
        let times = if let Speed::Times(times) = speed { times } else { 1.0 };
        let limit =
            self.shared.pace.patience.filter(|_| speed == Speed::Max && self.shared.clients == Clients::Open);
        state.engine.lives_in(RealTime { speed: times, patience: limit });
        let is_outside = match self.shared.clients {
            Clients::Closed => false,
            Clients::Open => awaits && patience != Some(Duration::ZERO),
            Clients::Lasting => true,
        };
        let runs = match speed {
            Speed::Times(_) => true,
            Speed::Still => false,
            Speed::Max => is_outside,
        };
        state.clock.set_running(runs && state.destination.is_none());
        Present {
            now: state.clock.now(),
            jumps: speed == Speed::Max,
            one_by_one: speed.is_virtual() || state.destination.is_some(),
            awaits,
            is_outside,
            patience,
        }
    }

    /// Advances the engine and begins the attempts that are due. Returns whether to wait for the end of one.
    ///
    /// Whatever changes the engine here is noted among the inputs, and nothing changes it at a turn at which nothing is due:
    /// the replay has only the turns that were noted.
    fn start_attempts(&self, state: &mut State, present: &Present) -> bool {
        let now = present.now;
        if state.engine.due(now).is_some() {
            state.inputs.note(now, || Given::Time);
            state.engine.advance(now);
        }
        loop {
            let given_up = state.engine.given_up();
            let attempt = state.engine.start(now);
            let id = attempt.as_ref().map(|attempt| attempt.callback.id);
            if id.is_some() || given_up != state.engine.given_up() {
                state.inputs.note(now, || Given::Attempt(id));
            }
            let Some(attempt) = attempt else { return false };
            let mut together = vec![attempt];
            while state.engine.has_beside() {
                let attempt = state.engine.start_beside(now);
                state.inputs.note(now, || Given::Beside(attempt.as_ref().map(|attempt| attempt.callback.id)));
                together.extend(attempt);
            }
            self.begin(state, together);
            if present.one_by_one {
                return true;
            }
        }
    }

    /// Begins the tasks of in-process actors that are due. Returns whether to wait for the end of one.
    fn start_tasks(&self, state: &mut State, present: &Present) -> bool {
        while let Some(entry) = state.agenda.first_entry() {
            if entry.key().0 > present.now {
                break;
            }
            let task = entry.remove();
            state.engaged += 1;
            let engaged = Engaged(self.clone());
            tokio::spawn(async move {
                let _engaged = engaged;
                task.await;
            });
            if present.one_by_one {
                return true;
            }
        }
        false
    }

    fn is_over(&self, state: &State) -> bool {
        let stays = self.shared.clients == Clients::Lasting && !state.engine.is_stopped();
        !stays
            && state.in_flight == 0
            && state.engaged == 0
            && state.agenda.is_empty()
            && state.engine.is_over()
    }

    /// Moves time towards the destination, to the next thing that happens before it.
    fn jump_towards(&self, state: &mut State, destination: Timestamp, wakeup: Option<Timestamp>) {
        let next = wakeup.filter(|at| *at <= destination);
        state.clock.jump_to(next.unwrap_or(destination));
        if next.is_none() {
            // Record the moment reached before anything else can change it.
            state.mark();
            state.destination = None;
            self.shared.arrived.notify_waiters();
        }
    }

    /// Jumps to the next thing that happens, or returns how long to wait for it.
    fn pause_until(&self, state: &mut State, present: &Present, wakeup: Timestamp) -> Pause {
        let may_jump = match self.shared.clients {
            Clients::Closed => true,
            Clients::Open => !present.is_outside,
            // An awaited request arrives in real time, so time does not jump to its deadline.
            Clients::Lasting => !present.awaits && (state.engine.is_busy() || state.engine.is_telling()),
        };
        if present.jumps && may_jump {
            let gap = Duration::try_from(wakeup.duration_since(present.now)).unwrap_or_default();
            if let Some(wait) = self.put_off(state, gap) {
                return Pause::Until(Some(wakeup), Some(wait));
            }
            if let Some(wait) = self.quiet_left(state, wakeup) {
                let wait = state.clock.real_until(wakeup).map_or(wait, |until| until.min(wait));
                return Pause::Until(Some(wakeup), Some(wait));
            }
            state.clock.jump_to(wakeup);
            return Pause::Again;
        }
        match (state.clock.real_until(wakeup), self.shared.clients) {
            (Some(Duration::ZERO), _) => Pause::Again,
            (Some(wait), Clients::Open) if present.jumps => {
                let wait = present.patience.map_or(wait, |patience| patience.min(wait));
                Pause::Until(Some(wakeup), Some(wait))
            }
            (wait, Clients::Lasting) if present.jumps => Pause::Idly(wakeup, wait),
            (wait, _) => Pause::Until(Some(wakeup), wait),
        }
    }

    /// Returns how long, in real time, a jump to the end of a workflow instance must wait, because a client outside may still
    /// upload rows.
    fn quiet_left(&self, state: &State, wakeup: Timestamp) -> Option<Duration> {
        let quiet = state.engine.quiet_before(wakeup)?;
        let left = quiet.checked_sub(state.uploaded?.elapsed())?;
        (!left.is_zero()).then_some(left)
    }

    /// Whether jumps are held back for an integrator outside who makes requests.
    pub(super) fn gives_time(&self, state: &State) -> bool {
        let jumps = state.clock.speed() == Speed::Max && !state.engine.is_stopped();
        let is_outside = self.shared.clients != Clients::Closed && !self.shared.pace.settle.is_zero();
        jumps && is_outside && state.engine.expects_requests()
    }

    /// Returns how long to hold a jump over `gap`, in case the integrator is about to send a request.
    fn put_off(&self, state: &mut State, gap: Duration) -> Option<Duration> {
        if self.gives_time(state) { state.outside.put_off(gap, self.real()) } else { None }
    }
}
