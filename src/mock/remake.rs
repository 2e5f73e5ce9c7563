//! A mock made anew, that goes through what it was given before.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;

use super::assembly::Service;
use super::error::StartError;
use crate::api::Api;
use crate::console::{Again, AgainError, Beginning};
use crate::engine::{Driver, Given, Input};

/// Leads a fresh mock through what another was given, up to the moment of the last of it.
///
/// # Errors
///
/// If something does not fit: the mocks are not alike.
pub(super) fn replay(service: &Service, inputs: &[Arc<Input>]) -> Result<(), AgainError> {
    let driver = service.driver();
    driver.set_replaying(true);
    for (at, input) in inputs.iter().enumerate() {
        driver.replay(input).map_err(|misfit| AgainError::Misfit { number: at + 1, misfit })?;
        match &input.given {
            Given::Request(request) => {
                let mut answering = service.answer((**request).clone());
                // Whatever takes effect does so at once.
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

/// Makes a mock like the one that runs, with other beginnings.
type Make = Box<dyn Fn(&Beginning) -> Result<Service, StartError> + Send + Sync>;

/// Puts a mock back that runs.
pub(super) struct Remake {
    driver: Driver,
    api: Api,
    make: Make,
    beginning: Mutex<Beginning>,
    /// The time at its beginning, where it is not the present.
    epoch: Option<Timestamp>,
}

impl std::fmt::Debug for Remake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remake").field("beginning", &self.beginning).finish_non_exhaustive()
    }
}

impl Remake {
    /// For a mock that began like this.
    pub(super) fn new(
        service: &Service,
        beginning: Beginning,
        epoch: Option<Timestamp>,
        make: impl Fn(&Beginning) -> Result<Service, StartError> + Send + Sync + 'static,
    ) -> Self {
        Self {
            driver: service.driver().clone(),
            api: service.api().clone(),
            make: Box::new(make),
            beginning: Mutex::new(beginning),
            epoch,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Beginning> {
        // Whoever panicked while he looked has changed nothing by halves.
        self.beginning.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Again for Remake {
    fn beginning(&self) -> Beginning {
        self.lock().clone()
    }

    fn go_back(&self, beginning: Option<Beginning>, inputs: &[Arc<Input>]) -> Result<(), AgainError> {
        let mut ours = self.lock();
        let now = self.epoch.unwrap_or_else(Timestamp::now);
        // At its beginning the stories of the mock begin with it.
        let beginning =
            beginning.unwrap_or_else(|| Beginning { stories: ours.stories.map(|_| now), ..ours.clone() });
        let wrong = |error: &dyn std::fmt::Display| AgainError::Wrong(error.to_string());
        let other = (self.make)(&beginning).map_err(|error| wrong(&error))?;
        other.driver().keep_inputs();
        replay(&other, inputs)?;
        if inputs.is_empty() {
            let speed = self.driver.speed();
            other.driver().go_on(now, speed);
        }
        self.driver.adopt(other.driver()).map_err(|error| wrong(&error))?;
        self.api.take_over_late(other.api());
        *ours = beginning;
        Ok(())
    }
}
