//! `GET` and `POST /_mock/clock`: the mock's time.

use std::time::Duration;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::World;
use super::endpoint::{Answered, Endpoint, Nothing};
use super::refused::Refused;
use crate::delivery::Totals;
use crate::engine::Speed;
use crate::time::HumanDuration;

/// Default for how long, in real time, a request waits for the clock to arrive.
const WITHIN: Duration = Duration::from_secs(30);

/// What the clock shows.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Shown {
    /// The mock's time.
    now: String,
    /// How fast it goes: a number of times real time, `0` for a clock that stands still, or `max`.
    speed: String,
    /// Whether it is where it was sent. If not, it is still on its way (202).
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
pub(super) struct Show;

impl Endpoint for Show {
    const NAME: &'static str = "clock";
    const METHOD: &'static str = "GET";
    const PATH: &'static str = "/clock";
    const WHAT: &'static str = "shows the mock's time and how fast it goes";
    type Ask = Nothing;
    type Answer = Shown;

    async fn answer(world: World, _: Nothing) -> Result<Answered<Shown>, Refused> {
        Ok(Answered::ok(Shown::of(&world, true)))
    }
}

/// What to do with the clock.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Ask {
    /// Forward by so much, through every moment on the way: `25h`.
    by: Option<HumanDuration>,
    /// Forward to this moment: `2030-01-01T00:00:00Z`.
    to: Option<String>,
    /// From now on so many times as fast as real time: `60`; `0` stops it, `max` jumps to whatever happens next.
    speed: Option<SpeedAsked>,
    /// How long to wait in real time for the clock to arrive. Default: 30s.
    within: Option<HumanDuration>,
}

/// A speed as it is written: a number, or the same as text.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "speed is to be a number such as 60, or \"max\"")]
enum SpeedAsked {
    /// So many times as fast as real time; 0 stops it.
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
pub(super) struct Move;

impl Endpoint for Move {
    const NAME: &'static str = "move";
    const METHOD: &'static str = "POST";
    const PATH: &'static str = "/clock";
    const WHAT: &'static str = "moves the mock's time forward, and returns when all that was due has happened: {\"by\": \"25h\"} or {\"to\": \"2030-01-01T00:00:00Z\"}; or changes how fast it goes: {\"speed\": \"0\"}";
    const STATUSES: &'static [u16] = &[200, 202];
    type Ask = Ask;
    type Answer = Shown;

    async fn answer(world: World, ask: Ask) -> Result<Answered<Shown>, Refused> {
        let speed = ask.speed.as_ref().map(SpeedAsked::speed).transpose()?;
        let by = match (ask.by, ask.to) {
            (Some(_), Some(_)) => return Err(Refused::wrong("give `by` or `to`, not both")),
            (Some(by), None) => Some(by.0),
            (None, Some(to)) => Some(until(&world, &to)?),
            (None, None) if speed.is_some() => None,
            (None, None) => {
                return Err(Refused::wrong(
                    "by is missing: a length of time such as \"25h\"; or give `to`, or `speed`",
                ));
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
}

/// Returns the time until a moment.
fn until(world: &World, to: &str) -> Result<Duration, Refused> {
    let moment: Timestamp = to.parse().map_err(|_| {
        Refused::wrong(format!("to: `{to}` is no moment; write for example \"2030-01-01T00:00:00Z\""))
    })?;
    let now = world.driver.look(|_, now| now);
    Duration::try_from(moment.duration_since(now))
        .map_err(|_| Refused::wrong(format!("to: it is {now} already, and time goes forward only")))
}
