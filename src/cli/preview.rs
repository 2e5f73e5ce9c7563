//! A short preview of a body, for one line of the timeline.

use serde_json::Value;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::files::diagnostic::counted;
use crate::files::visible;
use crate::journal::Mask;

/// Maximum length of a preview where the width of the terminal is not known, in columns.
pub(super) const LONGEST: usize = 72;

/// Maximum size of a body that is parsed: a list of ten thousand rows does not fit one line.
const LARGEST: usize = 64 * 1024;

/// The most informative fields of a body without messages, in this order.
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

/// The fields that name a body if no other field is informative.
const NAMING: [&str; 3] = ["company", "workflow_name", "name"];

/// Describes a body in a few words, in at most this many columns. Empty if nothing stands out.
pub(super) fn preview(body: &[u8], longest: usize) -> String {
    if let Some(file) = upload(body) {
        return shorten(&file, longest);
    }
    if body.len() > LARGEST {
        return size(body.len());
    }
    let Ok(value) = serde_json::from_slice::<Value>(body) else {
        return shorten(&String::from_utf8_lossy(&Mask::default().masked(body)), longest);
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
    // A workflow's status is that of its nodes.
    parts.extend(value.get("actions").and_then(Value::as_array).into_iter().flatten().filter_map(node));
    shorten(&parts.join(", "), longest)
}

/// Describes the first file of a multipart body by its name and size.
fn upload(body: &[u8]) -> Option<String> {
    let find = |text: &[u8], from: usize| {
        let at = body.get(from..)?.windows(text.len()).position(|window| window == text)?;
        Some(from + at)
    };
    let boundary = body.starts_with(b"--").then(|| find(b"\r\n", 0)).flatten()?;
    let mut part = 0;
    loop {
        let begin = find(b"\r\n\r\n", part)? + 4;
        let end = find(&[&b"\r\n"[..], body.get(..boundary)?].concat(), begin)?;
        let headers = String::from_utf8_lossy(body.get(part..begin)?);
        if let Some((name, _)) = headers.split_once("filename=\"").and_then(|(_, name)| name.split_once('"'))
        {
            return Some(format!("{name}, {}", size(end - begin)));
        }
        part = end + 2;
    }
}

fn size(bytes: usize) -> String {
    match bytes {
        0..1_024 => counted(bytes as u64, "byte"),
        1_024..1_048_576 => format!("{:.1} KB", bytes as f64 / 1_024.0),
        _ => format!("{:.1} MB", bytes as f64 / 1_048_576.0),
    }
}

/// Describes a started node of a workflow and its progress.
fn node(action: &Value) -> Option<String> {
    let (name, status) = (action.get("nodetask_name")?.as_str()?, action.get("task_status")?.as_str()?);
    (status != "pending").then(|| format!("{name} {status}"))
}

/// Describes a refusal by its message, or else by its body.
pub(super) fn refusal(body: &[u8], longest: usize) -> String {
    let value: Value =
        if body.len() > LARGEST { Value::Null } else { serde_json::from_slice(body).unwrap_or_default() };
    let message = value.get("message").or_else(|| value.get("msg")).and_then(Value::as_str);
    message.map_or_else(|| preview(body, longest), |message| shorten(message, longest))
}

/// Returns those of these fields that a table has, as `name value`.
fn named(place: &Value, keys: &[&str]) -> Vec<String> {
    let texts = keys.iter().filter_map(|key| match place.get(*key)? {
        Value::String(text) if !text.is_empty() => Some(format!("{key} {text}")),
        Value::Number(number) => Some(format!("{key} {number}")),
        _ => None,
    });
    texts.collect()
}

/// Returns the text of a content object.
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

/// Returns a text in one line, shortened to this many columns if necessary.
pub(super) fn shorten(text: &str, longest: usize) -> String {
    // What is written out, such as `\u{1b}`, takes more than one column.
    let text = visible(text).replace('\n', " ");
    if text.width() <= longest {
        return text;
    }
    let mut width = 0;
    let fits = |letter: &char| {
        width += letter.width().unwrap_or_default();
        // The last column is for the dots.
        width < longest
    };
    let kept: String = text.chars().take_while(fits).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, shorten};

    fn preview(body: &[u8]) -> String {
        super::preview(body, LONGEST)
    }

    fn refusal(body: &[u8]) -> String {
        super::refusal(body, LONGEST)
    }

    #[test]
    fn a_text_is_as_wide_as_it_is_drawn() {
        assert_eq!(shorten("twelve chars", 12), "twelve chars");
        assert_eq!(shorten("twelve chars", 11), "twelve cha…");
        assert_eq!(shorten("您好，请问", 10), "您好，请问");
        assert_eq!(shorten("您好，请问", 9), "您好，请…");
        assert_eq!(shorten("", 0), "");
        assert_eq!(shorten("a\u{1b}[2J\nb", 12), "a\\u{1b}[2J b");
        assert_eq!(shorten("a\u{1b}[2J\nb", 11), "a\\u{1b}[2J…");
    }

    #[test]
    fn an_upload_is_its_file() {
        let upload = |parts: &str| preview(format!("--b\r\n{parts}\r\n--b--\r\n").as_bytes());
        let file = "Content-Disposition: form-data; name=\"file\"; filename=\"bill.jpg\"\r\n\r\n";
        assert_eq!(upload(&format!("{file}{}", "x".repeat(21))), "bill.jpg, 21 bytes");
        assert_eq!(upload(&format!("{file}{}", "x".repeat(3 << 20))), "bill.jpg, 3.0 MB");
        let field = "Content-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b\r\n";
        assert_eq!(upload(&format!("{field}{file}{}", "x".repeat(2048))), "bill.jpg, 2.0 KB");
        assert_eq!(preview(b"--no boundary"), "--no boundary");
    }

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
            preview(
                br#"{"status":"running","actions":[{"nodetask_name":"Call","task_status":"finished"},{"nodetask_name":"Push","task_status":"pending"}]}"#
            ),
            "status running, Call finished"
        );
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
