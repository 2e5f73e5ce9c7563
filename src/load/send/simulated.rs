//! Stories told for real, at a rate: each with its pauses, waits and expectations, on the engine that `run` and `serve`
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

use super::job::{Drive, Job};
use super::run_stats::{Outcome, Progress, Recorder, RunStats};
use crate::api::Api;
use crate::delivery::{CallbackId, Client, ClientOptions, ErrorClass};
use crate::engine::{Callers, Clock, Driver, End, Engine, Speed};
use crate::http::Server;
use crate::journal::{Entry, Event, Sink};
use crate::load::compile::Context;
use crate::load::plan::{self, Next, Schedule};
use crate::net::Guard;
use crate::scenario::{Story, StoryRun};

/// How often a closed loop looks whether a story has ended, and everybody whether the run has.
const LOOK: Duration = Duration::from_millis(5);

/// Keeps the stats of a run by what the journal is told.
#[derive(Clone)]
struct Keeper(Arc<Mutex<Keeping>>);

struct Keeping {
    recorder: Recorder,
    started: Timestamp,
    /// The stories that are being told, by their labels.
    iteration: HashMap<Arc<str>, Telling>,
    /// The callbacks under way.
    sent: HashMap<CallbackId, (plan::Event, Duration, Option<u16>)>,
    /// How many stories are not over.
    open: u64,
}

#[derive(Clone, Copy)]
struct Telling {
    number: u64,
    story: usize,
    planned: Duration,
    /// When it really began: what it sends at once was planned for the same instant as the story.
    began: Duration,
}

impl Keeper {
    fn lock(&self) -> MutexGuard<'_, Keeping> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keeping {
    /// The stats; those that are kept from now on are not looked at.
    fn close(&mut self, job: &Job) -> RunStats {
        let empty = Recorder::new(job.late, job.interval, 0, 0);
        std::mem::replace(&mut self.recorder, empty).close()
    }

    fn since_start(&self, at: Timestamp) -> Duration {
        Duration::try_from(at.duration_since(self.started)).unwrap_or(Duration::ZERO)
    }

    fn take(&mut self, entry: &Entry) {
        let now = self.since_start(entry.at);
        let mut iteration = entry.story.as_ref().and_then(|label| self.iteration.get_mut(label));
        match &entry.event {
            Event::StoryStarted => {
                if let Some(iteration) = &mut iteration {
                    iteration.began = now;
                    self.recorder.stories.tell(iteration.story);
                }
            }
            Event::StoryFinished { passed } => {
                if let Some(label) = &entry.story
                    && let Some(iteration) = self.iteration.remove(label)
                {
                    self.open -= 1;
                    if !passed {
                        self.recorder.stories.fail(iteration.story);
                    }
                }
            }
            Event::Failed { place, message } => {
                if let Some(iteration) = iteration {
                    self.recorder.stories.blame(iteration.story, place, message);
                }
            }
            Event::Queued(callback) => {
                let planned = match &iteration {
                    Some(iteration) if iteration.began == now => iteration.planned,
                    _ => now,
                };
                let (iteration, story) =
                    iteration.map_or((0, None), |iteration| (iteration.number, Some(iteration.story)));
                let event = plan::Event { iteration, story: story.unwrap_or(0), step: 1, planned };
                self.recorder.release(&event, now);
                self.sent.insert(callback.id, (event, now, None));
            }
            Event::Tried { attempt, result, .. } => {
                if let (Some(sent), Ok(answer)) = (self.sent.get_mut(&attempt.callback.id), &result.result) {
                    sent.2 = Some(answer.status);
                }
            }
            Event::Delivered { id, .. } => {
                if let Some((event, released, status)) = self.sent.remove(id) {
                    self.recorder.end(&event, released, now, Outcome::Ok(status.unwrap_or(0)));
                }
            }
            Event::Dead { id, class, reason, .. } => {
                if let Some((event, released, status)) = self.sent.remove(id) {
                    let outcome = match (class, status) {
                        (ErrorClass::Rejected, Some(status)) => Outcome::Wrong(status),
                        (ErrorClass::Timeout, _) => Outcome::TimedOut(reason.clone()),
                        (class, _) => Outcome::Failed(class.as_str(), reason.clone()),
                    };
                    self.recorder.end(&event, released, now, outcome);
                }
            }
            Event::Assumed { .. } | Event::Waiting { .. } | Event::Note(_) | Event::Called(_) => {}
        }
    }
}

impl Sink for Keeper {
    fn entry(&mut self, entry: &Entry) {
        self.lock().take(entry);
    }
}

/// Tells stories by the job's schedule until all are over, or `interrupt` is ready. The mock takes calls on `server`.
pub(crate) async fn run(
    context: &Context<'_>,
    guard: &Guard,
    stories: &[Arc<Story>],
    job: &Job,
    server: Server,
    interrupt: impl Future<Output = ()>,
    mut watch: impl FnMut(),
) -> io::Result<(RunStats, bool)> {
    let keeper = Keeper(Arc::new(Mutex::new(Keeping {
        recorder: Recorder::new(job.late, job.interval, stories.len(), job.intervals),
        started: job.started,
        iteration: HashMap::new(),
        sent: HashMap::new(),
        open: 0,
    })));
    let url = format!("http://{}", server.local_addr());
    let mut options = context.engine(job.seed, job.in_flight as usize, &url);
    options.journal.add_sink(Box::new(keeper.clone()));
    let client = Client::new(ClientOptions {
        guard: guard.clone(),
        tls: context.settings.tls.clone(),
        idle_per_target: job.in_flight as usize,
    });
    let client = client.map_err(io::Error::other)?;
    let mut interrupt = std::pin::pin!(interrupt);
    tokio::select! {
        () = tokio::time::sleep_until(job.start.into()) => {}
        () = &mut interrupt => return Ok((keeper.lock().close(job), true)),
    }
    let clock = Clock::starting(job.started, Speed::Times(1.0));
    let driver = Driver::new(Engine::new(options), clock, client, Callers::Lasting);
    let api = Api::new(driver.clone(), context.catalog, context.settings.access).map_err(io::Error::other)?;
    let serving = tokio::spawn(server.serve(
        move |call| api.answer(call),
        context.settings.limits.clone(),
        std::future::pending(),
    ));
    let (done, is_done) = tokio::sync::oneshot::channel::<()>();
    let all_told = Cell::new(false);
    let ended = async {
        tokio::select! {
            () = &mut interrupt => {}
            _ = is_done => {}
        }
    };
    let iteration = async {
        tell(context, stories, job, &driver, &keeper).await;
        all_told.set(true);
        // The driver may have ended before, by an interruption.
        let _ = done.send(());
        std::future::pending::<()>().await;
    };
    let watching = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(250));
        loop {
            ticks.tick().await;
            let mut keeping = keeper.lock();
            keeping.recorder.tick(job.now());
            job.publish(0, |progress: &mut Progress| keeping.recorder.progress(progress));
            drop(keeping);
            watch();
        }
    };
    let end = tokio::select! {
        end = driver.drive(ended) => end,
        () = iteration => End::Interrupted,
        () = watching => End::Interrupted,
    };
    debug_assert_eq!(end, End::Interrupted);
    serving.abort();
    let now = job.now();
    let mut keeping = keeper.lock();
    let interrupted = !all_told.get() || keeping.open > 0 || !keeping.sent.is_empty();
    // What is not delivered now never will be.
    for (event, released, _) in std::mem::take(&mut keeping.sent).into_values() {
        keeping.recorder.end(&event, released, now, Outcome::interrupted());
    }
    Ok((keeping.close(job), interrupted))
}

/// Begins stories when they are due, and waits until all are over.
async fn tell(context: &Context<'_>, stories: &[Arc<Story>], job: &Job, driver: &Driver, keeper: &Keeper) {
    let mut schedule: Schedule = job.schedule(0);
    let closed = matches!(job.drive, Drive::Closed(_));
    let mut begun: u32 = 0;
    loop {
        if closed && keeper.lock().open >= u64::from(job.in_flight) {
            tokio::time::sleep(LOOK).await;
            continue;
        }
        let now = job.now();
        match schedule.next(now) {
            Next::Release(event) => {
                begin(context, stories, job, driver, keeper, &event, begun);
                begun += 1;
            }
            Next::Drop(event) => keeper.lock().recorder.drop(&event, schedule.steps(event.story), now),
            Next::Wait(due) => tokio::time::sleep_until((job.start + due).into()).await,
            Next::Over => break,
        }
    }
    loop {
        let busy = driver.look(|engine, _| engine.is_busy());
        if keeper.lock().open == 0 && !busy {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn begin(
    context: &Context<'_>,
    stories: &[Arc<Story>],
    job: &Job,
    driver: &Driver,
    keeper: &Keeper,
    event: &plan::Event,
    number: u32,
) {
    let Some(story) = stories.get(event.story) else { return };
    let label: Arc<str> = Arc::from(format!("{} #{}", story.name, event.iteration + 1));
    let seed = job.seed.derive("load story", event.story as u64).derive("copy", event.iteration);
    let copy = u32::try_from(event.iteration + 1).unwrap_or(u32::MAX);
    let start = job.started.checked_add(event.planned).unwrap_or(job.started);
    let mut play = StoryRun::new(Arc::clone(story), Arc::clone(&label), number, copy, seed, start);
    for (name, value) in context.set {
        play.preset(name, value);
    }
    {
        let mut keeping = keeper.lock();
        keeping.open += 1;
        let iteration = Telling {
            number: event.iteration,
            story: event.story,
            planned: event.planned,
            began: Duration::MAX,
        };
        keeping.iteration.insert(label, iteration);
    }
    driver.with(|engine, _| engine.add_story(play));
}
