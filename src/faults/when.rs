//! Words for which of the matching requests or callbacks are hit.

use std::borrow::Cow;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

/// Which of the matching ones are hit: `skip` lets some pass, `times` ends it, and of those between, `every` and `percent`
/// choose.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct When {
    /// Number of matches that pass first.
    pub skip: Option<u32>,
    /// Number of further matches that are considered.
    pub times: Option<u32>,
    /// Of those, every Nth.
    pub every: Option<u32>,
    /// Of those, the percentage.
    pub percent: Option<f64>,
}

/// Why a text cannot be read as a `when`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhenError {
    /// It cannot be parsed.
    #[error("`{0}` does not say when: write `first 2`, `every 3rd`, `the 3rd`, `after 5` or `10%`")]
    Unreadable(String),
    /// It states something twice.
    #[error("`{0}` does not go together with the words before it")]
    Twice(String),
}

/// Parses a number from 1, with or without its ending: `3`, `3rd`.
fn ordinal(word: &str) -> Option<u32> {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let ending = &word[digits.len()..];
    let number = digits.parse().ok().filter(|number| *number > 0)?;
    matches!(ending, "" | "st" | "nd" | "rd" | "th").then_some(number)
}

impl FromStr for When {
    type Err = WhenError;

    fn from_str(text: &str) -> Result<Self, WhenError> {
        let mut when = Self::default();
        let mut words = text.split([' ', ',', '\t']).filter(|word| !word.is_empty());
        let unreadable = |part: &str| WhenError::Unreadable(part.trim().to_owned());
        let mut is_empty = true;
        while let Some(word) = words.next() {
            is_empty = false;
            let set = |slots: &mut [(&mut Option<u32>, u32)], part: &str| {
                if slots.iter().any(|(slot, _)| slot.is_some()) {
                    return Err(WhenError::Twice(part.to_owned()));
                }
                slots.iter_mut().for_each(|(slot, value)| **slot = Some(*value));
                Ok(())
            };
            if let Some(percent) = word.strip_suffix('%') {
                let percent: f64 = percent.parse().map_err(|_| unreadable(word))?;
                if !(0.0..=100.0).contains(&percent) {
                    return Err(unreadable(word));
                }
                if when.percent.replace(percent).is_some() {
                    return Err(WhenError::Twice(word.to_owned()));
                }
                continue;
            }
            let next = words.next().unwrap_or_default();
            let part = format!("{word} {next}");
            let number = ordinal(next).ok_or_else(|| unreadable(&part))?;
            match word {
                "first" => set(&mut [(&mut when.times, number)], &part)?,
                "every" => set(&mut [(&mut when.every, number)], &part)?,
                "the" => set(&mut [(&mut when.skip, number - 1), (&mut when.times, 1)], &part)?,
                "after" | "skip" => set(&mut [(&mut when.skip, number)], &part)?,
                _ => return Err(unreadable(&part)),
            }
        }
        if is_empty { Err(unreadable(text)) } else { Ok(when) }
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for When {
    fn schema_name() -> Cow<'static, str> {
        "When".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^ *((first|every|the|after|skip) [1-9][0-9]*(st|nd|rd|th)?|[0-9.]+%)([ ,]+((first|every|the|after|skip) [1-9][0-9]*(st|nd|rd|th)?|[0-9.]+%))* *$",
            "x-wanted": "`\"first 2\"`, `\"every 3rd\"`, `\"the 3rd\"`, `\"after 5\"` or `\"10%\"`",
            "examples": ["first 2", "every 3rd", "the 3rd", "after 5, 10%"],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read() {
        let when = |skip, times, every, percent| When { skip, times, every, percent };
        for (text, wanted) in [
            ("first 2", when(None, Some(2), None, None)),
            ("every 3rd", when(None, None, Some(3), None)),
            ("every 2", when(None, None, Some(2), None)),
            ("the 1st", when(Some(0), Some(1), None, None)),
            ("the 22nd", when(Some(21), Some(1), None, None)),
            ("after 5, first 3, every 2nd, 12.5%", when(Some(5), Some(3), Some(2), Some(12.5))),
            ("10%", when(None, None, None, Some(10.0))),
        ] {
            assert_eq!(text.parse(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn other_words_are_refused() {
        let message = |text: &str| text.parse::<When>().unwrap_err().to_string();
        for text in
            ["", "first", "first 0", "every x", "the 3xy", "101%", "-1%", "%", "sometimes", "first two"]
        {
            assert!(message(text).contains("does not say when: write `first 2`"), "{text}");
        }
        assert_eq!(message("the 3rd, first 2"), "`first 2` does not go together with the words before it");
        assert_eq!(message("1% 2%"), "`2%` does not go together with the words before it");
    }
}
