//! Magic words: a request asks for its own fault by `mock:NAME` in one of its texts, or by a header.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use memchr::memmem::Finder;
use serde::Deserialize;
use serde::de::value::StrDeserializer;
use serde_json::Value;

use super::{Act, Fault, FaultKind, FaultName, LONGEST_DELAY};
use crate::contract::envelope::ErrorStatus;
use crate::files::diagnostic::{joined, quoted};
use crate::files::suggest::nearest;
use crate::time::HumanDuration;

/// The header that asks for a fault, in lower case. The texts of a request may have no room for a magic word.
pub const HEADER: &str = "x-mock-fault";

/// The beginning of a magic word.
const MARK: &str = "mock:";

/// The delay of `slow`.
const SLOW: Duration = Duration::from_secs(5);

/// The time after which a client that is told to wait may try again.
const COME_BACK: Duration = Duration::from_secs(1);

/// The name under which a mistyped word is counted.
const UNKNOWN: &str = "unknown-fault";

/// The magic names and their effects. `STATUS`, `CODE` and `DURATION` stand for what the user writes.
pub const MAGIC: &[(&str, &str)] = &[
    ("429", "too many requests: status 429 with Retry-After 1 s"),
    ("500", "an internal error: status 500"),
    ("502", "a bad gateway: status 502"),
    ("503", "service unavailable: status 503"),
    ("504", "a gateway timeout: status 504"),
    ("STATUS", "an error with any other status from 400 to 599, such as 418"),
    (
        "code-CODE",
        "an error with any code of the endpoint's family, such as code-10201 or code--1 of the dialer",
    ),
    ("reset", "the connection is reset; the request has no effect"),
    ("half", "about half of the response, then the connection is closed; the request takes effect"),
    ("never", "no response until the client gives up; the request has no effect"),
    ("garbage", "a response that is not JSON; the request has no effect"),
    ("close", "the connection is closed without a response; the request has no effect"),
    ("expired-token", "the response to a request whose token has expired"),
    ("done-then-closed", "the connection is closed without a response; the request takes effect"),
    ("refused-though-done", "status 503, although the request takes effect"),
    ("slow", "the usual response, 5 s later"),
    ("slow-DURATION", "the usual response after any delay, such as slow-200ms or slow-2s"),
];

/// Returns the fault that a text asks for: that of the first `mock:NAME` whose name is known, or else the refusal of an unknown
/// one.
pub fn magic(text: &str) -> Option<Fault> {
    static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(MARK));
    let mut unknown = None;
    let found = FINDER.find_iter(text.as_bytes()).find_map(|at| {
        // `hammock:429` asks for nothing.
        let apart = !text[..at].ends_with(char::is_alphanumeric);
        let rest = &text[at + MARK.len()..];
        let letter = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        let name = &rest[..rest.find(|c| !letter(c)).unwrap_or(rest.len())];
        // The word may end a sentence.
        let name = name.trim_end_matches('.');
        let fault = named(name).filter(|_| apart);
        // Faults of callbacks are found in the callbacks.
        if of_callbacks(name).is_some() {
            return None;
        }
        // A host may be called `mock`: `http://mock:2478`.
        let is_word =
            text[..at].chars().next_back().is_none_or(|before| before.is_whitespace() || before == '(');
        let is_port = name.len() != 3 && name.bytes().all(|byte| byte.is_ascii_digit());
        if fault.is_none() && is_word && !is_port {
            unknown.get_or_insert_with(|| refusal(name));
        }
        fault
    });
    found.or(unknown)
}

/// Returns the response to an unknown word: a typing mistake must not pass for a request without faults.
fn refusal(name: &str) -> Fault {
    let names = || MAGIC.iter().map(|(name, _)| *name);
    let near = nearest(name, names()).map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
    let known = joined(&names().collect::<Vec<_>>(), "and");
    let message = format!("there is no fault {}{near} (the faults are {known})", quoted(name));
    let act = Act::Answer { status: 400, code: None, message: Some(message), retry_after: None };
    Fault { name: UNKNOWN.into(), delay: None, effect: act.takes_effect(), act: Some(act) }
}

/// Returns the fault of callbacks with this name, if it needs no parameters.
fn of_callbacks(name: &str) -> Option<FaultName> {
    let known: FaultName = name.parse().ok()?;
    (known.is_of_callbacks() && known != FaultName::Elsewhere).then_some(known)
}

/// Returns the fault that a callback's body asks for: the first `mock:NAME` in it that names a fault of callbacks. Many texts
/// of a request are repeated in the callbacks that it causes.
pub fn magic_of_body(body: &[u8]) -> Option<FaultName> {
    static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(MARK));
    FINDER.find_iter(body).find_map(|at| {
        let rest = &body[at + MARK.len()..];
        let is_letter = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
        let end = rest.iter().position(|byte| !is_letter(byte)).unwrap_or(rest.len());
        of_callbacks(std::str::from_utf8(&rest[..end]).ok()?)
    })
}

/// Returns the fault that the value of [`HEADER`] asks for, with or without `mock:`.
pub fn magic_header(value: &str) -> Option<Fault> {
    let name = value.trim();
    named(name).or_else(|| if name.is_empty() { None } else { magic(name).or_else(|| Some(refusal(name))) })
}

/// Returns the fault that a request asks for: by the value of [`HEADER`] if it has one, or else by the first of its texts that
/// asks for one. Only texts at the top level are considered.
pub fn magic_of_request(header: Option<&str>, fields: &Value) -> Option<Fault> {
    header
        .and_then(magic_header)
        .or_else(|| fields.as_object()?.values().find_map(|value| magic(value.as_str()?)))
}

pub(super) fn named(name: &str) -> Option<Fault> {
    let name = name.to_ascii_lowercase();
    let called: Arc<str> = name.as_str().into();
    let kind = FaultKind::deserialize(StrDeserializer::<serde::de::value::Error>::new(&name));
    let act = match name.as_str() {
        _ if kind.is_ok() => Act::Kind(kind.ok()?),
        "done-then-closed" => return Some(done(called, Act::Kind(FaultKind::Close))),
        "refused-though-done" => {
            let act = Act::Answer { status: 503, code: None, message: None, retry_after: None };
            return Some(done(called, act));
        }
        "slow" => return Some(slow(called, SLOW)),
        other if other.starts_with("code-") => coded(other.strip_prefix("code-")?.parse().ok()?)?,
        other => match (other.strip_prefix("slow-"), other.parse()) {
            (Some(text), _) => return text.parse().ok().map(|HumanDuration(delay)| slow(called, delay)),
            (None, Ok(status @ 400..=599)) if other.len() == 3 => Act::Answer {
                status,
                code: None,
                message: None,
                retry_after: (status == 429).then_some(COME_BACK),
            },
            _ => return None,
        },
    };
    Some(Fault { name: called, delay: None, effect: act.takes_effect(), act: Some(act) })
}

/// Returns a response with a code of the request's family, under the HTTP status that belongs to the code.
fn coded(code: i64) -> Option<Act> {
    let is_error = !matches!(code, 0 | 200);
    let status = ErrorStatus::Mirror.http_status(code);
    is_error.then_some(Act::Answer { status, code: Some(code), message: None, retry_after: None })
}

fn done(name: Arc<str>, act: Act) -> Fault {
    Fault { name, delay: None, act: Some(act), effect: true }
}

fn slow(name: Arc<str>, delay: Duration) -> Fault {
    Fault { name, delay: Some(delay.min(LONGEST_DELAY)), act: None, effect: true }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_name_of_the_table_does_something() {
        let mut acts = Vec::new();
        for (name, meaning) in MAGIC {
            let written = name.replace("STATUS", "418").replace("CODE", "10201").replace("DURATION", "1.5s");
            let fault = magic_header(&written).unwrap_or_else(|| panic!("{name} is not known"));
            assert_eq!(magic(&format!("please mock:{written}, thanks")), Some(fault.clone()), "{name}");
            assert!(fault.act.is_some() || fault.delay.is_some(), "{name}");
            let is_described =
                !meaning.contains("effect") || meaning.contains("has no effect") != fault.effect;
            assert!(is_described, "{name}: {meaning}");
            acts.extend(fault.act.and_then(|act| match act {
                Act::Answer { .. } => None,
                Act::Kind(kind) => Some(format!("{kind:?}")),
            }));
        }
        acts.sort();
        acts.dedup();
        assert_eq!(acts.len(), 6, "one of every kind");
    }

    #[test]
    fn callbacks_ask_by_a_text_that_they_carry() {
        let of = |text: &str| magic_of_body(text.as_bytes());
        assert_eq!(of(r#"{"task":"x mock:duplicate"}"#), Some(FaultName::Duplicate));
        assert_eq!(of(r#"{"a":"mock:reset","b":"mock:signature-wrong."}"#), Some(FaultName::SignatureWrong));
        assert_eq!(of(r#"{"a":"mock:elsewhere","b":"mock:","c":"mock:503"}"#), None);
        assert_eq!(magic("mock:duplicate"), None, "the request itself goes as ever");
    }

    #[test]
    fn magic_words_in_texts() {
        let status = |text: &str| match magic(text)?.act? {
            Act::Answer { status, retry_after, .. } => Some((status, retry_after)),
            _ => None,
        };
        assert_eq!(status("mock:429"), Some((429, Some(Duration::from_secs(1)))));
        assert_eq!(status("Dear mock:ups, mock:503."), Some((503, None)));
        assert_eq!(status("(mock:599)"), Some((599, None)));
        assert_eq!(status("a mock:code-10201."), Some((200, None)));
        assert_eq!(status("mock:code--1"), Some((200, None)));
        assert_eq!(status("mock:code-404"), Some((404, None)));
        assert_eq!(magic("mock:Reset").unwrap().act, Some(Act::Kind(FaultKind::Reset)));
        assert_eq!(magic("mock:slow").unwrap().delay, Some(Duration::from_secs(5)));
        assert_eq!(magic("mock:slow-1.5s.").unwrap().delay, Some(Duration::from_millis(1500)));
        assert_eq!(magic("mock:slow-1h").unwrap().delay, Some(LONGEST_DELAY));
        for nothing in [
            "",
            "429",
            "mock:",
            "mock: hello",
            "mock:+42",
            "mock:0429",
            "http://mock:2478/hook",
            "http://mock:abc",
            "hammock:429",
            "hammock:halv",
        ] {
            assert_eq!(magic(nothing), None, "{nothing}");
        }
        for unknown in
            ["200", "399", "600", "code-", "code-0", "code-200", "code-x", "slow-", "slow-soon", "halv"]
        {
            let fault = magic(&format!("a mock:{unknown}")).unwrap();
            assert!(!fault.effect, "{unknown}");
            assert_eq!(magic_header(unknown), Some(fault.clone()));
            let Some(Act::Answer { status: 400, message: Some(message), .. }) = fault.act else {
                panic!("{unknown}: {fault:?}");
            };
            assert!(message.starts_with(&format!("there is no fault `{unknown}`")), "{message}");
        }
        // A known word wins, wherever it is.
        assert_eq!(status("mock:halv mock:503"), Some((503, None)));
    }

    #[test]
    fn a_request_asks_by_header_or_text() {
        let fields =
            json!({ "n": 1, "inner": { "text": "mock:reset" }, "name": "x mock:500", "other": "mock:close" });
        let act = |header| magic_of_request(header, &fields).and_then(|fault| fault.act);
        assert!(matches!(act(None), Some(Act::Answer { status: 500, .. })));
        assert_eq!(act(Some(" half ")), Some(Act::Kind(FaultKind::Half)));
        assert_eq!(act(Some("mock:never")), Some(Act::Kind(FaultKind::Never)));
        assert!(matches!(act(Some("unknown")), Some(Act::Answer { status: 400, .. })));
        assert!(matches!(act(Some("")), Some(Act::Answer { status: 500, .. })));
        assert_eq!(magic_of_request(None, &json!("mock:reset")), None);
        assert_eq!(magic_of_request(None, &Value::Null), None);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "(mock:|slow-|[a-z0-9.ü -]){0,12}") {
            let _ = magic(&text);
            let _ = magic_header(&text);
        }
    }
}
