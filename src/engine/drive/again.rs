//! Replaying recorded inputs, and swapping in the replayed engine.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::Timestamp;

use super::{Driver, State, UnderWay};
use crate::delivery::{Attempt, CallbackId};
use crate::engine::clock::{Clock, Speed};
use crate::engine::core::Engine;
use crate::engine::inputs::{Given, History, Input, Inputs, NoInputs, Store};

/// A recorded input is inconsistent with the replayed state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Another callback would be next.
    #[error("the record's next attempt is of callback {0}, but the replay's is of {1}")]
    Attempt(String, String),
    /// The attempt never began.
    #[error("the record has a result for attempt {1} of callback {0}, which the replay never started")]
    Result(u64, u32),
}

impl State {
    /// Records that an attempt of this callback, or of none, is under way.
    fn began(&mut self, id: Option<CallbackId>, attempt: Option<Arc<Attempt>>) -> Result<(), Misfit> {
        if attempt.as_ref().map(|attempt| attempt.callback.id) != id {
            let name = |id: Option<CallbackId>| id.map_or_else(|| "none".to_owned(), |id| id.0.to_string());
            return Err(Misfit::Attempt(name(id), name(attempt.map(|attempt| attempt.callback.id))));
        }
        if let Some(attempt) = attempt {
            self.under_way.insert((attempt.callback.id, attempt.number), attempt);
        }
        Ok(())
    }
}

impl Driver {
    /// Keeps the inputs in memory from now on, so that they are available.
    pub fn keep_inputs(&self) {
        self.lock().inputs = Inputs::in_memory();
    }

    /// Does not record inputs from now on, because they are stored already.
    pub fn forget_inputs(&self) {
        self.lock().inputs.forget();
    }

    /// Stores the inputs from now on. The earlier ones are stored already.
    pub fn store_inputs(&self, store: Box<dyn Store>) {
        self.lock().inputs.stored(store);
    }

    /// Returns all inputs so far.
    ///
    /// # Errors
    ///
    /// If they are not recorded or can't be read.
    pub fn history(&self) -> Result<History, NoInputs> {
        let read = self.lock().inputs.history()?;
        read()
    }

    /// Whether recorded inputs are being replayed. Delays and background work do not apply then.
    pub fn is_replaying(&self) -> bool {
        self.shared.replaying.load(Ordering::Relaxed)
    }

    /// Starts or ends the replay of recorded inputs.
    pub fn set_replaying(&self, replaying: bool) {
        self.shared.replaying.store(replaying, Ordering::Relaxed);
        self.lock().engine.journal().set_earlier(replaying);
    }

    /// Moves an engine without a drive loop to the moment of an input and applies the input. A request is not applied: that is
    /// left to the caller, which can answer it.
    ///
    /// # Errors
    ///
    /// If the input does not fit.
    pub fn replay(&self, input: &Input) -> Result<(), Misfit> {
        let Input { at, given } = input;
        let at = *at;
        self.work(|state| {
            state.clock = Clock::starting(at, Speed::Still);
            match given {
                Given::Request(_) | Given::Late(_) => {}
                Given::Time => {
                    state.inputs.note(at, || Given::Time);
                    state.engine.advance(at);
                }
                Given::Attempt(id) => {
                    let attempt = state.engine.start(at);
                    state.began(*id, attempt)?;
                    state.inputs.note(at, || given.clone());
                }
                Given::Beside(id) => {
                    let attempt = state.engine.start_beside(at);
                    state.began(*id, attempt)?;
                    state.inputs.note(at, || given.clone());
                }
                Given::Result { callback, number, result } => {
                    let attempt = state.under_way.get(&(*callback, *number)).cloned();
                    let attempt = attempt.ok_or(Misfit::Result(callback.0, *number))?;
                    state.inputs.note(at, || given.clone());
                    state.finish(&attempt, result.clone(), at);
                }
            }
            Ok(())
        })
    }

    /// Ends the replay: time continues from a moment. The attempts that were under way are made again, because their results
    /// are unknown.
    pub fn go_on(&self, from: Timestamp, speed: Speed) {
        let mut state = self.lock();
        state.clock = Clock::starting(from, speed);
        self.resume(&mut state);
    }

    fn resume(&self, state: &mut State) {
        state.in_flight = state.under_way.len();
        for attempt in state.under_way.values() {
            self.attempt(vec![Arc::clone(attempt)], state.generation);
        }
        self.shared.changed.notify_one();
    }

    /// Takes over the state of another mock that has no drive loop: its engine, its time, and the inputs that led to them. The
    /// journal continues, and the results of work under way here are ignored. `beside` runs under the same lock.
    ///
    /// # Errors
    ///
    /// If its inputs can't be stored, or this mock is ending. Nothing is changed then, and `beside` does not run.
    pub fn adopt(&self, other: &Self, inputs: &[Arc<Input>], beside: impl FnOnce()) -> Result<(), NoInputs> {
        let history = other.history()?.or(inputs);
        // No other thread knows the other driver, so the order of the locks does not matter.
        let mut theirs = other.lock();
        let State { engine, under_way, clock, .. } = &mut *theirs;
        self.put(engine, std::mem::take(under_way), clock.now(), &history, beside)
    }

    /// Replaces the present state. Afterwards `engine` holds the previous one. `beside` runs under the same lock, for what
    /// belongs to the state and is kept elsewhere.
    pub(super) fn put(
        &self,
        engine: &mut Engine,
        under_way: UnderWay,
        at: Timestamp,
        history: &History,
        beside: impl FnOnce(),
    ) -> Result<(), NoInputs> {
        let mut state = self.lock();
        // Another engine would not know that it has to stop.
        if self.is_ending() {
            return Err(NoInputs::Ending);
        }
        state.inputs.replace(history)?;
        beside();
        std::mem::swap(&mut state.engine, engine);
        std::mem::swap(state.engine.journal(), engine.journal());
        state.under_way = under_way;
        state.clock = Clock::starting(at, state.clock.speed());
        state.generation += 1;
        state.destination = None;
        state.uploaded = None;
        self.shared.arrived.notify_waiters();
        self.resume(&mut state);
        Ok(())
    }
}
