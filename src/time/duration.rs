//! Durations as people write them: `300ms`, `2s`, `1h30m`, and ranges such as `1s..3s`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rand::RngExt;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::seed::Rng;

/// The longest duration that a file may ask for: ten years. The limit keeps every sum of moments in range.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

/// One length of time, for example `2s`. Units: `us`, `ms`, `s`, `m`, `h`, `d`; they may be joined (`1h30m`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HumanDuration(pub Duration);

/// A length of time, or a range of them from which one is drawn: `1s` or `1s..3s`, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DurationRange {
    /// The shortest duration.
    pub min: Duration,
    /// The longest duration.
    pub max: Duration,
}

impl DurationRange {
    /// Draws one duration, to the millisecond.
    pub fn draw(self, rng: &mut Rng) -> Duration {
        if self.min == self.max {
            return self.min;
        }
        let millis = rng.random_range(self.min.as_millis()..=self.max.as_millis());
        Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }
}

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// The text is empty.
    #[error("a duration is missing: write for example `2s`")]
    Empty,
    /// A number without a unit.
    #[error("`{0}` has no unit: write for example `{0}s`")]
    NoUnit(String),
    /// The text is not a duration at all.
    #[error("`{0}` is not a duration: write for example `300ms`, `2s`, `1h30m`")]
    Unreadable(String),
    /// More than ten years.
    #[error("`{0}` is longer than ten years")]
    TooLong(String),
    /// A range that ends before it starts.
    #[error("the range `{0}` ends before it starts")]
    Backwards(String),
}

impl FromStr for HumanDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(DurationError::Empty);
        }
        if trimmed.parse::<f64>().is_ok() {
            if trimmed == "0" {
                return Ok(Self(Duration::ZERO));
            }
            return Err(DurationError::NoUnit(trimmed.to_owned()));
        }
        let unreadable = || DurationError::Unreadable(trimmed.to_owned());
        let mut total = Duration::ZERO;
        let mut rest = trimmed;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(unreadable)?;
            let (number, tail) = rest.split_at(digits);
            let letters = tail.find(|c: char| !c.is_alphabetic()).unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(letters);
            let number: f64 = number.parse().map_err(|_| unreadable())?;
            let seconds = match unit {
                "us" | "µs" => number / 1e6,
                "ms" => number / 1e3,
                "s" => number,
                "m" | "min" => number * 60.0,
                "h" => number * 3600.0,
                "d" => number * 86400.0,
                _ => return Err(unreadable()),
            };
            let part = Duration::try_from_secs_f64(seconds)
                .map_err(|_| DurationError::TooLong(trimmed.to_owned()))?;
            total = total.checked_add(part).ok_or_else(|| DurationError::TooLong(trimmed.to_owned()))?;
            rest = tail.trim_start();
        }
        if total > LONGEST { Err(DurationError::TooLong(trimmed.to_owned())) } else { Ok(Self(total)) }
    }
}

impl FromStr for DurationRange {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let Some((low, high)) = text.split_once("..") else {
            let HumanDuration(only) = text.parse()?;
            return Ok(Self { min: only, max: only });
        };
        let (HumanDuration(min), HumanDuration(max)) = (low.parse()?, high.trim_start_matches('=').parse()?);
        if min > max { Err(DurationError::Backwards(text.trim().to_owned())) } else { Ok(Self { min, max }) }
    }
}

/// Writes a duration in the form that [`HumanDuration`] reads, with at most two units and no trailing zeros.
fn write(duration: Duration, f: &mut impl fmt::Write) -> fmt::Result {
    let millis = duration.as_millis();
    let (seconds, left) = (millis / 1000, millis % 1000);
    match (seconds, left) {
        (0, _) => write!(f, "{millis}ms"),
        (1..60, 0) => write!(f, "{seconds}s"),
        (1..60, _) => {
            f.write_str(format!("{seconds}.{left:03}").trim_end_matches('0')).and_then(|()| f.write_char('s'))
        }
        (60..3600, _) if seconds % 60 == 0 => write!(f, "{}m", seconds / 60),
        (60..3600, _) => write!(f, "{}m{}s", seconds / 60, seconds % 60),
        (3600..86400, _) if seconds % 3600 < 60 => write!(f, "{}h", seconds / 3600),
        (3600..86400, _) => write!(f, "{}h{}m", seconds / 3600, seconds % 3600 / 60),
        _ if seconds % 86400 < 3600 => write!(f, "{}d", seconds / 86400),
        _ => write!(f, "{}d{}h", seconds / 86400, seconds % 86400 / 3600),
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        write(self.0, &mut text)?;
        f.pad(&text)
    }
}

impl fmt::Display for DurationRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (min, max) = (HumanDuration(self.min).to_string(), HumanDuration(self.max).to_string());
        // Two durations that differ by less than is shown are shown as one.
        if min == max { f.pad(&min) } else { write!(f, "{min}..{max}") }
    }
}

macro_rules! text_form {
    ($type:ty, $name:literal, $format:literal, $example:literal) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": $format, "examples": [$example] })
            }
        }
    };
}

text_form!(HumanDuration, "HumanDuration", "human-duration", "2s");
text_form!(DurationRange, "DurationRange", "human-duration-range", "1s..3s");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn lengths_read_and_write_alike() {
        for (text, millis, written) in [
            ("0", 0, "0ms"),
            ("300ms", 300, "300ms"),
            ("2s", 2_000, "2s"),
            ("1.5s", 1_500, "1.5s"),
            ("90s", 90_000, "1m30s"),
            ("1h30m", 5_400_000, "1h30m"),
            (" 1h 30m ", 5_400_000, "1h30m"),
            ("2d", 172_800_000, "2d"),
            ("1500us", 1, "1ms"),
            ("1ms500µs", 1, "1ms"),
        ] {
            let duration: HumanDuration = text.parse().unwrap();
            assert_eq!(duration.0.as_millis(), millis, "{text}");
            assert_eq!(duration.to_string(), written, "{text}");
        }
    }

    #[test]
    fn wrong_lengths_say_why() {
        for (text, message) in [
            ("", "a duration is missing: write for example `2s`"),
            ("5", "`5` has no unit: write for example `5s`"),
            ("soon", "`soon` is not a duration: write for example `300ms`, `2s`, `1h30m`"),
            ("1parsec", "`1parsec` is not a duration: write for example `300ms`, `2s`, `1h30m`"),
            ("99999999d", "`99999999d` is longer than ten years"),
        ] {
            assert_eq!(text.parse::<HumanDuration>().unwrap_err().to_string(), message);
        }
        assert_eq!(
            "3s..1s".parse::<DurationRange>().unwrap_err().to_string(),
            "the range `3s..1s` ends before it starts"
        );
    }

    #[test]
    fn a_range_draws_within_itself() {
        let narrow: DurationRange = "1h30m..1h30m2s".parse().unwrap();
        assert_eq!(narrow.to_string(), "1h30m", "the ends differ by less than is shown");
        let range: DurationRange = "1s..3s".parse().unwrap();
        let mut rng = Seed(1).stream("test", 0);
        for _ in 0..100 {
            let drawn = range.draw(&mut rng);
            assert!(drawn >= range.min && drawn <= range.max);
        }
    }
}
