//! Rebuilding a mock by replaying its inputs.

use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;

use super::assembly::Service;
use super::beginning::SharedBeginning;
use super::error::StartError;
use super::memory;
use crate::api::{Api, Late};
use crate::console::{Again, AgainError, Beginning, Moment};
use crate::engine::{Driver, Given, Input, NoInputs};
use crate::journal::Kept;
use crate::sync::lock;

/// Replays recorded inputs into a fresh mock, up to and including the last.
///
/// # Errors
///
/// If an input does not fit, because the mocks differ.
pub(super) fn replay(service: &Service, inputs: &[Arc<Input>]) -> Result<(), AgainError> {
    let driver = service.driver();
    driver.set_replaying(true);
    for (at, input) in inputs.iter().enumerate() {
        driver.replay(input).map_err(|misfit| AgainError::Misfit { number: at + 1, misfit })?;
        match &input.given {
            Given::Request(request) => {
                let mut answering = service.answer((**request).clone());
                // All effects happen in the first poll.
                let polled = answering.as_mut().poll(&mut Context::from_waker(Waker::noop()));
                debug_assert!(matches!(polled, Poll::Ready(_)), "{} {} waits", request.method, request.path);
            }
            Given::Late(number) => drop(service.api().finish_late(*number)),
            Given::Time | Given::Attempt(_) | Given::Beside(_) | Given::Result { .. } => {}
        }
    }
    driver.set_replaying(false);
    Ok(())
}

/// Makes a mock like the running one, with another beginning.
type Make = Box<dyn Fn(&Beginning) -> Result<Service, StartError> + Send + Sync>;

/// Puts a running mock back.
pub(super) struct Remake {
    driver: Driver,
    api: Api,
    kept: Kept,
    make: Make,
    beginning: SharedBeginning,
    /// The time at its beginning, if it is not the present.
    epoch: Option<Timestamp>,
    /// Held while the mock is being put back.
    turn: Mutex<()>,
}

impl std::fmt::Debug for Remake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remake").field("beginning", &self.beginning).finish_non_exhaustive()
    }
}

impl Remake {
    /// Creates the means to put back a mock with this beginning.
    pub(super) fn new(
        service: &Service,
        beginning: SharedBeginning,
        epoch: Option<Timestamp>,
        make: impl Fn(&Beginning) -> Result<Service, StartError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            driver: service.driver().clone(),
            api: service.api().clone(),
            kept: service.kept().clone(),
            make: Box::new(make),
            beginning,
            epoch,
            turn: Mutex::default(),
        }
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        // The lock guards no state of its own.
        lock(&self.turn)
    }

    /// Changes the state to one with this beginning, which is in the store by then. If that fails, nothing is changed.
    fn change(
        &self,
        beginning: Beginning,
        change: impl FnOnce() -> Result<(), NoInputs>,
    ) -> Result<(), AgainError> {
        let before = self.beginning.replace(beginning);
        change().map_err(|error| {
            self.beginning.replace(before);
            AgainError::Wrong(error.to_string())
        })?;
        // The state before it.
        memory::freed();
        Ok(())
    }

    /// Begins another state, while no other thread sees it: with these delayed requests, and without the entries of the old one.
    fn go_on_with(&self, late: Late) {
        self.api.take_over_late(late);
        self.kept.clear();
    }
}

impl Again for Remake {
    fn beginning(&self) -> Beginning {
        self.beginning.get()
    }

    fn moment(&self) -> Result<Moment, NoInputs> {
        let _turn = self.turn();
        let (checkpoint, late) = self.driver.checkpoint(|| self.api.late())?;
        Ok(Moment { beginning: self.beginning.get(), checkpoint, late })
    }

    fn restore(&self, moment: &Moment) -> Result<(), AgainError> {
        let _turn = self.turn();
        self.change(moment.beginning.clone(), || {
            let late = moment.late.clone();
            self.driver.go_back_to(&moment.checkpoint, || self.go_on_with(late))
        })
    }

    fn go_back(&self, beginning: Option<Beginning>, inputs: &[Arc<Input>]) -> Result<(), AgainError> {
        let _turn = self.turn();
        let now = self.epoch.unwrap_or_else(Timestamp::now);
        // When the mock is put back to its beginning, its stories start then too.
        let beginning = beginning.unwrap_or_else(|| {
            let ours = self.beginning.get();
            Beginning { stories: ours.stories.map(|_| now), ..ours }
        });
        let other = (self.make)(&beginning).map_err(|error| AgainError::Wrong(error.to_string()))?;
        other.driver().keep_inputs();
        replay(&other, inputs)?;
        if inputs.is_empty() {
            let speed = self.driver.speed();
            other.driver().go_on(now, speed);
        }
        self.change(beginning, || {
            let late = other.api().late();
            self.driver.adopt(other.driver(), inputs, || self.go_on_with(late))
        })
    }
}
