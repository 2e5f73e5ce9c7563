//! The selection of journal entries.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::contract::fields::Whole;
use crate::files::suggest::{did_you_mean, nearest};
use crate::journal::{Entry, Event, Lines, RequestEntry};

use super::refused::Refused;

/// Filters for entries. All given filters must match.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
pub(super) struct Find {
    /// Only entries after this number.
    pub(super) since: Option<Whole<0, { i64::MAX }>>,
    /// Only `in` (your requests) or `out` (callbacks).
    direction: Option<String>,
    /// Only entries of this kind: `called`, `queued`, `tried`, `delivered`, `dead`, `note`, ...
    kind: Option<String>,
    /// Only callbacks of this event: `task.finished`, or a group such as `task.*`.
    event: Option<String>,
    /// Only requests to this endpoint: `task.create`, or a group such as `task.*`.
    endpoint: Option<String>,
    /// Only entries with this HTTP status in the response, of either side.
    status: Option<Whole<0, 999>>,
    /// Only entries of this story.
    story: Option<String>,
    /// Only entries about the callback with this number.
    callback: Option<Whole<1, { i64::MAX }>>,
    /// Only entries with this conversation id in path, body or response.
    conversation: Option<String>,
    /// Only entries with this task id in path, body or response.
    task: Option<String>,
    /// Only entries with this text in path, body, response or message.
    text: Option<String>,
    /// Maximum number of entries, from the first match on. Default: 100; a stream has no end.
    limit: Option<Whole<1, 1_000_000>>,
    /// Maximum number of existing entries, the latest matches.
    latest: Option<Whole<0, 1_000_000>>,
    /// Whether each entry is complete by itself (`true`): every attempt and end of a callback with its body and URL, and
    /// why a request was refused.
    whole: Option<bool>,
}

impl Find {
    /// Rejects values that can never match.
    pub(super) fn check(&self) -> Result<(), Refused> {
        check_word("direction", self.direction.as_deref(), &["in", "out"])?;
        check_word("kind", self.kind.as_deref(), &Event::KINDS)
    }

    pub(super) fn limit(&self) -> Option<usize> {
        self.limit.map(Whole::count)
    }

    /// Returns how the entries are written.
    pub(super) fn lines(&self, lines: &Lines) -> Lines {
        Lines { whole: self.whole == Some(true), ..lines.clone() }
    }

    /// Returns the matching entries of the existing ones.
    pub(super) fn of_kept(&self, entries: Vec<Entry>) -> Vec<Entry> {
        let mut meant: Vec<Entry> = entries.into_iter().filter(|entry| self.is_meant(entry)).collect();
        if let Some(latest) = self.latest {
            meant.drain(..meant.len().saturating_sub(latest.count()));
        }
        meant
    }

    pub(super) fn after(&self) -> u64 {
        self.since.map_or(0, |since| u64::try_from(since.get()).unwrap_or_default())
    }

    /// Whether an entry matches.
    pub(super) fn is_meant(&self, entry: &Entry) -> bool {
        let is = |wanted: &Option<String>, got: Option<&str>| {
            wanted.as_ref().is_none_or(|wanted| got.is_some_and(|got| is_named(wanted, got)))
        };
        let status = match &entry.event {
            Event::Requested(exchange) => Some(exchange.status),
            Event::Attempted { result, .. } => result.result.as_ref().ok().map(|response| response.status),
            _ => None,
        };
        let mentions = |id: &Option<String>| id.as_ref().is_none_or(|id| mentions(entry, id, true));
        is(&self.direction, direction(&entry.event))
            && is(&self.kind, Some(entry.event.kind()))
            && is(&self.event, event_id(&entry.event))
            && is(&self.endpoint, endpoint(&entry.event))
            && is(&self.story, entry.story.as_deref())
            && self.status.is_none_or(|wanted| status.map(i64::from) == Some(wanted.get()))
            && self.callback.is_none_or(|wanted| {
                callback(&entry.event).and_then(|id| i64::try_from(id).ok()) == Some(wanted.get())
            })
            && mentions(&self.conversation)
            && mentions(&self.task)
            && self.text.as_ref().is_none_or(|text| self::mentions(entry, text, false))
    }
}

fn check_word(name: &str, word: Option<&str>, known: &[&str]) -> Result<(), Refused> {
    let Some(word) = word.filter(|word| !known.contains(word)) else { return Ok(()) };
    let near = did_you_mean(nearest(word, known.iter().copied()));
    Err(Refused::wrong(format!("`{name}` cannot be `{word}`{near}; it is one of {}", known.join(", "))))
}

/// Whether a name equals the wanted one, or begins with the part before its `*`.
pub(super) fn is_named(wanted: &str, name: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == wanted,
    }
}

fn direction(event: &Event) -> Option<&'static str> {
    match event {
        Event::Requested(_) => Some("in"),
        Event::Queued(_) | Event::Attempted { .. } | Event::Ended { .. } => Some("out"),
        _ => None,
    }
}

fn event_id(event: &Event) -> Option<&str> {
    match event {
        Event::Queued(callback) | Event::Ended { callback, .. } => Some(&callback.event),
        Event::Attempted { attempt, .. } => Some(&attempt.callback.event),
        _ => None,
    }
}

fn endpoint(event: &Event) -> Option<&str> {
    match event {
        Event::Requested(exchange) => exchange.id.as_deref(),
        _ => None,
    }
}

fn callback(event: &Event) -> Option<u64> {
    match event {
        Event::Queued(callback) | Event::Ended { callback, .. } => Some(callback.id.0),
        Event::Attempted { attempt, .. } => Some(attempt.callback.id.0),
        _ => None,
    }
}

/// Whether an entry contains a text; an id must be a whole word.
fn mentions(entry: &Entry, text: &str, is_id: bool) -> bool {
    let has = |bytes: &[u8]| {
        memchr::memmem::find_iter(bytes, text).any(|at| {
            let is_letter = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
            let before = at.checked_sub(1).and_then(|at| bytes.get(at));
            !is_id || !is_letter(before) && !is_letter(bytes.get(at + text.len()))
        })
    };
    match &entry.event {
        Event::Requested(RequestEntry { request, answer, .. }) => {
            has(request.path_and_query().as_bytes()) || has(&request.body) || has(answer)
        }
        Event::Queued(callback) | Event::Ended { callback, .. } => has(&callback.body),
        Event::Attempted { attempt, result, .. } => {
            has(&attempt.body) || result.result.as_ref().is_ok_and(|response| has(&response.body))
        }
        Event::Note(message)
        | Event::Found { message, .. }
        | Event::Failed { message, .. }
        | Event::Explained { message, .. } => has(message.as_bytes()),
        _ => false,
    }
}
