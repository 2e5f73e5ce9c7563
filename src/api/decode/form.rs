//! Queries and forms: `name=value` pairs, percent-encoded.

use percent_encoding::percent_decode;
use serde_json::map::Entry;
use serde_json::{Map, Value};

use super::{DecodeError, shown};

/// Reads pairs, up to a maximum number. A name that occurs several times gets a list of its values.
pub(super) fn read(text: &str, most: usize) -> Result<Map<String, Value>, DecodeError> {
    let mut fields = Map::new();
    for (at, pair) in text.trim_ascii().split('&').filter(|pair| !pair.is_empty()).enumerate() {
        if at == most {
            return Err(DecodeError::TooMany { most });
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let not_utf8 = || DecodeError::FieldNotUtf8 { field: shown(&lossy(name)) };
        let decoded = decode(&name.replace('+', " ")).zip(decode(&spaces(value)));
        let (name, value) = decoded.ok_or_else(not_utf8)?;
        add(&mut fields, name, Value::String(value));
    }
    Ok(fields)
}

/// Adds a field; a second value makes a list.
pub(super) fn add(fields: &mut Map<String, Value>, name: String, value: Value) {
    match fields.entry(name) {
        Entry::Vacant(entry) => {
            entry.insert(value);
        }
        Entry::Occupied(mut entry) => match entry.get_mut() {
            Value::Array(list) => list.push(value),
            first => *first = Value::Array(vec![first.take(), value]),
        },
    }
}

/// Replaces `+` by a space, except where a phone number begins: at the start of the value or after a comma, followed by a
/// digit. Clients send such numbers unescaped.
fn spaces(value: &str) -> String {
    let bytes = value.as_bytes();
    let mut out = String::with_capacity(value.len());
    for (at, c) in value.char_indices() {
        let begins = at == 0 || bytes[at - 1] == b',' || value[..at].ends_with("%2C");
        let number = begins && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        out.push(if c == '+' && !number { ' ' } else { c });
    }
    out
}

fn decode(text: &str) -> Option<String> {
    percent_decode(text.as_bytes()).decode_utf8().ok().map(Into::into)
}

fn lossy(text: &str) -> String {
    percent_decode(text.as_bytes()).decode_utf8_lossy().into_owned()
}
