//! JSON bodies.

use std::cell::Cell;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::counted::{Counted, TOO_MANY};
use super::{DecodeError, text};

/// The fields of an object and, separately, the text of the list of rows if it has one.
type Parts<'a> = (Map<String, Value>, Option<&'a str>);

/// Reads an object with a maximum number of values. `rows` is the name of its list of rows, which is not counted.
pub(super) fn read<'a>(body: &'a [u8], rows: &str, most: usize) -> Result<Parts<'a>, DecodeError> {
    let text = text(body)?;
    let begin = text.trim_ascii_start();
    if !begin.starts_with('{') {
        return match serde_json::from_str::<IgnoredAny>(text) {
            Ok(_) => Err(DecodeError::NotObject { found: kind(begin) }),
            Err(error) => Err(explain(&error, most)),
        };
    }
    let left = Cell::new(most);
    let mut reader = serde_json::Deserializer::from_str(text);
    let visitor = ObjectVisitor(rows, Counted(&left));
    let (mut fields, details) = reader.deserialize_map(visitor).map_err(|error| explain(&error, most))?;
    reader.end().map_err(|error| explain(&error, most))?;
    match details {
        Some(raw) if !raw.starts_with('[') => {
            let mut reader = serde_json::Deserializer::from_str(raw);
            let value = Counted(&left).deserialize(&mut reader);
            let value = value.map_err(|error| explain_within(text, raw, &error, most))?;
            fields.insert(rows.to_owned(), value);
            Ok((fields, None))
        }
        details => Ok((fields, details)),
    }
}

/// Reads an object, but keeps its rows as text.
struct ObjectVisitor<'n>(&'n str, Counted<'n>);

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
                fields.insert(name, map.next_value_seed(self.1)?);
                continue;
            }
            rows = Some(map.next_value::<&RawValue>()?.get());
        }
        Ok((fields, rows))
    }
}

/// Returns the type of value that begins so.
fn kind(text: &str) -> &'static str {
    match text.as_bytes().first() {
        Some(b'n') => "null",
        Some(b't' | b'f') => "true or false",
        Some(b'"') => "a string",
        Some(b'[') => "a list",
        Some(b'{') => "an object",
        _ => "a number",
    }
}

fn explain(error: &serde_json::Error, most: usize) -> DecodeError {
    explained(error.to_string(), error.line(), error.column(), most)
}

/// Converts an error in a part of the text, whose place counts from the beginning of the part.
fn explain_within(text: &str, part: &str, error: &serde_json::Error, most: usize) -> DecodeError {
    let before = &text[..part.as_ptr().addr() - text.as_ptr().addr()];
    let line = before.matches('\n').count() + error.line();
    let column = match error.line() {
        1 => before.len() - before.rfind('\n').map_or(0, |end| end + 1) + error.column(),
        _ => error.column(),
    };
    let reason = error.to_string();
    let what = reason.split(" at line ").next().unwrap_or_default();
    explained(format!("{what} at line {line} column {column}"), line, column, most)
}

/// Converts a parser error. The parser's errors can only be distinguished by their texts.
fn explained(reason: String, line: usize, column: usize, most: usize) -> DecodeError {
    if reason.starts_with("recursion limit exceeded") {
        DecodeError::TooDeep { line, column }
    } else if reason.starts_with("number out of range") {
        DecodeError::NumberTooLarge { line, column }
    } else if reason.starts_with(TOO_MANY) {
        DecodeError::TooMany { most }
    } else {
        DecodeError::Json { reason }
    }
}
