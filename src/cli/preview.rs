//! A preview of a body in a few words, for one line of the timeline.

use serde_json::Value;

use crate::journal::masked;

/// The longest preview, in characters.
const LONGEST: usize = 72;

/// Longer bodies are not looked into: a list of ten thousand rows is nothing for one line.
const LARGEST: usize = 64 * 1024;

/// Fields that say the most about a body without messages, in this order.
const MEANINGFUL: [&str; 11] = [
    "result",
    "status",
    "state",
    "State",
    "Status",
    "session_end_reason",
    "reason",
    "intention",
    "numstatus",
    "CalleeNumber",
    "callee_number",
];

/// What a body is named by if nothing in it says more.
const NAMING: [&str; 3] = ["company", "workflow_name", "name"];

/// What a body says, in a few words; empty if nothing stands out.
pub(super) fn preview(body: &[u8]) -> String {
    if body.len() > LARGEST {
        return format!("{:.1} MB", body.len() as f64 / f64::from(1 << 20));
    }
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return shorten(&String::from_utf8_lossy(&masked(body)), LONGEST);
    };
    let mut parts: Vec<String> = Vec::new();
    if let Some(messages) = value.get("messages").and_then(Value::as_array) {
        parts.extend(messages.iter().map(|message| said(message.get("content").unwrap_or(message))));
    }
    let inner = value.get("body").filter(|inner| inner.is_object());
    let places = [Some(&value), inner, value.get("transfer"), value.get("business"), value.get("callee")];
    for keys in [MEANINGFUL.as_slice(), NAMING.as_slice()] {
        if parts.is_empty() {
            parts.extend(places.into_iter().flatten().flat_map(|place| named(place, keys)).take(3));
        }
    }
    shorten(&parts.join(", "), LONGEST)
}

/// What a refusal says; if it says nothing, what its body does.
pub(super) fn refusal(body: &[u8]) -> String {
    let value: Value =
        if body.len() > LARGEST { Value::Null } else { serde_json::from_slice(body).unwrap_or_default() };
    let message = value.get("message").or_else(|| value.get("msg")).and_then(Value::as_str);
    message.map_or_else(|| preview(body), |message| shorten(message, LONGEST))
}

/// Those of these fields that a table has, as `name value`.
fn named(place: &Value, keys: &[&str]) -> Vec<String> {
    let texts = keys.iter().filter_map(|key| match place.get(*key)? {
        Value::String(text) if !text.is_empty() => Some(format!("{key} {text}")),
        Value::Number(number) => Some(format!("{key} {number}")),
        _ => None,
    });
    texts.collect()
}

/// What a content object says.
fn said(content: &Value) -> String {
    let text = [
        "/text",
        "/interactive/body/text",
        "/interactive/list_reply/title",
        "/interactive/button_reply/title",
    ]
    .iter()
    .find_map(|pointer| content.pointer(pointer).and_then(Value::as_str));
    let kind = content.get("type").and_then(Value::as_str).unwrap_or("message");
    match text {
        Some(text) => format!("\"{}\"", text.replace(['\n', '\r'], " ")),
        None => match content.pointer("/media/name").and_then(Value::as_str) {
            Some(name) => format!("[{kind} {name}]"),
            None => format!("[{kind}]"),
        },
    }
}

/// A text in one line, cut if it is too long.
pub(super) fn shorten(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.chars().filter(|c| !c.is_control()).collect();
    }
    let mut short: String =
        text.chars().filter(|c| !c.is_control()).take(longest.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::{preview, refusal};

    #[test]
    fn a_preview_is_what_was_said() {
        assert_eq!(
            preview(br#"{"messages":[{"content":{"type":"text","text":"hi\nthere"}}]}"#),
            "\"hi there\""
        );
        assert_eq!(preview(br#"{"messages":[{"type":"image","media":{"name":"a.jpg"}}]}"#), "[image a.jpg]");
        assert_eq!(
            preview(br#"{"event":"session.transfer","transfer":{"company":"X","call_id":""}}"#),
            "company X"
        );
        assert_eq!(preview(br#"{"type":"TaskStatus","body":{"state":"Finished"}}"#), "state Finished");
        assert_eq!(
            refusal(br#"{"code":400,"status":"Bad Request","message":"APPKey is missing"}"#),
            "APPKey is missing"
        );
        assert_eq!(refusal(b"oops"), "oops");
        assert_eq!(preview(b"not json"), "not json");
        assert_eq!(preview(b"APPKey=K&APPSecret=S"), "APPKey=K&APPSecret=***");
        assert_eq!(preview(&vec![b'['; 3 << 20]), "3.0 MB");
        assert_eq!(preview("é".repeat(100).as_bytes()).chars().count(), 72);
    }
}
