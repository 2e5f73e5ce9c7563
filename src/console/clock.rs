//! `GET` and `POST /_mock/clock`: the mock's time.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::World;
use super::endpoint::{Answered, Nothing};
use super::refused::Refused;
use crate::delivery::Totals;
use crate::engine::Speed;
use crate::time::HumanDuration;

/// Default for how long, in real time, a request waits for the clock to arrive.
const WITHIN: Duration = Duration::from_secs(30);

/// The state of the clock.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Shown {
    /// The mock's time.
    now: String,
    /// Its speed: a multiple of real time, `0` for a stopped clock, or `max`.
    speed: String,
    /// Whether it has reached the requested time. If not, it is still moving (202).
    arrived: bool,
    /// The callbacks by state.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    callbacks: Totals,
}

impl Shown {
    fn of(world: &World, arrived: bool) -> Self {
        let speed = world.driver.speed().to_string();
        world.driver.look(|engine, now| Self {
            now: now.to_string(),
            speed,
            arrived,
            callbacks: engine.totals(),
        })
    }
}

/// Shows the clock.
pub(super) async fn show(world: World, _: Nothing) -> Result<Answered<Shown>, Refused> {
    Ok(Answered::ok(Shown::of(&world, true)))
}

/// What to do with the clock.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Ask {
    /// Moves forward by this duration, through every moment on the way: `25h`.
    by: Option<HumanDuration>,
    /// Moves forward to this moment: `2030-01-01T00:00:00Z`.
    to: Option<String>,
    /// Sets the speed to this multiple of real time: `60`; `0` stops the clock, `max` jumps to the next event.
    speed: Option<SpeedAsked>,
    /// Maximum time to wait for the clock to arrive, in real time. Default: 30s.
    within: Option<HumanDuration>,
}

/// A speed, as a number or as text.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "speed must be a number such as 60, or \"max\"")]
enum SpeedAsked {
    /// A multiple of real time; 0 stops the clock.
    Number(f64),
    /// The same, or `max`.
    Text(String),
}

impl SpeedAsked {
    fn speed(&self) -> Result<Speed, Refused> {
        let speed = match self {
            Self::Number(number) => number.to_string().parse(),
            Self::Text(text) => text.parse(),
        };
        speed.map_err(|error| Refused::wrong(format!("speed: {error}")))
    }
}

/// Moves the clock.
pub(super) async fn travel(world: World, ask: Ask) -> Result<Answered<Shown>, Refused> {
    let speed = ask.speed.as_ref().map(SpeedAsked::speed).transpose()?;
    let by = match (ask.by, ask.to) {
        (Some(_), Some(_)) => return Err(Refused::wrong("give `by` or `to`, not both")),
        (Some(by), None) => Some(by.0),
        (None, Some(to)) => Some(until(&world, &to)?),
        (None, None) if speed.is_some() => None,
        (None, None) => {
            return Err(Refused::wrong("by is missing: a duration such as \"25h\"; or give `to` or `speed`"));
        }
    };
    if let Some(speed) = speed {
        world.driver.set_speed(speed);
    }
    let arrived = match by {
        Some(by) => world.driver.travel_within(by, ask.within.map_or(WITHIN, |within| within.0)).await,
        None => true,
    };
    Ok(Answered::Json(if arrived { 200 } else { 202 }, Shown::of(&world, arrived)))
}

/// Returns the time until a moment.
fn until(world: &World, to: &str) -> Result<Duration, Refused> {
    let moment: Timestamp = to.parse().map_err(|_| {
        Refused::wrong(format!("to: `{to}` is not a timestamp: write for example \"2030-01-01T00:00:00Z\""))
    })?;
    let now = world.driver.look(|_, now| now);
    Duration::try_from(moment.duration_since(now))
        .map_err(|_| Refused::wrong(format!("to: it is already {now}, and time only moves forward")))
}
