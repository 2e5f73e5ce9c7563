//! A fault in one line: `NAME [key=value ...] [of PATTERN] [where field=value ...] [when]`.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::magic;
use super::name::{FaultName, UnknownFault};
use super::{Act, FaultFile};
use crate::time::HumanDuration;

/// Why a text is not a fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// The text is empty.
    #[error("a fault is missing: write for example `duplicate of session.end, every 2nd`")]
    Empty,
    /// There is no such fault.
    #[error(transparent)]
    Unknown(#[from] UnknownFault),
    /// The pattern is missing after `of`.
    #[error("after `of` comes the id of a request or callback, or a group such as `session.*`")]
    NoPattern,
    /// The fields are missing after `where`.
    #[error("after `where` come fields of the request or of the callback's body: `where call_id=17`")]
    NoFields,
    /// A key is given twice.
    #[error("`{0}` is given twice")]
    Twice(String),
    /// A parameter cannot be parsed.
    #[error("{0}")]
    Wrong(String),
}

/// Returns the same fault as a table.
pub(super) fn table(text: &str) -> Result<Map<String, Value>, TextError> {
    let mut words = text.split([' ', ',', '\t', '\n']).filter(|word| !word.is_empty()).peekable();
    let name = words.next().ok_or(TextError::Empty)?;
    let (mut table, is_of_callbacks) = named(name)?;
    let mut when: Vec<&str> = Vec::new();
    while let Some(word) = words.next() {
        let twice = || TextError::Twice(word.to_owned());
        if matches!(word, "of" | "on") {
            let pattern = words.next().ok_or(TextError::NoPattern)?;
            let key = if is_of_callbacks { "callback" } else { "call" };
            if table.insert(key.to_owned(), pattern.into()).is_some() {
                return Err(twice());
            }
        } else if word == "where" {
            let mut fields = Map::new();
            while let Some((path, value)) = words.peek().and_then(|word| word.split_once('=')) {
                put(&mut fields, path, read_value(value));
                words.next();
            }
            if fields.is_empty() {
                return Err(TextError::NoFields);
            }
            if table.insert("where".to_owned(), fields.into()).is_some() {
                return Err(twice());
            }
        } else if let Some((key, value)) = word.split_once('=') {
            // A text value that looks like a number, such as a secret, stays a text.
            let value = match key {
                "secret" | "field" | "message" => value.into(),
                _ => read_value(value),
            };
            if table.insert(key.to_owned(), value).is_some() {
                return Err(TextError::Twice(key.to_owned()));
            }
        } else {
            when.push(word);
        }
    }
    if !when.is_empty() {
        table.insert("when".to_owned(), when.join(" ").into());
    }
    if !is_of_callbacks && !table.contains_key("kind") {
        // `503` alone applies to every request.
        table.entry("call").or_insert_with(|| "*".into());
    }
    Ok(table)
}

/// Parses a fault.
///
/// # Errors
///
/// If the text is not a fault.
pub fn read(text: &str) -> Result<FaultFile, TextError> {
    let table = table(text)?;
    let wrong = super::keys::of_text(&table);
    let file = FaultFile::deserialize(Value::Object(table));
    let mut file = file.map_err(|error| TextError::Wrong(error.to_string()))?;
    file.written = Some(text.trim().to_owned());
    wrong.map_or(Ok(file), |wrong| Err(TextError::Wrong(wrong)))
}

/// Returns the table of a name, and whether it affects callbacks. Magic words of requests are names, too.
fn named(name: &str) -> Result<(Map<String, Value>, bool), TextError> {
    let mut table = Map::new();
    let unknown = match name.parse::<FaultName>() {
        Ok(known) => {
            table.insert("kind".to_owned(), name.into());
            return Ok((table, known.is_of_callbacks()));
        }
        Err(unknown) => unknown,
    };
    let Some(fault) = magic::named(name) else { return Err(unknown.into()) };
    if let Some(delay) = fault.delay {
        table.insert("delay".to_owned(), HumanDuration(delay).to_string().into());
    }
    if let Some(Act::Answer { status, code, retry_after, .. }) = fault.act {
        table.insert("status".to_owned(), status.into());
        if let Some(code) = code {
            table.insert("code".to_owned(), code.into());
        }
        if let Some(wait) = retry_after {
            table.insert("retry_after".to_owned(), HumanDuration(wait).to_string().into());
        }
    }
    Ok((table, false))
}

/// Parses JSON, or else returns the text.
fn read_value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

/// Sets the value at a path, such as `user.name`.
fn put(table: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => drop(table.insert(path.to_owned(), value)),
        Some((first, rest)) => {
            let inner = table.entry(first).or_insert_with(|| Map::new().into());
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::faults::When;

    #[test]
    fn a_line_is_the_table_it_stands_for() {
        for (text, wanted) in [
            ("duplicate", json!({ "kind": "duplicate" })),
            (
                "duplicate count=2 after=5s of session.*, every 2nd",
                json!({ "kind": "duplicate", "count": 2, "after": "5s", "callback": "session.*", "when": "every 2nd" }),
            ),
            (
                "signature-other-secret secret=17 on session.end where user.id=3 call_id=abc the 3rd",
                json!({ "kind": "signature-other-secret", "secret": "17", "callback": "session.end",
                    "where": { "user": { "id": 3 }, "call_id": "abc" }, "when": "the 3rd" }),
            ),
            (
                "refused-though-done of task.create, first 2",
                json!({ "kind": "refused-though-done", "call": "task.create", "when": "first 2" }),
            ),
            ("503 of task.*", json!({ "status": 503, "call": "task.*" })),
            ("429", json!({ "status": 429, "retry_after": "1s", "call": "*" })),
            ("slow-2s 10%", json!({ "delay": "2s", "when": "10%", "call": "*" })),
        ] {
            assert_eq!(Value::Object(table(text).unwrap()), wanted, "{text}");
        }
        let read = read("reorder of session.end after 3, first 2").unwrap();
        assert_eq!(read.when, Some(When { skip: Some(3), times: Some(2), ..When::default() }));
        assert_eq!(read.pattern(), "session.end");
    }

    #[test]
    fn mistakes_say_what_to_write() {
        let message = |text: &str| read(text).unwrap_err().to_string();
        assert!(message("").starts_with("a fault is missing"));
        assert_eq!(message("dublicate"), "there is no fault `dublicate`, did you mean `duplicate`?");
        assert!(message("drop of").starts_with("after `of` comes"));
        assert!(message("drop where").starts_with("after `where` come"));
        assert_eq!(message("drop of a of b"), "`of` is given twice");
        assert!(message("drop sometimes").contains("does not say when"));
        assert!(message("drop colour=red").contains("unknown field `colour`"));
        assert_eq!(message("drop count=2"), "`count` has no effect on `drop`");
        assert_eq!(
            message("duplicate bytes=2"),
            "`bytes` has no effect on `duplicate`, which has `count` and `after`"
        );
        assert_eq!(message("elsewhere"), "`elsewhere` needs `to`, a URL");
    }
}
