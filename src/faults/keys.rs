//! Rules on which keys of a fault go together.

use super::name::{FaultName, Parameter};
use crate::files::diagnostic::joined;

/// The keys that apply to requests alone.
const OF_REQUESTS: [&str; 7] = ["call", "status", "code", "message", "retry_after", "delay", "effect"];

/// The keys that express in numbers what `when` expresses in words.
pub(super) const OF_WHEN: [&str; 4] = ["skip", "times", "every", "percent"];

/// The parameters of some faults.
const PARAMETERS: [Parameter; 9] = [
    Parameter::After,
    Parameter::Within,
    Parameter::Over,
    Parameter::Count,
    Parameter::Bytes,
    Parameter::Field,
    Parameter::Secret,
    Parameter::Scheme,
    Parameter::To,
];

/// A mistake in a key, or in the fault as a whole.
pub(super) struct Mistake {
    pub(super) key: Option<&'static str>,
    pub(super) message: String,
}

/// Returns what does not go together, given the keys that are present.
pub(super) fn mistakes(kind: Option<FaultName>, has: impl Fn(&str) -> bool) -> Vec<Mistake> {
    let mut found = Vec::new();
    let mut wrong = |key: Option<&'static str>, message: String| found.push(Mistake { key, message });
    for key in OF_WHEN.into_iter().filter(|key| has("when") && has(key)) {
        wrong(Some(key), format!("a fault has either `when` or `{key}`, not both"));
    }
    let is_of_callbacks = kind.is_some_and(FaultName::is_of_callbacks);
    for key in OF_REQUESTS.into_iter().filter(|key| is_of_callbacks && has(key)) {
        let name = kind.map_or("", FaultName::as_str);
        let instead = if key == "call" { ": write `callback`" } else { "" };
        wrong(Some(key), format!("`{name}` applies to callbacks, `{key}` to requests{instead}"));
    }
    if !is_of_callbacks {
        if has("callback") {
            let what = kind.map_or("this fault".to_owned(), |kind| format!("`{kind}`"));
            wrong(Some("callback"), format!("{what} applies to requests: write `call`"));
        }
        if has("attempts") {
            wrong(Some("attempts"), "`attempts` applies to faults of callbacks".to_owned());
        }
        // Some kinds imply the requests that they affect; others need a pattern.
        let knows = kind.is_some_and(|kind| {
            use FaultName as Name;
            matches!(kind, Name::RecordingFails | Name::RecordingExpires | Name::RecordingTruncated)
        });
        if !has("call") && !has("callback") && !knows {
            wrong(None, "`call` is missing in a fault".to_owned());
        }
    }
    let known = kind.map_or(&[][..], FaultName::parameters);
    for parameter in PARAMETERS {
        let key = parameter.as_str();
        if !has(key) || known.iter().any(|(own, _)| *own == parameter) {
            continue;
        }
        let names: Vec<String> = known.iter().map(|(own, _)| format!("`{}`", own.as_str())).collect();
        let what = kind.map_or("such a fault".to_owned(), |kind| format!("`{kind}`"));
        let has =
            if names.is_empty() { String::new() } else { format!(", which has {}", joined(&names, "and")) };
        wrong(Some(key), format!("`{key}` has no effect on {what}{has}"));
    }
    if kind == Some(FaultName::Elsewhere) && !has("to") {
        wrong(None, "`elsewhere` needs `to`, a URL".to_owned());
    }
    found
}

/// Returns the first mistake in a fault written as a text, by its keys.
pub(super) fn of_text(table: &serde_json::Map<String, serde_json::Value>) -> Option<String> {
    let kind = table.get("kind").and_then(|kind| kind.as_str()?.parse().ok());
    mistakes(kind, |key| table.contains_key(key)).into_iter().next().map(|mistake| mistake.message)
}
