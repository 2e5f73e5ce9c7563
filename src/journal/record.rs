//! The NDJSON record: every entry as one line of JSON.

use std::io::{self, BufWriter, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};

use super::{Entry, Event, Sink, assumed_text};
use crate::delivery::QueuedCallback;

/// Writes every entry as one line of JSON.
///
/// Two things would differ between equal runs and are therefore kept out: real durations, unless `timing` is set,
/// and the address of the embedded receiver, whose port is picked at start; it is written as `receiver`.
pub struct Recorder {
    out: Arc<Mutex<State>>,
    timing: bool,
    embedded: Option<String>,
}

struct State {
    writer: BufWriter<Box<dyn Write + Send>>,
    error: Option<io::Error>,
}

/// The other end of a [`Recorder`]: closes the record and tells whether it is whole.
pub struct RecordHandle(Arc<Mutex<State>>);

impl RecordHandle {
    /// Flushes the record. Errs if any line could not be written.
    pub fn finish(self) -> io::Result<()> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match state.error.take() {
            Some(error) => Err(error),
            None => state.writer.flush(),
        }
    }
}

impl Recorder {
    /// A recorder. `embedded` is the authority (host and port) of the embedded receiver.
    pub fn new(out: Box<dyn Write + Send>, timing: bool, embedded: Option<String>) -> (Self, RecordHandle) {
        let state = Arc::new(Mutex::new(State { writer: BufWriter::new(out), error: None }));
        (Self { out: Arc::clone(&state), timing, embedded }, RecordHandle(state))
    }

    fn url(&self, callback: &QueuedCallback) -> String {
        let url = callback.target.to_string();
        match &self.embedded {
            Some(authority) => url.replacen(authority, "receiver", 1),
            None => url,
        }
    }

    fn line(&self, entry: &Entry) -> Map<String, Value> {
        let mut line = Map::new();
        line.insert("seq".into(), json!(entry.seq));
        line.insert("at".into(), json!(entry.at.to_string()));
        if let Some(story) = &entry.story {
            line.insert("story".into(), json!(&**story));
        }
        let mut put = |key: &str, value: Value| {
            line.insert(key.to_owned(), value);
        };
        // The kinds and keys are a contract with whoever reads records: `tried`, `dead` and `tries` are older than the
        // words used elsewhere, and stay.
        match &entry.event {
            Event::StoryStarted => put("kind", json!("story_started")),
            Event::StoryFinished { passed } => {
                put("kind", json!("story_finished"));
                put("passed", json!(passed));
            }
            Event::Failed { place, message } => {
                put("kind", json!("failed"));
                put("place", json!(&**place));
                put("message", json!(message));
            }
            Event::Assumed { id, what, refused } => {
                put("kind", json!("assumed"));
                put("id", json!(&**id));
                put("text", json!(assumed_text(id, what, *refused)));
            }
            Event::Waiting { call, within } => {
                put("kind", json!("waiting"));
                put("call", json!(&**call));
                put("within_ms", json!(u64::try_from(within.as_millis()).unwrap_or(u64::MAX)));
            }
            Event::Note(text) => {
                put("kind", json!("note"));
                put("text", json!(text));
            }
            Event::Queued(callback) => {
                put("kind", json!("queued"));
                put("callback", json!(callback.id));
                put("event", json!(&*callback.event));
                put("method", json!(&*callback.method));
                put("url", json!(self.url(callback)));
                put("due", json!(callback.due.to_string()));
                put_bytes(&mut put, "body", &callback.body);
            }
            Event::Attempted { attempt, result, retry_at } => {
                put("kind", json!("tried"));
                put("callback", json!(attempt.callback.id));
                put("event", json!(&*attempt.callback.event));
                put("try", json!(attempt.number));
                put(
                    "headers",
                    json!(attempt.headers.iter().map(|(name, value)| (&**name, value)).collect::<Vec<_>>()),
                );
                match &result.result {
                    Ok(answer) => {
                        put("status", json!(answer.status));
                        put_bytes(&mut put, "answer", &answer.body);
                        if answer.truncated {
                            put("truncated", json!(true));
                        }
                    }
                    Err(failure) => {
                        put("error", json!(failure.class));
                        // The message may name the embedded receiver's port or come from the system.
                        if self.embedded.is_none() {
                            put("message", json!(failure.message));
                        }
                    }
                }
                if self.timing {
                    put("elapsed_us", json!(u64::try_from(result.elapsed.as_micros()).unwrap_or(u64::MAX)));
                }
                if let Some(at) = retry_at {
                    put("retry_at", json!(at.to_string()));
                }
            }
            Event::Ended { id, end } => {
                put("kind", json!(if end.failure.is_none() { "delivered" } else { "dead" }));
                put("callback", json!(id));
                put("tries", json!(end.attempts));
                if let Some(failure) = &end.failure {
                    put("error", json!(failure.class));
                }
            }
            Event::Called(call) => {
                put("kind", json!("called"));
                put("call", json!(call.id.as_deref()));
                put("method", json!(call.call.method));
                put("path", json!(call.call.path_and_query()));
                // The port of the mock may have been picked at start.
                let headers = call.call.headers.iter().filter(|(name, _)| *name != "host");
                put("headers", json!(headers.collect::<Vec<_>>()));
                put_bytes(&mut put, "body", &call.call.body);
                put("status", json!(call.status));
                put_bytes(&mut put, "answer", &call.answer);
                if self.timing {
                    put("elapsed_us", json!(u64::try_from(call.elapsed.as_micros()).unwrap_or(u64::MAX)));
                }
            }
        }
        line
    }
}

/// Text as text, anything else as base64 under a name that says so.
fn put_bytes(put: &mut impl FnMut(&str, Value), key: &str, bytes: &[u8]) {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    match std::str::from_utf8(bytes) {
        Ok(text) => put(key, json!(text)),
        Err(_) => put(&format!("{key}_base64"), json!(BASE64_STANDARD.encode(bytes))),
    }
}

impl Sink for Recorder {
    fn entry(&mut self, entry: &Entry) {
        let line = Value::Object(self.line(entry));
        let mut state = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if state.error.is_none()
            && let Err(error) = writeln!(state.writer, "{line}")
        {
            state.error = Some(error);
        }
    }
}
