//! Field types beyond plain texts and numbers.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// Reads a field that is a text of a form; `read` returns `None` for any other text.
pub(crate) fn parsed<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    read(&text).ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), &expected))
}

/// A whole number within a range, its ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(inline, extend("minimum" = MIN, "maximum" = MAX))]
pub struct Whole<const MIN: i64, const MAX: i64>(i64);

impl<const MIN: i64, const MAX: i64> Whole<MIN, MAX> {
    /// Returns the number.
    pub fn get(self) -> i64 {
        self.0
    }

    /// Returns the number as a count; a negative number, which the range may allow, is 0.
    pub fn count(self) -> usize {
        usize::try_from(self.0).unwrap_or(0)
    }
}

impl<'de, const MIN: i64, const MAX: i64> Deserialize<'de> for Whole<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        if (MIN..=MAX).contains(&number) {
            return Ok(Self(number));
        }
        // A limit that only comes from the machine type says nothing to users.
        let expected = match MAX {
            _ if MAX >= i64::from(u32::MAX) => format!("a whole number of at least {MIN}"),
            _ if MAX == MIN => MIN.to_string(),
            _ => format!("a whole number from {MIN} to {MAX}"),
        };
        Err(D::Error::invalid_value(Unexpected::Signed(number), &expected.as_str()))
    }
}

/// A number within a range, its ends included; it may have a fraction.
#[derive(Clone, Copy, Debug, PartialEq, JsonSchema)]
#[schemars(inline, extend("minimum" = MIN, "maximum" = MAX))]
pub struct Number<const MIN: i64, const MAX: i64>(f64);

impl<const MIN: i64, const MAX: i64> Number<MIN, MAX> {
    /// Returns the number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl<'de, const MIN: i64, const MAX: i64> Deserialize<'de> for Number<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        if (MIN as f64..=MAX as f64).contains(&number) {
            return Ok(Self(number));
        }
        // A limit that only comes from the machine type says nothing to users.
        let expected = match MAX {
            i64::MAX => format!("a number of at least {MIN}"),
            _ => format!("a number from {MIN} to {MAX}"),
        };
        Err(D::Error::invalid_value(Unexpected::Float(number), &expected.as_str()))
    }
}

/// A text of at most so many characters, and at least one.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(inline, extend("maxLength" = MOST))]
pub struct Text<const MOST: usize>(String);

impl<const MOST: usize> Text<MOST> {
    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the owned text.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl<'de, const MOST: usize> Deserialize<'de> for Text<MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let length = text.chars().count();
        if length > MOST {
            return Err(D::Error::custom(format_args!(
                "has {length} characters, but at most {MOST} are allowed"
            )));
        }
        Ok(Self(text))
    }
}

/// A moment `YYYY-MM-DD HH:mm:ss` (example), in the account's zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(inline, extend("x-form" = "YYYY-MM-DD HH:mm:ss"))]
pub struct LocalTime(#[schemars(with = "String")] DateTime);

impl LocalTime {
    /// Parses the text.
    pub(crate) fn read(text: &str) -> Option<Self> {
        // A year before our era would parse, too, and nothing behind this would refuse it.
        let is_sound = text.starts_with(|first: char| first.is_ascii_digit());
        DateTime::strptime("%Y-%m-%d %H:%M:%S", text).ok().filter(|_| is_sound).map(Self)
    }

    /// Returns the moment in a zone. A moment beyond the largest timestamp becomes that timestamp.
    pub fn in_zone(self, zone: Offset) -> Timestamp {
        zone.to_timestamp(self.0).unwrap_or(Timestamp::MAX)
    }
}

impl<'de> Deserialize<'de> for LocalTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer, "a time such as `2030-01-31 09:00:00`", Self::read)
    }
}

/// Writes `None` as an empty text, as the vendor's older families do.
pub(crate) fn or_empty<T: Serialize, S: Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => value.serialize(serializer),
        None => serializer.serialize_str(""),
    }
}

/// For the schema of what [`or_empty`] writes: one of the words of `T`, or the empty text.
pub(crate) struct OrEmpty<T>(PhantomData<T>);

impl<T: JsonSchema> JsonSchema for OrEmpty<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("OrEmpty{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = T::json_schema(generator);
        if let Some(Value::Array(words)) = schema.get_mut("enum") {
            words.push("".into());
        } else if let Some(Value::Array(words)) = schema.get_mut("oneOf") {
            words.push(serde_json::json!({ "type": "string", "const": "" }));
        }
        schema
    }
}

/// A field that is accepted and checked for its type but has no effect.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEffect<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for NoEffect<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(|_| Self(PhantomData))
    }
}

// Not derived: the mark belongs on the schema of `T` itself, not beside a reference to it.
impl<T: JsonSchema> JsonSchema for NoEffect<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("NoEffect_{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = T::json_schema(generator);
        schema.insert("x-no-effect".to_owned(), true.into());
        schema
    }
}

/// A value that usually has the shape of `T` and is kept exactly as received, as a value or as text: additional fields and the
/// order of the fields stay.
pub struct Given<T, V = Value>(V, PhantomData<T>);

impl<T, V> Given<T, V> {
    /// Keeps a value of any shape.
    pub fn new(value: V) -> Self {
        Self(value, PhantomData)
    }

    /// Returns the value.
    pub fn value(&self) -> &V {
        &self.0
    }

    /// Returns the owned value.
    pub fn into_value(self) -> V {
        self.0
    }
}

impl<T, V: Clone> Clone for Given<T, V> {
    fn clone(&self) -> Self {
        Self::new(self.0.clone())
    }
}

impl<T, V: PartialEq> PartialEq for Given<T, V> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T, V: fmt::Debug> fmt::Debug for Given<T, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: Serialize> From<T> for Given<T> {
    fn from(value: T) -> Self {
        // Types of the wire are plain data (numbers, texts, lists, and tables with text keys), which always fit into JSON.
        Self::new(serde_json::to_value(value).unwrap_or_default())
    }
}

impl<T, V: Serialize> Serialize for Given<T, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Given<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::new)
    }
}

impl<T: JsonSchema, V> JsonSchema for Given<T, V> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A file of a `multipart/form-data` body. It reaches the handler beside the other fields (`Request::files`).
#[derive(Clone, Copy, Debug, Default, JsonSchema)]
#[schemars(inline, extend("x-form" = "(a file)"))]
pub struct FilePart(#[schemars(with = "String")] ());

impl<'de> Deserialize<'de> for FilePart {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The file is not among the other fields. Whether there is one is for the handler to check.
        Option::<serde::de::IgnoredAny>::deserialize(deserializer).map(|_| Self(()))
    }
}

/// A list that may have a million rows: it stays text and reaches the handler beside the other fields
/// (`Request::rows`). Here it only says what a row looks like.
#[derive(Clone, Copy, Debug, JsonSchema)]
#[schemars(inline)]
pub struct RowList<T>(#[schemars(with = "Vec<T>")] PhantomData<T>);

impl<T> Default for RowList<T> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<'de, T> Deserialize<'de> for RowList<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As a rule the rows reach the handler apart from the other fields, and this field is absent.
        Option::<Vec<serde::de::IgnoredAny>>::deserialize(deserializer).map(|_| Self(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_stays_as_it_came() {
        let text = r#"{"b":"","a":[1,null,{"c":1.5}]}"#;
        let value: Value = serde_json::from_str(text).unwrap();
        let given: Given<String> = crate::contract::fields::decode(&value).unwrap();
        assert_eq!(serde_json::to_string(&given).unwrap(), text);
        assert_eq!(given, Given::new(value));
        assert_eq!(Given::from("x".to_owned()).value(), "x");
    }

    #[test]
    fn moments_are_of_the_accounts_zone() {
        let time: LocalTime = serde_json::from_str("\"2030-01-01 07:30:00\"").unwrap();
        assert_eq!(time.in_zone(jiff::tz::offset(7)).to_string(), "2030-01-01T00:30:00Z");
        assert!(serde_json::from_str::<LocalTime>("\"-2030-01-01 07:30:00\"").is_err());
    }
}
