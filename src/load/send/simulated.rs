//! Stories simulated at a rate: each with its pauses, waits and expectations, on the engine that `run` and `serve`
//! use, with the vendor's REST side in the same process.
//!
//! An event is a callback from the moment it is handed to delivery until it is delivered or given up by the delivery
//! policy. Its planned instant is the moment the story wanted it, less what the story itself began too late.

use std::cell::Cell;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::job::Job;
use super::run_stats::{Outcome, Recorder, RunStats};
use crate::delivery::{CallbackId, ErrorClass, Failure};
use crate::engine::{Callers, Driver, End};
use crate::http::Server;
use crate::journal::{Entry, Event, Sink};
use crate::load::compile::Context;
use crate::load::plan::{self, Next};
use crate::scenario::StoryRun;

/// How often a closed loop looks whether a story has ended, and everybody whether the run has.
const LOOK: Duration = Duration::from_millis(5);

/// Keeps the statistics of a run by what the journal gets.
#[derive(Clone)]
struct Keeper(Arc<Mutex<Keeping>>);

struct Keeping {
    recorder: Recorder,
    started: Timestamp,
    /// The stories that are running, by their labels.
    iterations: HashMap<Arc<str>, Iteration>,
    /// The callbacks under way.
    sent: HashMap<CallbackId, (plan::Event, Duration, Option<u16>)>,
}

#[derive(Clone, Copy)]
struct Iteration {
    event: plan::Event,
    /// When it really began: what it sends at once was planned for the same instant as the story.
    began: Duration,
}

impl Keeper {
    fn lock(&self) -> MutexGuard<'_, Keeping> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keeping {
    fn since_start(&self, at: Timestamp) -> Duration {
        Duration::try_from(at.duration_since(self.started)).unwrap_or(Duration::ZERO)
    }

    fn take(&mut self, entry: &Entry) {
        let now = self.since_start(entry.at);
        let label = entry.story.as_ref();
        let iteration = label.and_then(|label| self.iterations.get_mut(label));
        match &entry.event {
            Event::StoryStarted => {
                if let Some(iteration) = iteration {
                    iteration.began = now;
                    self.recorder.story(iteration.event.story).started += 1;
                }
            }
            Event::StoryFinished { passed } => {
                if let Some(Iteration { event, .. }) = label.and_then(|label| self.iterations.remove(label)) {
                    self.recorder.story(event.story).failed += u64::from(!passed);
                }
            }
            Event::Explained { .. } => {}
            Event::Failed { place, message } => {
                if let Some(iteration) = iteration {
                    let first = &mut self.recorder.story(iteration.event.story).first_failure;
                    if first.is_empty() {
                        *first = format!("{} ({place})", message.lines().next().unwrap_or_default());
                    }
                }
            }
            Event::Queued(callback) => {
                // It is no first step: which stories were started is known already.
                let event = match iteration {
                    Some(Iteration { event, began }) if *began == now => plan::Event { step: 1, ..*event },
                    Some(Iteration { event, .. }) => plan::Event { step: 1, planned: now, ..*event },
                    None => plan::Event { iteration: 0, story: 0, step: 1, steps: 1, planned: now },
                };
                self.recorder.release(&event, now);
                self.sent.insert(callback.id, (event, now, None));
            }
            Event::Attempted { attempt, result, .. } => {
                if let (Some(sent), Ok(answer)) = (self.sent.get_mut(&attempt.callback.id), &result.result) {
                    sent.2 = Some(answer.status);
                }
            }
            Event::Ended { id, end } => {
                if let Some((event, released, status)) = self.sent.remove(id) {
                    let outcome = match (&end.failure, status) {
                        (None, status) => Outcome::Ok(status.unwrap_or(0)),
                        (Some(Failure { class: ErrorClass::Rejected, .. }), Some(status)) => {
                            Outcome::Wrong(status)
                        }
                        (Some(failure), _) => failure.clone().into(),
                    };
                    self.recorder.end(&event, released, now, outcome);
                }
            }
            Event::Assumed { .. }
            | Event::Skipped(_)
            | Event::Waiting { .. }
            | Event::Note(_)
            | Event::Found { .. }
            | Event::Called(_) => {}
        }
    }
}

impl Sink for Keeper {
    fn entry(&mut self, entry: &Entry) {
        self.lock().take(entry);
    }
}

/// Starts stories by the job's schedule until all are over, or `interrupt` is ready. The mock takes calls on `server`.
///
/// # Errors
///
/// If the mock can't start.
pub(crate) async fn run(
    context: &Context<'_>,
    job: &Job,
    server: Server,
    interrupt: impl Future<Output = ()>,
    mut watch: impl FnMut(),
) -> io::Result<(RunStats, bool)> {
    let keeper = Keeper(Arc::new(Mutex::new(Keeping {
        recorder: job.recorder(),
        started: job.started,
        iterations: HashMap::new(),
        sent: HashMap::new(),
    })));
    let mut interrupt = std::pin::pin!(interrupt);
    tokio::select! {
        () = tokio::time::sleep_until(job.start.into()) => {}
        () = &mut interrupt => return Ok((job.recorder().close(), true)),
    }
    let mock = context
        .builder(job.options.seed, job.options.in_flight as usize)
        .epoch(job.started)
        .callers(Callers::Lasting)
        .server(server)
        .sink(keeper.clone())
        .assemble()
        .await
        .map_err(io::Error::other)?;
    let driver = mock.driver().clone();
    let (done, is_done) = tokio::sync::oneshot::channel::<()>();
    let all_over = Cell::new(false);
    let ended = async {
        tokio::select! {
            () = &mut interrupt => {}
            _ = is_done => {}
        }
    };
    let starting = async {
        start_all(context, job, &driver, &keeper).await;
        all_over.set(true);
        // The driver may have ended before, by an interruption.
        let _ = done.send(());
        std::future::pending::<()>().await;
    };
    let watching = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(250));
        loop {
            ticks.tick().await;
            {
                let recorder = &mut keeper.lock().recorder;
                recorder.tick(job.now());
                job.publish(0, |progress| recorder.progress(progress));
            }
            watch();
        }
    };
    let end = tokio::select! {
        end = driver.drive(ended) => end,
        () = starting => End::Interrupted,
        () = watching => End::Interrupted,
    };
    debug_assert_eq!(end, End::Interrupted);
    drop(mock);
    let now = job.now();
    let mut keeping = keeper.lock();
    let interrupted = !all_over.get() || !keeping.iterations.is_empty() || !keeping.sent.is_empty();
    // What is not delivered now never will be.
    for (event, released, _) in std::mem::take(&mut keeping.sent).into_values() {
        keeping.recorder.end(&event, released, now, Outcome::interrupted());
    }
    // What is counted from now on is not looked at.
    let recorder = std::mem::replace(&mut keeping.recorder, job.recorder());
    Ok((recorder.close(), interrupted))
}

/// Begins stories when they are due, and waits until all are over.
async fn start_all(context: &Context<'_>, job: &Job, driver: &Driver, keeper: &Keeper) {
    let mut schedule = job.schedule(0);
    for begun in 0.. {
        let event = loop {
            let now = job.now();
            let running = {
                let keeping = &mut *keeper.lock();
                keeping.recorder.drop_overdue(&mut schedule, now, job.options.drop_after);
                keeping.iterations.len()
            };
            if schedule.is_closed() && running >= job.options.in_flight as usize {
                tokio::time::sleep(LOOK).await;
                continue;
            }
            match schedule.next(now) {
                Next::Release(event) => break Some(event),
                Next::Wait(due) => tokio::time::sleep_until((job.start + due).into()).await,
                Next::Over => break None,
            }
        };
        let Some(event) = event else { break };
        begin(context, job, driver, keeper, event, begun);
    }
    while !keeper.lock().iterations.is_empty() || driver.look(|engine, _| engine.is_busy()) {
        tokio::time::sleep(LOOK).await;
    }
}

fn begin(
    context: &Context<'_>,
    job: &Job,
    driver: &Driver,
    keeper: &Keeper,
    event: plan::Event,
    number: u32,
) {
    let (story, _) = &job.options.stories[event.story];
    let label: Arc<str> = Arc::from(format!("{} #{}", story.name, event.iteration + 1));
    let seed = job.options.seed.derive("load story", event.story as u64).derive("copy", event.iteration);
    let copy = u32::try_from(event.iteration + 1).unwrap_or(u32::MAX);
    let start = job.started.checked_add(event.planned).unwrap_or(job.started);
    let mut run = StoryRun::new(Arc::clone(story), Arc::clone(&label), number, copy, seed, start);
    for (name, value) in context.set {
        run.preset(name, value);
    }
    keeper.lock().iterations.insert(label, Iteration { event, began: Duration::MAX });
    driver.with(|engine, _| engine.add_story(run));
}
