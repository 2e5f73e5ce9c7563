//! Whether a condition of a file holds.

use serde_json::Value;

use super::FillError;

/// Whether a `when` holds. A text has to be a word for true or false.
pub(crate) fn truth(value: &Value) -> Result<bool, FillError> {
    Ok(match value {
        Value::Null => false,
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => match text.trim() {
            "true" | "yes" | "1" => true,
            "" | "false" | "no" | "0" => false,
            other => return Err(FillError::NoTruth(other.to_owned())),
        },
        Value::Array(items) => !items.is_empty(),
        Value::Object(table) => !table.is_empty(),
    })
}
