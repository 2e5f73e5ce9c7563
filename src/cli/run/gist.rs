//! The gist of a body in a few words, for one line of the timeline.

use serde_json::Value;

/// The longest gist, in characters.
const LONGEST: usize = 72;

/// Fields that tell the most about a body without messages, in this order.
const TELLING: [&str; 14] = [
    "result", "status", "state", "State", "Status", "reason", "intention", "numstatus", "company", "template_name",
    "session_end_reason", "callee_number", "CalleeNumber", "name",
];

/// What a body says, in a few words; empty if nothing stands out.
pub(super) fn gist(body: &[u8]) -> String {
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return shorten(&String::from_utf8_lossy(body));
    };
    let mut parts: Vec<String> = Vec::new();
    if let Some(messages) = value.get("messages").and_then(Value::as_array) {
        parts.extend(messages.iter().map(|message| said(message.get("content").unwrap_or(message))));
    }
    if parts.is_empty() {
        let inner = value.get("body").filter(|inner| inner.is_object());
        let places = [Some(&value), inner, value.get("transfer"), value.get("business")];
        for place in places.into_iter().flatten() {
            for key in TELLING {
                match place.get(key) {
                    Some(Value::String(text)) if !text.is_empty() => parts.push(format!("{key} {text}")),
                    Some(Value::Number(number)) => parts.push(format!("{key} {number}")),
                    _ => {}
                }
            }
        }
        parts.truncate(3);
    }
    shorten(&parts.join(", "))
}

/// What a content object says.
fn said(content: &Value) -> String {
    let text = ["/text", "/interactive/body/text", "/interactive/list_reply/title", "/interactive/button_reply/title"]
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

fn shorten(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.chars().filter(|c| !c.is_control()).collect();
    }
    let mut short: String = text.chars().filter(|c| !c.is_control()).take(LONGEST - 1).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::gist;

    #[test]
    fn the_gist_is_what_was_said() {
        assert_eq!(gist(br#"{"messages":[{"content":{"type":"text","text":"hi\nthere"}}]}"#), "\"hi there\"");
        assert_eq!(gist(br#"{"messages":[{"type":"image","media":{"name":"a.jpg"}}]}"#), "[image a.jpg]");
        assert_eq!(gist(br#"{"event":"session.transfer","transfer":{"company":"X","call_id":""}}"#), "company X");
        assert_eq!(gist(br#"{"type":"TaskStatus","body":{"state":"Finished"}}"#), "state Finished");
        assert_eq!(gist(b"not json"), "not json");
        assert_eq!(gist("é".repeat(100).as_bytes()).chars().count(), 72);
    }
}
