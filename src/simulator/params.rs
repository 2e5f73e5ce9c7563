//! Reads the parameters of a call. Every refusal names the parameter, what came, and what is expected.
//!
//! Queries and forms carry texts only, so that a number may come as a text; everything else keeps its type.

use serde_json::Value;

use super::request::Response;

/// How much of a value a message repeats.
const SHOWN: usize = 60;

/// A refusal with code 400 (assumed for the families whose codes are not known).
pub(super) fn bad(message: impl Into<String>) -> Response {
    Response::Error { code: 400, message: message.into() }
}

/// A value as a message shows it: short, on one line.
pub(super) fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => format!("`{}`", text.escape_debug()),
        other => other.to_string(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// The parameters of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Params<'a> {
    fields: &'a Value,
}

impl<'a> Params<'a> {
    pub(super) fn new(fields: &'a Value) -> Self {
        Self { fields }
    }

    /// A parameter as it came; null counts as missing.
    pub(super) fn value(self, name: &str) -> Option<&'a Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    fn wrong(self, name: &str, value: &Value, expected: &str) -> Response {
        bad(format!("{name} is {}, expected {expected}", shown(value)))
    }

    pub(super) fn missing(self, name: &str, expected: &str) -> Response {
        bad(format!("{name} is missing: {expected}"))
    }

    /// A text; an empty one counts as missing.
    pub(super) fn text(self, name: &str) -> Result<Option<&'a str>, Response> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(value) => Err(self.wrong(name, value, "a string")),
        }
    }

    /// A text that must be there.
    pub(super) fn needed(self, name: &str, expected: &str) -> Result<&'a str, Response> {
        self.text(name)?.ok_or_else(|| self.missing(name, expected))
    }

    /// A whole number within a range.
    pub(super) fn whole(
        self,
        name: &str,
        range: std::ops::RangeInclusive<i64>,
    ) -> Result<Option<i64>, Response> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let number = match value {
            Value::String(text) if text.trim().is_empty() => return Ok(None),
            Value::String(text) => text.trim().parse().ok(),
            // 3.0 is a whole number that some clients write so.
            value => value
                .as_i64()
                .or_else(|| value.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 1e15).map(|n| n as i64)),
        };
        match number.filter(|number| range.contains(number)) {
            Some(number) => Ok(Some(number)),
            None => {
                let expected = format!("a whole number from {} to {}", range.start(), range.end());
                Err(self.wrong(name, value, &expected))
            }
        }
    }

    /// One of a few words.
    pub(super) fn word(self, name: &str, words: &[&'static str]) -> Result<Option<&'static str>, Response> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        match words.iter().find(|word| **word == text) {
            Some(word) => Ok(Some(word)),
            None => {
                let expected: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
                Err(self.wrong(name, &Value::from(text), &expected.join(" or ")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message<T: std::fmt::Debug>(outcome: Result<T, Response>) -> String {
        match outcome {
            Err(Response::Error { code: 400, message }) => message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_refusal_names_its_parameter() {
        let fields = json!({
            "TaskName": 7, "RepeatNumber": "three", "Big": 1e300, "Type": "plan", "Long": "x".repeat(500),
        });
        let params = Params::new(&fields);
        let lines = [
            message(params.text("TaskName")),
            message(params.needed("RobotID", "the robot that calls")),
            message(params.whole("RepeatNumber", 1..=10)),
            message(params.whole("Big", 1..=10)),
            message(params.word("Type", &["normal"])),
            message(params.word("Long", &["normal"])),
        ];
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn numbers_come_as_texts_too() {
        let fields = json!({ "a": "12", "b": 3.0, "c": "", "d": null, "e": " 4 " });
        let params = Params::new(&fields);
        let whole = |name: &str| params.whole(name, 0..=100).unwrap();
        assert_eq!(
            [whole("a"), whole("b"), whole("c"), whole("d"), whole("e")],
            [Some(12), Some(3), None, None, Some(4)]
        );
    }
}
