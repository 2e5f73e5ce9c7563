//! Stories simulated at a rate: each with its pauses, waits and expectations, on the engine that `run` and `serve` use,
//! with the vendor's REST side in the same process.
//!
//! An event is a callback. Its planned instant is the moment at which the story wanted it by its plan. It counts as sent
//! from the moment its request is written, until it is delivered or given up by the delivery policy. The time between the
//! two moments is caused by this side.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::direct::Direct;
use super::job::{GRACE, Job};
use super::keeper::Keeper;
use super::run_stats::RunStats;
use super::simulation::{Simulation, Turn};
use crate::delivery::Attempt;
use crate::engine::Driver;
use crate::http::Server;
use crate::load::compile::Context;
use crate::mock::LoadRuns;

/// How often to check whether everything has ended.
const LOOK: Duration = Duration::from_millis(5);

/// How often a run publishes its progress.
const SHOW: Duration = Duration::from_millis(250);

/// Starts stories by the job's schedule until all are over, or `interrupt` is ready. The mock takes requests on `server`.
///
/// # Errors
///
/// If the mock can't start.
pub(crate) async fn run(
    context: &Context<'_>,
    job: &Job,
    (server, load): (Server, Option<Arc<dyn LoadRuns>>),
    interrupt: impl Future<Output = ()>,
    mut watch: impl FnMut(),
) -> io::Result<(RunStats, bool)> {
    let keeper = Keeper::new(job.recorder(), job.started, job.options.keeps_events);
    let mut interrupt = std::pin::pin!(interrupt);
    tokio::select! {
        () = tokio::time::sleep_until(job.start.into()) => {}
        () = &mut interrupt => return Ok((job.recorder().close(), true)),
    }
    let mock = context
        .builder(job.options.seed, job.options.in_flight as usize)
        .epoch(job.started)
        .server(server)
        .sink(keeper.clone())
        .load(load)
        .assemble()
        .await
        .map_err(io::Error::other)?;
    let driver = mock.driver().clone();
    let direct = Arc::new(Direct::new(Arc::clone(&job.target), job.address));
    let watching = async {
        let mut ticks = tokio::time::interval(SHOW);
        loop {
            ticks.tick().await;
            {
                let now = driver.look(|_, now| since_start(job, now));
                let recorder = &mut keeper.lock().recorder;
                recorder.tick(now);
                job.publish(0, |progress| recorder.progress(progress));
            }
            watch();
        }
    };
    let was_interrupted = tokio::select! {
        () = send_all(context, job, &driver, &direct, &keeper) => false,
        () = &mut interrupt => true,
        () = watching => true,
    };
    if was_interrupted {
        driver.look(|engine, _| engine.stop());
        // Events in flight may still end.
        let ended = async {
            while driver.look(|engine, _| engine.totals().in_flight) > 0 {
                tokio::time::sleep(LOOK).await;
            }
        };
        let _ = tokio::time::timeout(GRACE, ended).await;
    }
    let now = driver.look(|_, now| since_start(job, now));
    let faults = mock.hits().iter().map(|(name, hits)| (name.to_owned(), hits)).collect();
    drop(mock);
    let mut stats = keeper.lock().close(now, job.recorder());
    stats.connections += direct.opened();
    stats.faults = faults;
    Ok((stats, was_interrupted))
}

/// Begins stories when they are due, moves them on, sends their callbacks, and returns when all is over.
async fn send_all(context: &Context<'_>, job: &Job, driver: &Driver, direct: &Arc<Direct>, keeper: &Keeper) {
    let schedule = job.schedule(0);
    let mut simulation = driver.look(|engine, _| {
        Simulation::new(engine, &job.options, context.set, schedule, keeper.clone(), job.started)
    });
    loop {
        let Turn { attempts, wake, has_begun_all } =
            driver.look(|engine, now| simulation.turn(engine, since_start(job, now)));
        let is_still = attempts.is_empty();
        for attempt in attempts {
            send(job, driver, direct, keeper, attempt);
        }
        // The clock moves between looks, so check for the end once more.
        if is_still && has_begun_all && driver.look(|engine, _| !engine.is_busy()) && !keeper.lock().is_busy()
        {
            return;
        }
        // No event signals the last response, so poll.
        let wake = if has_begun_all { Some(driver.look(|_, now| next_look(now, wake))) } else { wake };
        if !is_still || wake.is_some_and(|at| driver.look(|_, now| at <= now)) {
            // Let the tasks for responses and requests run as well.
            tokio::task::yield_now().await;
        } else {
            driver.wait(wake).await;
        }
    }
}

/// Returns how long a run has been going on at a moment.
fn since_start(job: &Job, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(job.started)).unwrap_or(Duration::ZERO)
}

/// Returns `wake`, but not later than the next check.
fn next_look(now: Timestamp, wake: Option<Timestamp>) -> Timestamp {
    let look = now.checked_add(LOOK).unwrap_or(Timestamp::MAX);
    wake.map_or(look, |wake| wake.min(look))
}

/// Makes an attempt: writes it at once, and reads its response in a task of its own.
fn send(job: &Job, driver: &Driver, direct: &Arc<Direct>, keeper: &Keeper, attempt: Arc<Attempt>) {
    // Use the mock's clock, by which responses are timed as well.
    let now = driver.look(|_, now| since_start(job, now));
    keeper.lock().written(attempt.callback.id, now);
    let driver = driver.clone();
    if direct.takes(&attempt) {
        let begun = direct.begin(&attempt);
        let direct = Arc::clone(direct);
        tokio::spawn(async move {
            let result = direct.finish(&attempt, begun).await;
            driver.with(|engine, now| engine.finish(&attempt, result, now));
        });
    } else {
        tokio::spawn(async move {
            let result = driver.client().send(&attempt).await;
            driver.with(|engine, now| engine.finish(&attempt, result, now));
        });
    }
}
