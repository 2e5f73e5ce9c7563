//! JSON bodies.

use std::fmt;

use serde::Deserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{DecodeError, text};

/// The fields of an object and, apart from them, the text of the list of rows if it has one.
type Parts<'a> = (Map<String, Value>, Option<&'a str>);

/// Reads an object; `rows` is the name of its list of rows.
pub(super) fn read<'a>(body: &'a [u8], rows: &str) -> Result<Parts<'a>, DecodeError> {
    let text = text(body)?;
    if !text.trim_ascii_start().starts_with('{') {
        return match serde_json::from_str::<Value>(text) {
            Ok(other) => Err(DecodeError::NotObject { found: kind(&other) }),
            Err(error) => Err(explain(&error)),
        };
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let parts = reader.deserialize_map(ObjectVisitor(rows)).map_err(|error| explain(&error))?;
    reader.end().map_err(|error| explain(&error))?;
    Ok(parts)
}

/// Reads an object, its list of rows only as text.
struct ObjectVisitor<'n>(&'n str);

impl<'de> Visitor<'de> for ObjectVisitor<'_> {
    type Value = Parts<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Parts<'de>, A::Error> {
        let mut fields = Map::new();
        let mut rows = None;
        while let Some(name) = map.next_key::<String>()? {
            if name != self.0 {
                fields.insert(name, map.next_value()?);
                continue;
            }
            let raw: &RawValue = map.next_value()?;
            if raw.get().starts_with('[') {
                rows = Some(raw.get());
            } else {
                fields.insert(name, serde_json::from_str(raw.get()).map_err(A::Error::custom)?);
            }
        }
        Ok((fields, rows))
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The parser tells these two apart by its words only.
fn explain(error: &serde_json::Error) -> DecodeError {
    let (reason, line, column) = (error.to_string(), error.line(), error.column());
    if reason.starts_with("recursion limit exceeded") {
        DecodeError::TooDeep { line, column }
    } else if reason.starts_with("number out of range") {
        DecodeError::NumberTooLarge { line, column }
    } else {
        DecodeError::Json { reason }
    }
}
