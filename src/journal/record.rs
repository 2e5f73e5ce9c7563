//! The NDJSON record: every entry as one line of JSON.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Entry, Event, Mask, Sink, assumed_text, masked_header};
use crate::delivery::QueuedCallback;
use crate::faults::FaultName;
use crate::sync::lock;

/// Writes every entry as one line of JSON.
///
/// Two things would differ between equal runs and are therefore left out: real durations, unless `timing` is set, and the
/// address of the embedded receiver, whose port is picked at start. It is written as `receiver`.
pub struct Recorder {
    out: Arc<Mutex<State>>,
    lines: Lines,
}

/// How entries are written as JSON, in records and in responses of a running mock.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    /// Whether real durations are included.
    pub timing: bool,
    /// The authority of the embedded receiver, which is written as `receiver`.
    pub embedded: Option<String>,
    /// Whether tokens and the secrets of accounts are shown.
    pub show_secrets: bool,
    /// What masks them otherwise.
    pub mask: Mask,
    /// Whether each line is complete, for readers that have not seen the others.
    pub whole: bool,
}

struct State {
    writer: Box<dyn Write + Send>,
    error: Option<io::Error>,
}

/// The handle of a [`Recorder`]: closes the record and says whether it is complete.
pub struct RecordHandle(Arc<Mutex<State>>);

impl RecordHandle {
    /// Flushes the record. Returns an error if any line could not be written.
    pub fn finish(self) -> io::Result<()> {
        let mut state = lock(&self.0);
        match state.error.take() {
            Some(error) => Err(error),
            None => state.writer.flush(),
        }
    }
}

impl Recorder {
    /// Creates a recorder. `embedded` is the authority (host and port) of the embedded receiver. Secrets are masked.
    pub fn new(out: Box<dyn Write + Send>, timing: bool, embedded: Option<String>) -> (Self, RecordHandle) {
        let state = Arc::new(Mutex::new(State { writer: out, error: None }));
        let lines = Lines { timing, embedded, ..Lines::default() };
        (Self { out: Arc::clone(&state), lines }, RecordHandle(state))
    }

    /// Masks secrets also under the names that the user's settings give them.
    #[must_use]
    pub fn mask(self, mask: Mask) -> Self {
        Self { lines: Lines { mask, ..self.lines }, ..self }
    }

    /// Shows tokens and the secrets of accounts, if requested.
    #[must_use]
    pub fn show_secrets(self, show_secrets: bool) -> Self {
        Self { lines: Lines { show_secrets, ..self.lines }, ..self }
    }
}

impl Lines {
    /// Returns the headers as they are recorded.
    fn headers<'a>(&self, headers: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(&'a str, Cow<'a, str>)> {
        let shown = |(name, value)| match self.show_secrets {
            true => (name, Cow::Borrowed(value)),
            false => (name, masked_header(name, value)),
        };
        headers.map(shown).collect()
    }

    /// Returns a body as it is recorded.
    fn shown<'a>(&self, body: &'a [u8]) -> Cow<'a, [u8]> {
        if self.show_secrets { Cow::Borrowed(body) } else { self.mask.masked(body) }
    }

    fn url(&self, callback: &QueuedCallback) -> String {
        let url = callback.target.to_string();
        match &self.embedded {
            Some(authority) => url.replacen(authority, "receiver", 1),
            None => url,
        }
    }

    /// Returns an entry as a JSON object.
    pub fn line(&self, entry: &Entry) -> Map<String, Value> {
        let mut line = Map::new();
        line.insert("seq".into(), json!(entry.seq));
        line.insert("at".into(), json!(entry.at.to_string()));
        if let Some(story) = &entry.story {
            line.insert("story".into(), json!(&**story));
        }
        line.insert("kind".into(), entry.event.kind().into());
        // The keys are a contract with readers of records: `tries` is older than the words used elsewhere, and stays.
        let mut put = |fields: Value| {
            if let Value::Object(fields) = fields {
                line.extend(fields);
            }
        };
        let elapsed = |took: Duration| match self.timing {
            true => json!({ "elapsed_us": u64::try_from(took.as_micros()).unwrap_or(u64::MAX) }),
            false => Value::Null,
        };
        match &entry.event {
            Event::StoryStarted => {}
            Event::StoryFinished { passed } => put(json!({ "passed": passed })),
            Event::Failed { place, message, .. } => {
                put(json!({ "place": &**place, "message": message }));
            }
            Event::Skipped(steps) => put(json!({ "steps": steps })),
            Event::Explained { place, message } => {
                put(json!({ "place": &**place, "message": message }));
            }
            Event::Assumed { id, what, refused } => {
                put(json!({ "id": &**id, "text": assumed_text(id, what, *refused) }));
            }
            Event::Waiting { request, within } => {
                let within = u64::try_from(within.as_millis()).unwrap_or(u64::MAX);
                put(json!({ "call": &**request, "within_ms": within }));
            }
            Event::Note(text) | Event::Found { message: text, is_error: false } => {
                put(json!({ "text": text }));
            }
            Event::Found { message, is_error: true } => put(json!({ "text": message })),
            Event::Queued(callback) => {
                put(json!({
                    "callback": callback.id,
                    "event": &*callback.event,
                    "method": &*callback.method,
                    "url": self.url(callback),
                    "due": callback.due.to_string(),
                }));
                put(bytes("body", &callback.body));
                put(faults(callback.faults.iter().map(|fault| fault.name)));
                if callback.signer.is_none() {
                    put(json!({ "unsigned": true }));
                }
                if let Some(copy) = callback.copy_of {
                    put(json!({ "copy_of": copy.callback, "faults": [copy.by] }));
                }
            }
            Event::Attempted { attempt, result, retry_at } => {
                let headers = attempt.headers.iter().map(|(name, value)| (&**name, value.as_str()));
                put(json!({
                    "callback": attempt.callback.id,
                    "event": &*attempt.callback.event,
                    "try": attempt.number,
                    "headers": self.headers(headers),
                }));
                put(faults(attempt.faults.iter().copied()));
                // The sent body is recorded only where it differs from the callback's own body.
                if attempt.body != attempt.callback.body {
                    put(bytes("body", &attempt.body));
                }
                match &result.result {
                    Ok(answer) => {
                        put(json!({ "status": answer.status }));
                        put(bytes("answer", &answer.body));
                        put(if answer.truncated { json!({ "truncated": true }) } else { Value::Null });
                    }
                    // The message may name the embedded receiver's port or come from the system.
                    Err(failure) if self.embedded.is_some() => put(json!({ "error": failure.class })),
                    Err(failure) => put(json!({ "error": failure.class, "message": failure.message })),
                }
                put(elapsed(result.elapsed));
                if let Some(at) = retry_at {
                    put(json!({ "retry_at": at.to_string() }));
                }
                if self.whole {
                    put(json!({ "url": self.url(&attempt.callback) }));
                    put(bytes("body", &attempt.body));
                }
            }
            Event::Ended { callback, end } => {
                put(json!({ "callback": callback.id, "tries": end.attempts }));
                if let Some(failure) = &end.failure {
                    put(json!({ "error": failure.class }));
                    put(if self.whole { json!({ "message": failure.message }) } else { Value::Null });
                }
                if self.whole {
                    put(json!({ "event": &*callback.event, "url": self.url(callback) }));
                    put(bytes("body", &callback.body));
                }
            }
            Event::Requested(exchange) => {
                // The port of the mock may have been picked at start.
                let headers = exchange.request.headers.iter().filter(|(name, _)| *name != "host");
                put(json!({
                    "call": exchange.id.as_deref(),
                    "method": exchange.request.method,
                    "path": String::from_utf8_lossy(&self.shown(exchange.request.path_and_query().as_bytes())),
                    "headers": self.headers(headers),
                }));
                put(exchange.request.proxied_host().map_or(Value::Null, |host| json!({ "host": host })));
                put(bytes("body", &self.shown(&exchange.request.body)));
                put(exchange.fault.as_ref().map_or(Value::Null, |fault| json!({ "faults": [**fault] })));
                put(json!({ "status": exchange.status }));
                put(bytes("answer", &self.shown(&exchange.answer)));
                put(elapsed(exchange.elapsed));
                if let Some(refused) = exchange.refusal.as_ref().filter(|_| self.whole) {
                    put(json!({ "refused": { "code": refused.code, "reason": refused.reason } }));
                }
            }
        }
        line
    }
}

/// Returns the names of the faults, or null.
fn faults(names: impl Iterator<Item = FaultName>) -> Value {
    let names: Vec<FaultName> = names.collect();
    if names.is_empty() { Value::Null } else { json!({ "faults": names }) }
}

/// Writes text as text, and other bytes as base64 under a key that says so.
fn bytes(key: &str, bytes: &[u8]) -> Value {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    match std::str::from_utf8(bytes) {
        Ok(text) => json!({ key: text }),
        Err(_) => json!({ format!("{key}_base64"): BASE64_STANDARD.encode(bytes) }),
    }
}

impl Sink for Recorder {
    fn entry(&mut self, entry: &Entry) {
        let line = Value::Object(self.lines.line(entry));
        let mut state = lock(&self.out);
        if state.error.is_none()
            && let Err(error) = state.writer.write_all(format!("{line}\n").as_bytes())
        {
            state.error = Some(error);
        }
    }
}
