//! An engine that goes through what another was given, and takes its place.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use jiff::Timestamp;

use super::{Driver, State, UnderWay};
use crate::delivery::{Attempt, CallbackId};
use crate::engine::clock::{Clock, Speed};
use crate::engine::core::Engine;
use crate::engine::inputs::{Given, History, Input, Inputs, NoInputs, Store};

/// An input does not fit the state that the ones before it have led to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// Another callback would be next.
    #[error("the next attempt was of callback {0}, and now it is of {1}")]
    Attempt(String, String),
    /// The attempt was never begun.
    #[error("attempt {1} of callback {0} came to its end, and now it never began")]
    Result(u64, u32),
}

impl State {
    /// An attempt is under way that began before: of this callback, or of none.
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
    /// Keeps the inputs in memory from now on, so that they can be had.
    pub fn keep_inputs(&self) {
        self.lock().inputs = Inputs::in_memory();
    }

    /// Keeps no inputs from now on: those that come are stored already.
    pub fn forget_inputs(&self) {
        self.lock().inputs.forget();
    }

    /// Stores the inputs from now on; those so far are there already.
    pub fn store_inputs(&self, store: Box<dyn Store>) {
        self.lock().inputs.stored(store);
    }

    /// All inputs so far.
    ///
    /// # Errors
    ///
    /// They are not kept, or can't be read.
    pub fn history(&self) -> Result<History, NoInputs> {
        let read = self.lock().inputs.history()?;
        read()
    }

    /// Whether it goes through what another was given: nothing is late then, and nothing is done beside the others.
    pub fn is_replaying(&self) -> bool {
        self.shared.replaying.load(Ordering::Relaxed)
    }

    /// It goes through what another was given from now on, or does so no more.
    pub fn set_replaying(&self, replaying: bool) {
        self.shared.replaying.store(replaying, Ordering::Relaxed);
        self.lock().engine.journal().set_earlier(replaying);
    }

    /// Leads an engine that nobody drives to the moment of an input, and lets it have that, unless it is a request, which is
    /// for whoever can answer it.
    ///
    /// # Errors
    ///
    /// The input does not fit.
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
                    state.began(Some(*id), attempt)?;
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

    /// The inputs have ended: time goes on from a moment. The attempts that were under way are made once more, for nobody
    /// knows what became of them.
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

    /// Takes over the state of another mock, which nobody drives: its engine and its time, and what has led to them. The
    /// journal goes on, and what was under way here comes to nothing.
    ///
    /// # Errors
    ///
    /// Its inputs can't be stored; then nothing is changed.
    pub fn adopt(&self, other: &Self, inputs: &[Arc<Input>]) -> Result<(), NoInputs> {
        let history = other.history()?.or(inputs);
        // Nobody else knows the other one, so that there is no order of locks.
        let mut theirs = other.lock();
        let State { engine, under_way, clock, .. } = &mut *theirs;
        self.put(engine, std::mem::take(under_way), clock.now(), &history)
    }

    /// Puts a state in place of the present one, which is what `engine` is afterwards.
    pub(super) fn put(
        &self,
        engine: &mut Engine,
        under_way: UnderWay,
        at: Timestamp,
        history: &History,
    ) -> Result<(), NoInputs> {
        let mut state = self.lock();
        state.inputs.replace(history)?;
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
