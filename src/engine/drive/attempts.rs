//! The attempts of a drive: each is made in its own task, and its result is passed back to the engine.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use super::{Driver, State};
use crate::delivery::{Attempt, AttemptResult, ErrorClass, Failure};
use crate::engine::clock::Speed;
use crate::engine::inputs::Given;
use crate::journal::Event;
use crate::time::HumanDuration;

/// The pause between attempts to connect to a receiver that refuses connections.
const BETWEEN_CONNECTIONS: Duration = Duration::from_millis(50);

/// Counts an attempt as in flight while it lives.
struct InFlight {
    driver: Driver,
    generation: u64,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let generation = self.generation;
        self.driver.at_the_end(|state| state.in_flight -= usize::from(state.generation == generation));
    }
}

impl Driver {
    pub(super) fn begin(&self, state: &mut State, together: Vec<Arc<Attempt>>) {
        state.in_flight += together.len();
        for attempt in &together {
            state.under_way.insert((attempt.callback.id, attempt.number), Arc::clone(attempt));
        }
        self.attempt(together, state.generation);
    }

    /// Makes attempts at the same time; usually there is only one. Their results are taken in order.
    pub(super) fn attempt(&self, together: Vec<Arc<Attempt>>, generation: u64) {
        let others = together.into_iter().map(|attempt| {
            // Whatever happens, the attempt must not count as in flight for ever.
            let (driver, in_flight) = (self.clone(), InFlight { driver: self.clone(), generation });
            let sent = Arc::clone(&attempt);
            (attempt, in_flight, async move { driver.send(&sent).await })
        });
        let mut others: Vec<_> = others.collect();
        let Some((attempt, in_flight, first)) = others.pop() else { return };
        let driver = self.clone();
        tokio::spawn(async move {
            // The last one is made in this task, and all others beside it.
            let others: Vec<_> = others
                .into_iter()
                .map(|(attempt, in_flight, send)| (attempt, in_flight, tokio::spawn(send)))
                .collect();
            let result = first.await;
            for (attempt, in_flight, result) in others {
                if let Ok(result) = result.await {
                    driver.finish(&attempt, result, generation);
                }
                drop(in_flight);
            }
            driver.finish(&attempt, result, generation);
            drop(in_flight);
        });
    }

    fn finish(&self, attempt: &Arc<Attempt>, result: AttemptResult, generation: u64) {
        let is_taken = result.result.is_ok();
        self.work(|state| {
            // The engine that the attempt was made for may have been replaced.
            if state.generation != generation {
                return;
            }
            let now = state.clock.now();
            state.inputs.note(now, || Given::Result {
                callback: attempt.callback.id,
                number: attempt.number,
                result: result.clone(),
            });
            state.finish(attempt, result, now);
            if is_taken && self.gives_time(state) {
                state.outside.delivered(&attempt.callback.event, &self.shared.pace, self.real());
            }
        });
    }

    /// Makes an attempt. While time jumps, a receiver that refuses connections gets some real time to start: no part of the
    /// callback has reached it.
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
                    let note = format!("{receiver} refuses connections: waiting up to {within} for it");
                    let now = state.clock.now();
                    state.engine.journal().write(now, None, Event::Note(note));
                }
            }
            tokio::time::sleep(BETWEEN_CONNECTIONS).await;
        }
    }

    /// Makes an attempt once. A panic makes the attempt fail: without a result it would be under way for ever.
    async fn transmit(&self, attempt: &Arc<Attempt>) -> AttemptResult {
        let began = Instant::now();
        let mut transmission = pin!(self.transmission(attempt));
        let caught = poll_fn(|context| {
            let polled = catch_unwind(AssertUnwindSafe(|| transmission.as_mut().poll(context)));
            // The panic has been reported already.
            polled.map_or(Poll::Ready(None), |polled| polled.map(Some))
        });
        let failed = || AttemptResult { result: Err(Failure::panicked()), elapsed: began.elapsed() };
        caught.await.unwrap_or_else(failed)
    }

    async fn transmission(&self, attempt: &Arc<Attempt>) -> AttemptResult {
        #[cfg(test)]
        if let Some(receiver) = self.shared.receiver.get() {
            return receiver(Arc::clone(attempt)).await;
        }
        self.shared.client.send(attempt).await
    }
}
