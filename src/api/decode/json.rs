//! JSON bodies.

use std::fmt;

use serde::Deserializer;
use serde::de::{MapAccess, Visitor};
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
    let (mut fields, details) =
        reader.deserialize_map(ObjectVisitor(rows)).map_err(|error| explain(&error))?;
    reader.end().map_err(|error| explain(&error))?;
    match details {
        Some(raw) if !raw.starts_with('[') => {
            let value = serde_json::from_str(raw).map_err(|error| explain_within(text, raw, &error))?;
            fields.insert(rows.to_owned(), value);
            Ok((fields, None))
        }
        details => Ok((fields, details)),
    }
}

/// Reads an object, what it has for rows only as text.
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
            rows = Some(map.next_value::<&RawValue>()?.get());
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

fn explain(error: &serde_json::Error) -> DecodeError {
    explained(error.to_string(), error.line(), error.column())
}

/// An error in a part of the text: its place counts from where the part begins.
fn explain_within(text: &str, part: &str, error: &serde_json::Error) -> DecodeError {
    let before = &text[..part.as_ptr().addr() - text.as_ptr().addr()];
    let line = before.matches('\n').count() + error.line();
    let column = match error.line() {
        1 => before.len() - before.rfind('\n').map_or(0, |end| end + 1) + error.column(),
        _ => error.column(),
    };
    let reason = error.to_string();
    let what = reason.split(" at line ").next().unwrap_or_default();
    explained(format!("{what} at line {line} column {column}"), line, column)
}

/// The parser distinguishes these two by its words only.
fn explained(reason: String, line: usize, column: usize) -> DecodeError {
    if reason.starts_with("recursion limit exceeded") {
        DecodeError::TooDeep { line, column }
    } else if reason.starts_with("number out of range") {
        DecodeError::NumberTooLarge { line, column }
    } else {
        DecodeError::Json { reason }
    }
}
