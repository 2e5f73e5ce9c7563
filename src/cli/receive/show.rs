//! Formats received callbacks for people and for programs.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::looks;
use crate::cli::terminal;
use crate::files::diagnostic::joined;
use crate::integrator::{Counts, Received, Verdict};
use crate::net::HttpRequest;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default().bold();
const YELLOW: Style = AnsiColor::Yellow.on_default();

/// Maximum number of fields shown of a body, and the length of each.
const FIELDS: usize = 10;
const VALUE: usize = 60;

/// Returns a few lines about a callback.
pub(super) fn block(request: &HttpRequest, received: &Received, now: Timestamp, answered: u16) -> String {
    let time = terminal::time_of_day(now, true);
    block_at(&time, request, received, answered)
}

fn block_at(time: &str, request: &HttpRequest, received: &Received, answered: u16) -> String {
    let event = received.event.as_deref().map_or_else(|| nameless(received), shown);
    let unknown = match (&received.event, &received.id) {
        (Some(_), None) => "  (not in the catalog)",
        _ => "",
    };
    let again = match received.times {
        1 => String::new(),
        n => format!("  {YELLOW}(seen before, attempt {n}){YELLOW:#}"),
    };
    let mut out = format!(
        "\n{time}  {BOLD}{event}{BOLD:#}{unknown}{again}\n    {DIM}{} {}, {} bytes, answered {answered}{DIM:#}\n",
        shown(&request.method),
        shown(&request.path_and_query()),
        received.raw.len(),
    );
    let about = match &received.body {
        Ok(body) => fields(body),
        Err(message) => format!("{YELLOW}{message}{YELLOW:#}"),
    };
    if !about.is_empty() {
        out += &format!("    {about}\n");
    }
    match &received.verdict {
        Verdict::Verified => out += &format!("    {GREEN}signature ok{GREEN:#}\n"),
        Verdict::Unsigned => out += &format!("    {DIM}not signed{DIM:#}\n"),
        Verdict::Wrong(mismatch) => {
            out += &format!("    {RED}signature WRONG{RED:#}: {}\n", mismatch.message);
            for hint in &mismatch.hints {
                out += &format!("        {hint}\n");
            }
        }
    }
    out
}

/// Returns a replacement for the missing name of an event.
fn nameless(received: &Received) -> String {
    let like = received.body.as_ref().map(looks::like).unwrap_or_default();
    match like.as_slice() {
        [] => "(no event name)".to_owned(),
        like => format!("(no event name; looks like {})", joined(like, "or")),
    }
}

/// Returns the fields of a body in short: those at the top, those of nested objects, and the beginning of its messages.
fn fields(body: &Value) -> String {
    let Value::Object(map) = body else {
        return value(body).unwrap_or_else(|| "a list".to_owned());
    };
    let mut all = Vec::new();
    for (key, inner) in map.iter().filter(|(key, _)| *key != "event") {
        match inner {
            Value::Object(inner) => {
                let inner = inner.iter().filter_map(|(name, one)| Some((name, value(one)?)));
                all.extend(inner.map(|(name, one)| format!("{}.{} {one}", shown(key), shown(name))));
            }
            Value::Array(list) => all.push(format!("{} {}", shown(key), items(list))),
            _ => all.extend(value(inner).map(|one| format!("{} {one}", shown(key)))),
        }
    }
    let more = all.len().saturating_sub(FIELDS);
    all.truncate(FIELDS);
    if more > 0 {
        all.push(format!("and {more} more"));
    }
    all.join(", ")
}

fn value(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.is_empty() => Some("\"\"".to_owned()),
        Value::String(text) => Some(shown(text)),
        Value::Object(_) | Value::Array(_) => None,
        other => Some(other.to_string()),
    }
}

/// Returns the number of items, and the text of the first one if they are messages.
fn items(list: &[Value]) -> String {
    let first = list.first().map(|first| first.get("content").unwrap_or(first));
    let text = first.and_then(|content| content.get("text")).and_then(Value::as_str);
    match text {
        Some(text) => format!("[{}] \"{}\"", list.len(), shown(text)),
        None => format!("[{}]", list.len()),
    }
}

/// Makes a text of unknown origin fit for a part of one line of a terminal.
fn shown(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().take(VALUE) {
        // Characters that move the cursor or change the direction of writing must not reach the terminal.
        let odd = c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        if odd {
            let _ = write!(out, "{}", c.escape_default());
        } else {
            out.push(c);
        }
    }
    if text.chars().nth(VALUE).is_some() {
        out.push('…');
    }
    out
}

/// Returns everything about a callback as one line.
pub(super) fn json_line(
    request: &HttpRequest,
    received: &Received,
    now: Timestamp,
    number: u64,
    answered: u16,
) -> String {
    let (signature, explanation, hints) = match &received.verdict {
        Verdict::Verified => ("ok", None, &[][..]),
        Verdict::Unsigned => ("none", None, &[][..]),
        Verdict::Wrong(mismatch) => ("wrong", Some(&mismatch.message), &mismatch.hints[..]),
    };
    let mut line = json!({
        "number": number,
        "at": now.to_string(),
        "event": received.event,
        "id": received.id.as_deref(),
        "method": request.method,
        "path": request.path_and_query(),
        "headers": headers(request),
        "body": String::from_utf8_lossy(&received.raw),
        "signature": signature,
        "explanation": explanation,
        "hints": hints,
        "try": received.times,
        "answered": answered,
    });
    if std::str::from_utf8(&received.raw).is_err() {
        line["body_base64"] = STANDARD.encode(&received.raw).into();
    }
    format!("{line}\n")
}

/// Returns the headers by name; several values of a name are joined, as HTTP allows.
fn headers(request: &HttpRequest) -> Map<String, Value> {
    let mut all = Map::new();
    for (name, value) in request.headers.iter() {
        match all.get_mut(name) {
            Some(Value::String(before)) => {
                before.push_str(", ");
                before.push_str(value);
            }
            _ => {
                all.insert(name.to_owned(), value.into());
            }
        }
    }
    all
}

/// Returns the last line.
pub(super) fn totals(counts: Counts) -> String {
    let Counts { received, verified, wrong, unsigned, duplicates } = counts;
    let colour = if wrong > 0 { RED } else { Style::new() };
    format!(
        "\n{received} received: {verified} correctly signed, {colour}{wrong} wrong{colour:#}, {unsigned} not signed; \
         {duplicates} seen before\n"
    )
}

/// Returns just enough of a secret to recognise it.
pub(super) fn masked(secret: &str) -> String {
    let length = secret.chars().count();
    let head: String = if length >= 12 { secret.chars().take(3).collect() } else { String::new() };
    format!("{}*** ({length} characters)", shown(&head))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::contract::signature::Mismatch;
    use crate::integrator::BodyError;

    fn received(body: &str, verdict: Verdict, times: u32) -> (HttpRequest, Received) {
        let raw = Bytes::copy_from_slice(body.as_bytes());
        let request = HttpRequest {
            method: "POST".into(),
            path: "/hook".to_owned(),
            query: Some("a=1".to_owned()),
            headers: [("host", "x"), ("x-a", "1"), ("x-a", "2")].into_iter().collect(),
            body: raw.clone(),
            ..HttpRequest::default()
        };
        let body: Result<Value, _> =
            serde_json::from_str(body).map_err(|_| BodyError::NotJson("expected value".to_owned()));
        let event = body.as_ref().ok().and_then(|body| body["event"].as_str()).map(str::to_owned);
        let id = event.as_deref().filter(|event| *event == "agent.message").map(Arc::from);
        (request, Received { event, id, verdict, body, raw, times })
    }

    fn samples() -> Vec<(HttpRequest, Received)> {
        let mismatch = Mismatch {
            message: "the signature was made over the body with a newline at its end: sign the exact bytes"
                .to_owned(),
            hints: vec!["expected: X-AIRudder-Sign: 00".to_owned()],
        };
        let message = json!({
            "event": "agent.message", "call_id": "", "channel": "WhatsApp", "user": { "id": "1", "name": "Ana\u{1b}[31m" },
            "messages": [{ "msg_id": "m", "content": { "type": "text", "text": "hola\n¿qué tal?" } }, {}],
            "n": 1.5, "long": "x".repeat(100),
        });
        let many: Map<String, Value> = (0..20).map(|n| (format!("k{n}"), n.into())).collect();
        vec![
            received(&message.to_string(), Verdict::Verified, 1),
            received("{\"event\": \"no.such\"}", Verdict::Wrong(mismatch), 3),
            received(&Value::Object(many).to_string(), Verdict::Unsigned, 1),
            received("[1]", Verdict::Unsigned, 1),
            received("a=b", Verdict::Unsigned, 1),
        ]
    }

    #[test]
    fn blocks_for_people() {
        let blocks = samples()
            .iter()
            .map(|(request, one)| block_at("14:03:22.120", request, one, 200))
            .collect::<String>();
        insta::assert_snapshot!(anstream::adapter::strip_str(&blocks).to_string());
        assert!(!anstream::adapter::strip_str(&blocks).to_string().contains('\u{1b}'));
    }

    #[test]
    fn lines_for_programs() {
        let now = "2030-01-01T00:00:00Z".parse().unwrap();
        let mut samples = samples();
        samples[4].1.raw = Bytes::from_static(b"\xff");
        let lines =
            samples.iter().map(|(request, one)| json_line(request, one, now, 1, 200)).collect::<String>();
        assert_eq!(lines.lines().count(), samples.len());
        insta::assert_snapshot!(lines);
    }

    #[test]
    fn secrets_are_masked() {
        assert_eq!(masked("s3cret"), "*** (6 characters)");
        assert_eq!(masked("0123456789abcdef"), "012*** (16 characters)");
    }
}
