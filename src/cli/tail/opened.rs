//! The details of a row of the timeline, as shown by `o`.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use crate::files::visible;
use crate::time::HumanDuration;

/// Maximum length of a body, in characters: the page shows the rest.
const LONGEST: usize = 20_000;

/// Returns the journal's data about a callback or a request, and where the page shows it.
pub(super) fn opened(entries: &[Value], page: &str) -> String {
    let mut text = String::new();
    for entry in entries {
        match entry["kind"].as_str() {
            Some("queued") => {
                let (event, url) = (shown(&entry["event"]), shown(&entry["url"]));
                let _ = writeln!(text, "  #{} {event} → {url}", entry["callback"]);
                body(&mut text, entry, "body");
            }
            Some("tried") => {
                let status = match &entry["status"] {
                    Value::Null => shown(&entry["error"]),
                    status => status.to_string(),
                };
                let took = Duration::from_micros(entry["elapsed_us"].as_u64().unwrap_or_default());
                let _ = writeln!(text, "  attempt {}: {status} in {}", entry["try"], HumanDuration(took));
                headers(&mut text, entry);
                if let Some(message) = entry["message"].as_str() {
                    let _ = writeln!(text, "    {}", visible(message));
                }
                body(&mut text, entry, "body");
                body(&mut text, entry, "answer");
            }
            Some("called") => {
                let (method, path) = (shown(&entry["method"]), shown(&entry["path"]));
                let _ = writeln!(text, "  {method} {path}: {}", entry["status"]);
                headers(&mut text, entry);
                body(&mut text, entry, "body");
                body(&mut text, entry, "answer");
            }
            _ => {}
        }
    }
    let _ = write!(text, "  {page}");
    text
}

fn shown(value: &Value) -> String {
    visible(value.as_str().unwrap_or_default()).to_string()
}

fn headers(text: &mut String, entry: &Value) {
    for header in entry["headers"].as_array().into_iter().flatten() {
        let _ = writeln!(text, "    {}: {}", shown(&header[0]), shown(&header[1]));
    }
}

/// Writes a body, as indented JSON if it is JSON.
fn body(text: &mut String, entry: &Value, name: &str) {
    let Some(written) = entry[name].as_str().filter(|written| !written.is_empty()) else { return };
    let pretty = serde_json::from_str::<Value>(written).map(|value| format!("{value:#}"));
    let whole = pretty.unwrap_or_else(|_| written.to_owned());
    let cut: String = whole.chars().take(LONGEST).collect();
    let _ = writeln!(text, "    {}", if name == "answer" { "answered" } else { "body" });
    for line in cut.lines() {
        let _ = writeln!(text, "      {}", visible(line));
    }
    if cut.len() < whole.len() {
        let _ = writeln!(text, "      … {} bytes in all", whole.len());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_callback_is_shown_with_its_attempts_and_nothing_that_moves_the_terminal() {
        let entries = [
            json!({ "kind": "queued", "callback": 7, "event": "session.end", "url": "http://a/hook", "body": "{\"a\":\"\u{1b}[31m\"}" }),
            json!({ "kind": "tried", "callback": 7, "try": 1, "status": 401, "elapsed_us": 1500, "headers": [["X-AIRudder-Sign", "ab\u{1b}c"]], "answer": "no\u{7}" }),
            json!({ "kind": "tried", "callback": 7, "try": 2, "error": "refused", "elapsed_us": 10, "headers": [], "message": "nobody listens" }),
        ];
        let text = opened(&entries, "http://m/_mock/?sel=c7");
        insta::assert_snapshot!(text);
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    }

    #[test]
    fn a_request_is_shown_with_its_answer_and_a_long_body_is_cut() {
        let long = "é".repeat(LONGEST + 5);
        let entry = json!({ "kind": "called", "method": "POST", "path": "/x", "status": 404, "headers": [], "body": long, "answer": "{}" });
        let text = opened(&[entry], "p");
        assert!(text.contains("POST /x: 404"), "{text}");
        assert!(text.contains("… 40010 bytes in all"), "{}", &text[text.len() - 200..]);
        assert!(text.ends_with("    answered\n      {}\n  p"), "{}", &text[text.len() - 60..]);
    }
}
