//! Reading a list of ids: a JSON array, NDJSON, or plain lines.

use std::str::FromStr;

use jiff::Timestamp;
use serde_json::Value;

/// The names under which an entry says when it was received.
const MOMENTS: [&str; 4] = ["received_at", "received", "at", "time"];

/// An entry of the list.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Receipt {
    /// What may be its id: the text itself, its `id`, any text in it or in the callback that it keeps as `body`.
    pub(crate) ids: Vec<String>,
    /// When it was received, if it says so.
    pub(crate) at: Option<Timestamp>,
}

/// Why a text is not a list of ids.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// It begins as a JSON array but is invalid.
    #[error("invalid JSON array: {0}")]
    Array(String),
    /// A line begins as JSON but is invalid.
    #[error("line {line} is invalid JSON: {error}")]
    Line {
        /// Line number, from 1.
        line: usize,
        /// What is wrong.
        error: String,
    },
}

/// Reads a list. Empty lines are skipped.
pub(crate) fn read(text: &str) -> Result<Vec<Receipt>, ListError> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('[') {
        let entries: Vec<Value> =
            serde_json::from_str(text).map_err(|error| ListError::Array(error.to_string()))?;
        return Ok(entries.iter().map(Receipt::of).collect());
    }
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty()).map(|(number, line)| of_line(number, line)).collect()
}

fn of_line(line: usize, text: &str) -> Result<Receipt, ListError> {
    if !text.starts_with(['{', '"']) {
        return Ok(Receipt { ids: vec![text.to_owned()], at: None });
    }
    let value = serde_json::from_str::<Value>(text);
    value.map(|value| Receipt::of(&value)).map_err(|error| ListError::Line { line, error: error.to_string() })
}

impl Receipt {
    fn of(value: &Value) -> Self {
        let mut ids = Vec::new();
        // Of a line of `receive --json` the ids stand in the callback; its `id` is that of the event.
        let callback = value.get("body").and_then(Value::as_str);
        let callback = callback.and_then(|body| serde_json::from_str::<Value>(body).ok());
        callback.iter().for_each(|body| texts(body, &mut ids));
        match value.get("id") {
            Some(Value::String(id)) => ids.push(id.clone()),
            Some(Value::Number(id)) => ids.push(id.to_string()),
            // A receiver that stores whole callbacks stores their ids too.
            _ if callback.is_none() => texts(value, &mut ids),
            _ => {}
        }
        Self { ids, at: MOMENTS.into_iter().find_map(|name| moment(value.get(name)?)) }
    }
}

/// Collects all texts and numbers of a value.
fn texts(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Number(number) => into.push(number.to_string()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, into)),
        Value::Object(fields) => fields.values().for_each(|field| texts(field, into)),
        Value::Null | Value::Bool(_) => {}
    }
}

/// Reads a moment: RFC 3339, or Unix seconds or milliseconds.
fn moment(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => Timestamp::from_str(text).ok(),
        Value::Number(number) => {
            let number = number.as_f64()?;
            // 10^11 seconds are the year 5138, as many milliseconds the year 1973.
            let millis = if number.abs() < 1e11 { number * 1e3 } else { number };
            Timestamp::from_microsecond((millis * 1e3) as i64).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<String> {
        read(text).unwrap().into_iter().flat_map(|receipt| receipt.ids).collect()
    }

    #[test]
    fn arrays_lines_and_objects_are_lists() {
        for text in
            ["[\"a\", \"b\"]", "a\nb\n", "\"a\"\r\n\r\n\"b\"", "{\"id\":\"a\"}\n{\"id\":\"b\",\"x\":1}"]
        {
            assert_eq!(ids(text), ["a", "b"], "{text}");
        }
        assert_eq!(ids("[{\"user\":{\"id\":\"u\"},\"call_id\":\"c\",\"n\":7,\"ok\":true}]"), ["u", "c", "7"]);
        assert!(ids("").is_empty());
    }

    #[test]
    fn a_callback_that_is_kept_as_text_is_looked_into() {
        let line = "{\"number\":1,\"id\":\"session.transfer\",\"body\":\"{\\\"user\\\":{\\\"id\\\":\\\"u\\\"}}\",\"try\":1}";
        assert_eq!(ids(line), ["u", "session.transfer"]);
        assert_eq!(ids("{\"id\":\"a\",\"body\":\"no JSON\"}"), ["a"]);
    }

    #[test]
    fn moments_are_read_in_every_form() {
        let receipts = read(
            "{\"id\":1,\"at\":\"2030-01-01T00:00:00.5Z\"}\n{\"id\":2,\"received\":1893456000.5}\n{\"id\":3,\"time\":1893456000500}\n{\"id\":4}",
        );
        let at: Vec<_> = receipts.unwrap().into_iter().map(|receipt| receipt.at).collect();
        let moment = Some("2030-01-01T00:00:00.5Z".parse().unwrap());
        assert_eq!(at, [moment, moment, moment, None]);
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        assert!(read("[\"a\"").unwrap_err().to_string().contains("invalid JSON array"));
        assert!(read("a\n{\"id\":").unwrap_err().to_string().starts_with("line 2 is invalid JSON"));
    }
}
