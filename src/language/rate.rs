//! Rates as people write them: `5000/s`, `100/s..1000/s for 30s`, `200/s, 400/s, 800/s`, `100/s~500/s every 1m`, `max`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::time::DurationError;
use crate::time::HumanDuration;

/// Maximum rate that can be requested, per second.
pub const HIGHEST: f64 = 10_000_000.0;

/// How often something happens.
#[derive(Clone, Debug, PartialEq)]
pub enum RateProfile {
    /// As often as the receiver allows: each response is followed by the next event. A closed loop.
    Max,
    /// According to a plan, whatever the receiver does.
    Planned(Vec<Segment>),
}

/// A part of a plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Segment {
    /// How the rate changes.
    pub shape: Shape,
    /// Its duration; `None` is an equal share of the time that the segments with a duration leave.
    pub length: Option<Duration>,
}

/// How a rate changes within a segment, per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// The rate is constant.
    Constant(f64),
    /// The rate changes linearly from the first value to the second.
    Ramp(f64, f64),
    /// The rate oscillates from the first value to the second and back, in a sine wave with this period.
    Sine(f64, f64, Duration),
}

impl Shape {
    /// Whether the rate is zero throughout.
    fn is_zero(self) -> bool {
        match self {
            Self::Constant(rate) => rate == 0.0,
            Self::Ramp(one, other) | Self::Sine(one, other, _) => one == 0.0 && other == 0.0,
        }
    }
}

/// Why a text is not a rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RateError(String);

const EXAMPLES: &str = "write for example `5000/s`, `300/m`, `100/s..1000/s for 30s`, `100/s for 10s, 200/s for 10s`, \
     `100/s~500/s every 1m` or `max`";

impl FromStr for RateProfile {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        if text.trim().eq_ignore_ascii_case("max") {
            return Ok(Self::Max);
        }
        let segments = text.split(',').map(segment).collect::<Result<Vec<_>, _>>()?;
        if segments.iter().all(|segment| segment.shape.is_zero()) {
            return Err(RateError(format!(
                "`{}` is never above zero, so that nothing would be sent: {EXAMPLES}",
                text.trim()
            )));
        }
        Ok(Self::Planned(segments))
    }
}

fn segment(text: &str) -> Result<Segment, RateError> {
    let text = text.trim();
    let (rest, length) = match text.split_once(" for ") {
        Some((rest, length)) => (rest.trim(), Some(duration(length)?)),
        None => (text, None),
    };
    let (rest, period) = match rest.split_once(" every ") {
        Some((rest, period)) => (rest.trim(), Some(duration(period)?)),
        None => (rest, None),
    };
    let shape = if let Some((low, high)) = rest.split_once('~') {
        let Some(period) = period else {
            return Err(RateError(format!("`{text}` is a wave: say how long one takes, `{rest} every 1m`")));
        };
        Shape::Sine(number(low)?, number(high)?, period)
    } else if period.is_some() {
        return Err(RateError(format!("`every` belongs to a wave: `100/s~500/s every 1m`, not `{text}`")));
    } else if let Some((from, to)) = rest.split_once("..") {
        Shape::Ramp(number(from)?, number(to)?)
    } else {
        Shape::Constant(number(rest)?)
    };
    Ok(Segment { shape, length })
}

fn duration(text: &str) -> Result<Duration, RateError> {
    let HumanDuration(duration) =
        text.trim().parse().map_err(|error: DurationError| RateError(error.to_string()))?;
    if duration.is_zero() {
        return Err(RateError(format!("`{}` must be longer than zero", text.trim())));
    }
    Ok(duration)
}

/// How often something happens, as a count per second, minute, hour or day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Frequency {
    /// The count; never negative.
    pub(crate) count: f64,
    /// The period.
    pub(crate) per: Duration,
}

impl Frequency {
    /// Returns the frequency per second.
    fn per_second(self) -> f64 {
        self.count / self.per.as_secs_f64()
    }
}

impl FromStr for Frequency {
    type Err = RateError;

    /// Reads `100/s`, `2k/s`, `1.5/min`, `1_000/h`, `100/d`.
    fn from_str(text: &str) -> Result<Self, RateError> {
        let text = text.trim();
        let Some((count, unit)) = text.split_once('/') else {
            return Err(match text.parse::<f64>() {
                Ok(_) => RateError(format!("`{text}` has no unit: write `{text}/s` or `{text}/m`")),
                Err(_) => RateError(format!("`{text}` is not a rate: {EXAMPLES}")),
            });
        };
        let seconds = match unit.trim() {
            "s" | "sec" | "second" => 1,
            "m" | "min" | "minute" => 60,
            "h" | "hour" => 3_600,
            "d" | "day" => 86_400,
            other => {
                let message = format!("`/{other}` is not a unit of a rate: write `/s`, `/m`, `/h` or `/d`");
                return Err(RateError(message));
            }
        };
        let count = count.trim().replace('_', "");
        let (count, factor) = match count.strip_suffix(['k', 'K']) {
            Some(count) => (count, 1000.0),
            None => (count.as_str(), 1.0),
        };
        let count: f64 =
            count.parse().map_err(|_| RateError(format!("`{text}` is not a rate: {EXAMPLES}")))?;
        let frequency = Self { count: count * factor, per: Duration::from_secs(seconds) };
        if !(0.0..=HIGHEST).contains(&frequency.per_second()) {
            return Err(RateError(format!(
                "`{text}` is out of range: a rate must be between 0/s and {HIGHEST}/s"
            )));
        }
        Ok(frequency)
    }
}

/// Reads a rate as a number per second.
fn number(text: &str) -> Result<f64, RateError> {
    text.parse::<Frequency>().map(Frequency::per_second)
}

/// Formats a rate in the first unit in which it needs few digits.
fn shown(per_second: f64) -> String {
    let units = [(1.0, "s"), (60.0, "m"), (3600.0, "h"), (86_400.0, "d")];
    let short = units.into_iter().find_map(|(per, unit)| {
        let count = (per_second * per * 1e6).round() / 1e6;
        ((count / per - per_second).abs() < per_second * 1e-12).then(|| format!("{count}/{unit}"))
    });
    short.unwrap_or_else(|| format!("{per_second}/s"))
}

impl fmt::Display for RateProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Planned(segments) = self else { return f.write_str("max") };
        for (index, segment) in segments.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            match segment.shape {
                Shape::Constant(rate) => f.write_str(&shown(rate))?,
                Shape::Ramp(from, to) => write!(f, "{}..{}", shown(from), shown(to))?,
                Shape::Sine(low, high, period) => {
                    write!(f, "{}~{} every {}", shown(low), shown(high), HumanDuration(period))?;
                }
            }
            if let Some(length) = segment.length {
                write!(f, " for {}", HumanDuration(length))?;
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for RateProfile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for RateProfile {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "RateProfile".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "load-rate", "examples": ["5000/s", "100/s..1000/s for 30s", "max"] })
    }
}

/// What a rate counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum RateUnit {
    /// Callbacks.
    #[default]
    Events,
    /// Stories, however many callbacks each has.
    Stories,
}

/// How arrivals are spaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Arrivals {
    /// At equal distances.
    #[default]
    Even,
    /// At random, each independent of the others, like the actions of many people: a Poisson process.
    Poisson,
}

impl RateUnit {
    /// Returns the word for it in files and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Stories => "stories",
        }
    }
}

impl Arrivals {
    /// Returns the word for it in files and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Even => "even",
            Self::Poisson => "poisson",
        }
    }
}

impl RateProfile {
    /// Creates a constant rate per second.
    pub fn constant(per_second: f64) -> Self {
        Self::Planned(vec![Segment { shape: Shape::Constant(per_second), length: None }])
    }

    /// Returns the duration of the plan itself: the sum of its segments, if all of them have one.
    pub fn own_length(&self) -> Option<Duration> {
        match self {
            Self::Max => None,
            Self::Planned(segments) => segments.iter().map(|segment| segment.length).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn planned(text: &str) -> Vec<Segment> {
        match text.parse::<RateProfile>() {
            Ok(RateProfile::Planned(segments)) => segments,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn rates_read() {
        let one = |shape| vec![Segment { shape, length: None }];
        assert_eq!("max".parse(), Ok(RateProfile::Max));
        assert_eq!(planned("5000/s"), one(Shape::Constant(5000.0)));
        assert_eq!(planned("10k/s"), one(Shape::Constant(10_000.0)));
        assert_eq!(planned("1_000/s"), one(Shape::Constant(1000.0)));
        assert_eq!(planned("300/m"), one(Shape::Constant(5.0)));
        assert_eq!(planned("0.5/s"), one(Shape::Constant(0.5)));
        assert_eq!(planned("100/s..1000/s"), one(Shape::Ramp(100.0, 1000.0)));
        assert_eq!(planned("100/s~500/s every 1m"), one(Shape::Sine(100.0, 500.0, Duration::from_secs(60))));
        assert_eq!(
            planned("100/s for 10s, 200/s"),
            [
                Segment { shape: Shape::Constant(100.0), length: Some(10 * SECOND) },
                Segment { shape: Shape::Constant(200.0), length: None }
            ]
        );
    }

    #[test]
    fn rates_are_written_as_they_read() {
        for text in [
            "5000/s",
            "100/s..1000/s for 30s",
            "100/s~500/s every 1m for 5m, 7/s",
            "7/m",
            "1/h",
            "0.5/s",
            "0/s for 10s, 5/s",
            "max",
        ] {
            assert_eq!(text.parse::<RateProfile>().unwrap().to_string(), text);
        }
        let length = |text: &str| text.parse::<RateProfile>().unwrap().own_length();
        assert_eq!(length("1/s for 10s, 2/s for 5s"), Some(15 * SECOND));
        assert_eq!(length("1/s for 10s, 2/s"), None);
    }

    #[test]
    fn wrong_rates_say_what_to_write() {
        let error = |text: &str| text.parse::<RateProfile>().unwrap_err().to_string();
        insta::assert_snapshot!(
            [
                "",
                "fast",
                "5000",
                "5/w",
                "-1/s",
                "0/s",
                "0/s..0/s for 5s, 0/m",
                "1e9/s",
                "NaN/s",
                "100/s for 10",
                "1/s~2/s",
                "1/s every 1m",
                "1/s for 0s"
            ]
            .map(|text| format!("{text:14} {}", error(text)))
            .join("\n"),
        );
    }
}
