//! Keeps the statistics of simulated stories from the entries of the journal. It is given the time and never asks for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::run_stats::{Outcome, Recorder, RunStats};
use crate::delivery::{CallbackId, ErrorClass, Failure, QueuedCallback};
use crate::journal::{Entry, Event, Sink};
use crate::load::plan;
use crate::load::receipts::Identified;
use crate::sync::lock;

/// Minimum length of an id: shorter values identify nothing, since other fields have them too.
const SHORTEST_ID: usize = 6;

/// The statistics, shared by the journal, the sender and the progress display.
#[derive(Clone)]
pub(super) struct Keeper(Arc<Mutex<Keeping>>);

pub(super) struct Keeping {
    pub(super) recorder: Recorder,
    started: Timestamp,
    /// The stories that are running, by their labels.
    iterations: HashMap<Arc<str>, Iteration>,
    /// The callbacks that have not been written yet.
    waiting: HashMap<CallbackId, (plan::Event, Vec<(String, String)>)>,
    /// The callbacks in progress.
    sent: HashMap<CallbackId, Sent>,
    /// What was sent, if each event is kept.
    identified: Option<Vec<Identified>>,
}

#[derive(Clone, Copy)]
struct Iteration {
    event: plan::Event,
    /// When it began: a callback that is sent at that moment was planned for the same instant as the story.
    began: Duration,
}

struct Sent {
    event: plan::Event,
    written: Duration,
    status: Option<u16>,
    ids: Vec<(String, String)>,
}

impl Keeper {
    pub(super) fn new(recorder: Recorder, started: Timestamp, keeps_events: bool) -> Self {
        Self(Arc::new(Mutex::new(Keeping {
            recorder,
            started,
            iterations: HashMap::new(),
            waiting: HashMap::new(),
            sent: HashMap::new(),
            identified: keeps_events.then(Vec::new),
        })))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Keeping> {
        lock(&self.0)
    }
}

impl Keeping {
    /// Records that a story begins.
    pub(super) fn begin(&mut self, label: Arc<str>, event: plan::Event) {
        self.iterations.insert(label, Iteration { event, began: Duration::MAX });
    }

    /// Returns the number of running stories.
    pub(super) fn running(&self) -> usize {
        self.iterations.len()
    }

    /// Whether anything has not ended yet.
    pub(super) fn is_busy(&self) -> bool {
        !self.iterations.is_empty() || !self.waiting.is_empty() || !self.sent.is_empty()
    }

    /// Records that the request of a callback is written. Only the first attempt counts.
    pub(super) fn written(&mut self, id: CallbackId, now: Duration) {
        if let Some((event, ids)) = self.waiting.remove(&id) {
            self.recorder.release(&event, now);
            self.sent.insert(id, Sent { event, written: now, status: None, ids });
        }
    }

    /// Ends the statistics: callbacks in progress count as interrupted, and those that have not been written yet as
    /// dropped.
    pub(super) fn close(&mut self, now: Duration, empty: Recorder) -> RunStats {
        for (event, _) in std::mem::take(&mut self.waiting).into_values() {
            self.recorder.drop_event(&event, now);
        }
        for (_, sent) in std::mem::take(&mut self.sent) {
            self.end(sent, now, Outcome::interrupted());
        }
        // Later records go to the empty recorder, which is not read.
        let recorder = std::mem::replace(&mut self.recorder, empty);
        RunStats { identified: self.identified.take().unwrap_or_default(), ..recorder.close() }
    }

    fn since_start(&self, at: Timestamp) -> Duration {
        Duration::try_from(at.duration_since(self.started)).unwrap_or(Duration::ZERO)
    }

    fn end(&mut self, sent: Sent, now: Duration, outcome: Outcome) {
        if let Some(identified) = &mut self.identified {
            identified.push(Identified {
                ids: sent.ids,
                sent: self.started.checked_add(sent.written).unwrap_or(Timestamp::MAX),
                is_ok: matches!(outcome, Outcome::Ok(_)),
            });
        }
        self.recorder.end(&sent.event, sent.written, now, outcome);
    }

    fn queued(&mut self, callback: &QueuedCallback, label: Option<&Arc<str>>, now: Duration) {
        let iteration = label.and_then(|label| self.iterations.get(label));
        // Not a first step, since started stories have been counted already.
        let event = match iteration {
            Some(Iteration { event, began }) if *began == now => plan::Event { step: 1, ..*event },
            Some(Iteration { event, .. }) => plan::Event { step: 1, planned: now, ..*event },
            None => plan::Event { iteration: 0, story: 0, step: 1, steps: 1, planned: now, begun: None },
        };
        let mut ids = Vec::new();
        if self.identified.is_some() {
            let body: Value = serde_json::from_slice(&callback.body).unwrap_or_default();
            find_ids(&body, "", false, &mut ids);
        }
        self.waiting.insert(callback.id, (event, ids));
    }

    fn take(&mut self, entry: &Entry) {
        let now = self.since_start(entry.at);
        let label = entry.story.as_ref();
        match &entry.event {
            Event::StoryStarted => {
                if let Some(iteration) = label.and_then(|label| self.iterations.get_mut(label)) {
                    iteration.began = now;
                    let story = iteration.event.story;
                    self.recorder.story(story).started += 1;
                }
            }
            Event::StoryFinished { passed } => {
                if let Some(Iteration { event, .. }) = label.and_then(|label| self.iterations.remove(label)) {
                    self.recorder.story(event.story).failed += u64::from(!passed);
                }
            }
            Event::Failed { place, message, .. } => {
                if let Some(iteration) = label.and_then(|label| self.iterations.get(label)) {
                    let first = &mut self.recorder.story(iteration.event.story).first_failure;
                    if first.is_empty() {
                        *first = format!("{} ({place})", on_one_line(message));
                    }
                }
            }
            Event::Queued(callback) => self.queued(callback, label, now),
            Event::Attempted { attempt, result, .. } => {
                // A request that could not even be written counts as sent nevertheless.
                self.written(attempt.callback.id, now);
                if let (Some(sent), Ok(answer)) = (self.sent.get_mut(&attempt.callback.id), &result.result) {
                    sent.status = Some(answer.status);
                }
            }
            Event::Ended { callback, end } => {
                if end.is_dropped() && self.waiting.remove(&callback.id).is_some() {
                    return self.recorder.withhold(now);
                }
                // One whose receiver is disabled counts as sent, as one that could not be written does.
                self.written(callback.id, now);
                if let Some(sent) = self.sent.remove(&callback.id) {
                    let outcome = match (&end.failure, sent.status) {
                        (None, status) => Outcome::Ok(status.unwrap_or(0)),
                        (Some(Failure { class: ErrorClass::Rejected, .. }), Some(status)) => {
                            Outcome::Wrong(status)
                        }
                        (Some(failure), _) => failure.clone().into(),
                    };
                    self.end(sent, now, outcome);
                }
            }
            Event::Assumed { .. }
            | Event::Explained { .. }
            | Event::Skipped(_)
            | Event::Waiting { .. }
            | Event::Note(_)
            | Event::Found { .. }
            | Event::Requested(_) => {}
        }
    }
}

impl Sink for Keeper {
    fn entry(&mut self, entry: &Entry) {
        self.lock().take(entry);
    }
}

/// Puts a message on one line, with its further lines behind the first.
fn on_one_line(message: &str) -> String {
    let mut lines = message.lines().map(str::trim);
    let first = lines.next().unwrap_or_default();
    let rest: Vec<&str> = lines.collect();
    let space = if rest.is_empty() { "" } else { " " };
    format!("{first}{space}{}", rest.join("; "))
}

/// Collects the values of fields with names of ids.
fn find_ids(value: &Value, path: &str, is_id: bool, found: &mut Vec<(String, String)>) {
    let mut take = |text: String| {
        if is_id && text.len() >= SHORTEST_ID {
            found.push((path.to_owned(), text));
        }
    };
    match value {
        Value::String(text) => take(text.clone()),
        Value::Number(number) => take(number.to_string()),
        Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| {
            find_ids(item, &format!("{path}[{index}]"), is_id, found);
        }),
        Value::Object(fields) => {
            for (name, field) in fields {
                let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                find_ids(field, &below, name.to_ascii_lowercase().ends_with("id"), found);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::on_one_line;

    #[test]
    fn a_failure_is_told_whole() {
        assert_eq!(on_one_line("it never came"), "it never came");
        let long = "in the response:\n    `code` is 1, expected 0\n    `msg` is missing";
        assert_eq!(on_one_line(long), "in the response: `code` is 1, expected 0; `msg` is missing");
    }
}
