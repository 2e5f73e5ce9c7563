//! Sets of HTTP statuses as users write them.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

/// A set of HTTP statuses: `200`, `"2xx"`, or a list of such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusSet(Vec<StatusPattern>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StatusPattern {
    One(u16),
    Class(u16),
}

impl StatusSet {
    /// Returns the set of all 2xx.
    pub fn success() -> Self {
        Self(vec![StatusPattern::Class(2)])
    }

    /// Returns the typical status of the set: 200 if it is included, otherwise the lowest.
    pub fn usual(&self) -> u16 {
        (200..=200).chain(100..=599).find(|status| self.contains(*status)).unwrap_or(200)
    }

    /// Whether the set contains a status.
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|pattern| match *pattern {
            StatusPattern::One(one) => one == status,
            StatusPattern::Class(class) => status / 100 == class,
        })
    }
}

impl fmt::Display for StatusPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(status) => write!(f, "{status}"),
            Self::Class(class) => write!(f, "{class}xx"),
        }
    }
}

impl fmt::Display for StatusSet {
    /// Formats the set for a sentence: `200, 204 or 3xx`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, pattern) in self.0.iter().enumerate() {
            match index {
                0 => {}
                _ if index + 1 == self.0.len() => f.write_str(" or ")?,
                _ => f.write_str(", ")?,
            }
            write!(f, "{pattern}")?;
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for StatusPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PatternVisitor)
    }
}

impl<'de> Deserialize<'de> for StatusSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SetVisitor)
    }
}

struct PatternVisitor;

impl Visitor<'_> for PatternVisitor {
    type Value = StatusPattern;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a status such as 200 or \"2xx\"")
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<StatusPattern, E> {
        match u16::try_from(number) {
            Ok(status @ 100..=599) => Ok(StatusPattern::One(status)),
            _ => Err(E::custom(format!("{number} is not an HTTP status: use 100 to 599"))),
        }
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<StatusPattern, E> {
        self.visit_i64(i64::try_from(number).unwrap_or(i64::MAX))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<StatusPattern, E> {
        if let [class @ b'1'..=b'5', b'x', b'x'] = text.as_bytes() {
            return Ok(StatusPattern::Class(u16::from(class - b'0')));
        }
        let lower = text.trim().to_ascii_lowercase();
        Err(match lower.as_bytes() {
            [b'1'..=b'5', b'x', b'x'] => E::custom(format!("write \"{lower}\" instead of \"{text}\"")),
            [b'1'..=b'5', b'0'..=b'9', b'0'..=b'9'] => E::custom(format!("write {lower} without quotes")),
            _ => E::invalid_value(Unexpected::Str(text), &self),
        })
    }
}

struct SetVisitor;

impl<'de> Visitor<'de> for SetVisitor {
    type Value = StatusSet;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a status such as 200 or \"2xx\", or a list of them")
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<StatusSet, E> {
        PatternVisitor.visit_u64(number).map(|pattern| StatusSet(vec![pattern]))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<StatusSet, E> {
        PatternVisitor.visit_i64(number).map(|pattern| StatusSet(vec![pattern]))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<StatusSet, E> {
        PatternVisitor.visit_str(text).map(|pattern| StatusSet(vec![pattern]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<StatusSet, A::Error> {
        let mut patterns = Vec::new();
        while let Some(pattern) = list.next_element()? {
            patterns.push(pattern);
        }
        if patterns.is_empty() {
            return Err(serde::de::Error::custom(
                "the list of statuses is empty: write for example [200, \"3xx\"]",
            ));
        }
        Ok(StatusSet(patterns))
    }
}

impl JsonSchema for StatusSet {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "StatusSet".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let one = serde_json::json!({ "anyOf": [
            { "type": "integer", "minimum": 100, "maximum": 599 },
            { "type": "string", "pattern": "^[1-5]xx$", "x-wanted": "a class of statuses such as `\"2xx\"`" },
        ]});
        json_schema!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn set(value: Value) -> Result<StatusSet, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn status_sets_are_read_and_written() {
        for (value, text, inside, outside) in [
            (json!(200), "200", 200, 201),
            (json!("2xx"), "2xx", 299, 300),
            (json!([200, "3xx"]), "200 or 3xx", 302, 201),
            (json!([200, 204, "5xx"]), "200, 204 or 5xx", 503, 404),
        ] {
            let set = set(value).unwrap();
            assert_eq!(set.to_string(), text);
            assert!(set.contains(inside), "{text}");
            assert!(!set.contains(outside), "{text}");
        }
        #[derive(Deserialize)]
        struct File {
            success: StatusSet,
        }
        let file: File = toml::from_str("success = [204, \"4xx\"]").unwrap();
        assert_eq!(file.success.to_string(), "204 or 4xx");
    }

    #[test]
    fn wrong_status_sets_say_why() {
        for (value, message) in [
            (json!(99), "99 is not an HTTP status: use 100 to 599"),
            (json!(-1), "-1 is not an HTTP status: use 100 to 599"),
            (json!(70000), "70000 is not an HTTP status: use 100 to 599"),
            (json!("2XX"), "write \"2xx\" instead of \"2XX\""),
            (json!("204"), "write 204 without quotes"),
            (json!("ok"), "invalid value: string \"ok\", expected a status such as 200 or \"2xx\""),
            (json!([]), "the list of statuses is empty: write for example [200, \"3xx\"]"),
            (json!([200, true]), "invalid type: boolean `true`, expected a status such as 200 or \"2xx\""),
            (json!({}), "invalid type: map, expected a status such as 200 or \"2xx\", or a list of them"),
        ] {
            assert_eq!(set(value).unwrap_err(), message);
        }
    }
}
