//! JSON bodies.

use serde_json::{Map, Value};

use super::{DecodeError, text};

/// Reads an object.
pub(super) fn read(body: &[u8]) -> Result<Map<String, Value>, DecodeError> {
    match serde_json::from_str(text(body)?) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(other) => Err(DecodeError::NotObject { found: kind(&other) }),
        Err(error) => Err(explain(&error)),
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
