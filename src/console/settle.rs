//! `POST /_mock/settle`: returns when everything that was caused has ended.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, timeout_at};

use super::World;
use super::endpoint::Answered;
use super::refused::Refused;
use super::wait::ENDING;
use crate::delivery::Totals;
use crate::engine::Engine;
use crate::time::HumanDuration;

/// Default for how long to wait, in real time.
const WITHIN: Duration = Duration::from_secs(10);

/// The interval of checks while nothing is written to the journal.
const LOOK: Duration = Duration::from_millis(5);

/// The status if something is still open.
pub(super) const NOT_SETTLED: u16 = 417;

/// Maximum number of open callbacks listed.
const MOST: usize = 100;

/// When to return.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Ask {
    /// Maximum waiting time, in real time. Default: 10s. If the clock stands still and only planned work is left, the
    /// response comes at once.
    within: Option<HumanDuration>,
    /// Ignores work due later than this, in the mock's time: `1m`. Default: waits for everything that ends on its own,
    /// however late.
    horizon: Option<HumanDuration>,
    /// Whether to move the clock to the next due moment until everything is over, instead of waiting. Default: false.
    advance: Option<bool>,
}

/// The result.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Answer {
    /// Whether everything is over.
    settled: bool,
    /// The mock's time.
    now: String,
    /// The callbacks that are neither delivered nor given up, at most 100.
    open: Vec<Open>,
    /// Number of requests that are delayed on purpose and not yet answered.
    late: usize,
    /// Whether something is in progress that ends on its own.
    busy: bool,
    /// When the next thing happens, in the mock's time.
    next: Option<String>,
    /// Why not everything is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// The callbacks by state.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    callbacks: Totals,
}

/// A callback that is not delivered yet.
#[derive(Debug, Serialize, JsonSchema)]
struct Open {
    /// Its number.
    callback: u64,
    /// Its event.
    event: String,
    /// The URL it is sent to.
    url: String,
    /// When it was first due.
    due: String,
}

/// Waits until everything has ended.
pub(super) async fn settle(world: World, ask: Ask) -> Result<Answered<Answer>, Refused> {
    let within = ask.within.map_or(WITHIN, |within| within.0);
    let until = Instant::now() + within;
    let mut written = world.kept.watch();
    loop {
        let is_ending = world.kept.is_over();
        let settled = world.driver.look(|engine, now| {
            let is_over = is_over(engine, now, ask.horizon.map(|horizon| horizon.0));
            if is_over && world.late.count() == 0 {
                return Ok(answer(&world, engine, now, None));
            }
            // What is under way ends by itself, in real time; the clock must not run ahead of it.
            let is_under_way = engine.totals().in_flight > 0;
            let next = engine.next_wakeup().filter(|_| !is_over && !is_under_way);
            Err(next.map(|at| Duration::try_from(at.duration_since(now))))
        });
        let next = match settled {
            Ok(answer) => return Ok(Answered::ok(answer)),
            Err(next) => next,
        };
        // By itself a stopped clock never reaches the next moment.
        let still = world.why_nothing_happens().filter(|_| ask.advance != Some(true));
        let timed_out = || format!("not everything was over within {}", HumanDuration(within));
        let ending = is_ending.then(|| ENDING.to_owned());
        if let Some(why) = ending.or(still).or_else(|| (Instant::now() >= until).then(timed_out)) {
            let answer = world.driver.look(|engine, now| answer(&world, engine, now, Some(why)));
            return Ok(Answered::Json(NOT_SETTLED, answer));
        }
        match next {
            Some(gap) if ask.advance == Some(true) => {
                // Whether the time limit was reached shows at the next check.
                let _ = timeout_at(until, world.driver.travel(gap.unwrap_or_default())).await;
            }
            _ => {
                // Waits for an entry of the journal or a short time, whichever comes first.
                let _ = timeout_at(until.min(Instant::now() + LOOK), written.changed()).await;
            }
        }
    }
}

/// Whether the engine is at nothing that has to be over.
fn is_over(engine: &Engine, now: Timestamp, horizon: Option<Duration>) -> bool {
    let totals = engine.totals();
    let is_open = totals.pending + totals.in_flight + totals.waiting > 0;
    match horizon {
        None => !engine.is_busy(),
        Some(horizon) => {
            let end = now.checked_add(horizon).unwrap_or(Timestamp::MAX);
            !is_open && engine.next_wakeup().is_none_or(|at| at > end)
        }
    }
}

/// Returns the response; `why` says why not everything is over.
fn answer(world: &World, engine: &Engine, now: Timestamp, why: Option<String>) -> Answer {
    let open = engine.unfinished().take(MOST).map(|(id, callback)| Open {
        callback: id.0,
        event: callback.event.to_string(),
        url: callback.target.to_string(),
        due: callback.due.to_string(),
    });
    Answer {
        settled: why.is_none(),
        now: now.to_string(),
        open: open.collect(),
        late: world.late.count(),
        busy: engine.is_busy(),
        next: engine.next_wakeup().map(|at| at.to_string()),
        why,
        callbacks: engine.totals(),
    }
}
