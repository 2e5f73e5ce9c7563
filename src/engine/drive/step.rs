//! One step of the drive: does everything that is due, then decides what to wait for.

use std::time::Duration;

use jiff::Timestamp;

use super::{Clients, Driver, Engaged, State, Waits};
use crate::engine::clock::Speed;
use crate::engine::inputs::Given;

/// The pause before storing is tried again after a failure.
const BETWEEN_STORES: Duration = Duration::from_millis(250);

/// What to do next.
pub(super) enum Next {
    /// Nothing is left to do.
    Over,
    /// More is due already.
    Again,
    /// Wait until something changes, but no longer than this.
    Wait(Option<Duration>),
}

impl Driver {
    /// Does everything that is due at this moment. Returns what to wait for.
    pub(super) fn turn(&self) -> Next {
        let mut state = self.lock();
        let (next, waits) = self.step(&mut state);
        state.waits = waits;
        next
    }

    /// Does the same, and also returns what may wake the driver.
    fn step(&self, state: &mut State) -> (Next, Waits) {
        let until_end = (Next::Wait(None), Waits::ForEnd);
        let speed = state.clock.speed();
        let jumps = speed == Speed::Max;
        // While real time has no influence, only one thing happens at a time, so that equal runs have equal orders.
        let one_by_one = speed.is_virtual() || state.destination.is_some();
        let awaits = state.engine.awaits_request();
        if awaits && !state.awaited {
            state.outside.asked(self.real());
        }
        state.awaited = awaits;
        let patience = state.outside.patience(&self.shared.pace, self.real());
        let outside = match self.shared.clients {
            Clients::Closed => false,
            Clients::Open => awaits && patience != Some(Duration::ZERO),
            Clients::Lasting => true,
        };
        let runs = match speed {
            Speed::Times(_) => true,
            Speed::Still => false,
            Speed::Max => outside,
        };
        state.clock.set_running(runs && state.destination.is_none());
        let now = state.clock.now();
        let alone = one_by_one && (state.in_flight > 0 || state.engaged > 0);
        if state.inputs.settle().is_err() && !state.engine.is_stopped() {
            // Anything that happened now would be lost: the mock stops until the inputs can be stored, or until it has to end.
            return (Next::Wait(Some(BETWEEN_STORES)), Waits::ForEnd);
        }
        if !alone {
            if state.engine.due(now).is_some() {
                state.inputs.note(now, || Given::Time);
            }
            state.engine.advance(now);
            let mut dropped = state.engine.totals().dropped;
            while let Some(attempt) = state.engine.start(now) {
                state.inputs.note(now, || Given::Attempt(Some(attempt.callback.id)));
                dropped = state.engine.totals().dropped;
                let mut together = vec![attempt];
                while let Some(attempt) = state.engine.start_beside(now) {
                    state.inputs.note(now, || Given::Beside(attempt.callback.id));
                    together.push(attempt);
                }
                self.begin(state, together);
                if one_by_one {
                    return until_end;
                }
            }
            if dropped != state.engine.totals().dropped {
                state.inputs.note(now, || Given::Attempt(None));
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
        let stays = self.shared.clients == Clients::Lasting && !state.engine.is_stopped();
        if !stays
            && state.in_flight == 0
            && state.engaged == 0
            && state.agenda.is_empty()
            && state.engine.is_over()
        {
            // The integrator may react to the last callbacks, too.
            return match self.put_off(state, Duration::MAX) {
                Some(wait) => (Next::Wait(Some(wait)), Waits::For(None)),
                None => (Next::Over, Waits::ForEnd),
            };
        }
        if alone {
            return until_end;
        }
        if awaits != state.engine.awaits_request() {
            // A step that was due has begun to wait, so that the clock runs from now on.
            return (Next::Again, Waits::ForEnd);
        }
        let agenda = state.agenda.keys().next().map(|(at, _)| *at);
        let wakeup = [state.engine.next_wakeup(), agenda].into_iter().flatten().min();
        if let Some(destination) = state.destination {
            let next = wakeup.filter(|at| *at <= destination);
            state.clock.jump_to(next.unwrap_or(destination));
            if next.is_none() {
                // Record the moment reached before anything else can change it.
                state.mark();
                state.destination = None;
                self.shared.arrived.notify_waiters();
            }
            return (Next::Again, Waits::ForEnd);
        }
        let Some(wakeup) = wakeup else {
            return (Next::Wait(None), Waits::For(None));
        };
        let may_jump = match self.shared.clients {
            Clients::Closed => true,
            Clients::Open => !outside,
            // An awaited request arrives in real time, so time does not jump to its deadline.
            Clients::Lasting => !awaits && (state.engine.is_busy() || state.engine.is_telling()),
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
        let is_idle = jumps && self.shared.clients == Clients::Lasting;
        match state.clock.real_until(wakeup) {
            Some(Duration::ZERO) => (Next::Again, Waits::ForEnd),
            Some(wait) if jumps && self.shared.clients == Clients::Open => {
                let wait = patience.map_or(wait, |patience| patience.min(wait));
                (Next::Wait(Some(wait)), Waits::For(Some(wakeup)))
            }
            wait if is_idle => (Next::Wait(wait), Waits::Idly(wakeup)),
            wait => (Next::Wait(wait), Waits::For(Some(wakeup))),
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
