//! A matcher as written. Doc comments here become the descriptions in JSON Schemas.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Conditions on a value. If there are several keys, all must hold.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a matcher"))]
pub struct Matcher {
    /// Exactly equal to this: a table has no further fields.
    #[serde(default, deserialize_with = "given")]
    pub equals: Option<Value>,
    /// Anything but this value or matcher; also right if the field is missing.
    #[serde(default, deserialize_with = "given")]
    pub not: Option<Value>,
    /// A text that contains this text, or a list with an item that matches this.
    #[serde(default, deserialize_with = "given")]
    pub contains: Option<Value>,
    /// A text in which this regular expression has a match: `"^[0-9]{6}$"`.
    pub matches: Option<String>,
    /// Whether the field exists.
    pub exists: Option<bool>,
    /// A match for one of these values.
    pub one_of: Option<Vec<Value>>,
    /// A number greater than this. A text that is a number counts as a number.
    pub above: Option<f64>,
    /// A number greater than or equal to this.
    pub at_least: Option<f64>,
    /// A number less than this.
    pub below: Option<f64>,
    /// A number less than or equal to this.
    pub at_most: Option<f64>,
    /// The number of items in a list: a number, or a matcher such as `{ at_least = 1 }`.
    #[serde(default, deserialize_with = "given")]
    pub count: Option<Value>,
}

impl Matcher {
    /// The keys of a matcher.
    pub const WORDS: [&str; 11] = [
        "equals", "not", "contains", "matches", "exists", "one_of", "above", "at_least", "below", "at_most",
        "count",
    ];
}

/// Reads a value that is present, even if it is null.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_words_are_the_keys_of_the_type() {
        let schema = crate::language::schema::of::<Matcher>();
        let keys: BTreeSet<&str> =
            schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, BTreeSet::from(Matcher::WORDS));
    }
}
