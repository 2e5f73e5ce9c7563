//! The timeline in the terminal: one line per thing that happens, in both directions.

use std::sync::Arc;

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;

use super::output::Output;
use super::preview::{preview, refusal, shorten};
use crate::delivery::{Attempt, AttemptResult};
use crate::files::diagnostic::counted;
use crate::files::visible;
use crate::journal::{CallEntry, Entry, Event, RefusedCall, Sink};
use crate::time::HumanDuration;

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const WARN: Style = AnsiColor::Yellow.on_default();

/// The longest reason of a refusal in a line: long enough for what has to be done about it.
const LONGEST_REASON: usize = 300;

/// Prints entries as they are written.
pub(super) struct Timeline {
    epoch: Timestamp,
    /// Whether lines name their story: there are several.
    named: bool,
    /// Whether time jumps, so that durations mean nothing.
    jumps: bool,
    output: Output,
}

impl Timeline {
    pub(super) fn new(output: Output, epoch: Timestamp, named: bool, jumps: bool) -> Self {
        Self { epoch, named, jumps, output }
    }

    fn line(&self, entry: &Entry) -> Option<String> {
        let text = match &entry.event {
            Event::StoryStarted => {
                let name = visible(entry.story.as_deref().unwrap_or_default());
                return Some(format!("{}  {BOLD}{name}{BOLD:#}", self.time(entry.at)));
            }
            Event::StoryFinished { passed: true } => format!("{GOOD}passed{GOOD:#}"),
            Event::StoryFinished { passed: false } => format!("{BAD}failed{BAD:#}"),
            Event::Failed { place, message, .. } => {
                let message = visible(message).replace('\n', "\n                  ");
                format!("{BAD}✗{BAD:#} {message} {DIM}({place}){DIM:#}")
            }
            Event::Skipped(steps) => {
                let first = steps.first()?;
                let rest = match steps.len() - 1 {
                    0 => String::new(),
                    more => format!(" and {} after it", counted(more as u64, "step")),
                };
                format!("{WARN}skipped{WARN:#} {}{rest} {DIM}({}){DIM:#}", first.step, first.place)
            }
            Event::Explained { place, message } => {
                format!("{BAD}✗{BAD:#} too late: {} {DIM}({place}){DIM:#}", visible(message))
            }
            // All of them stand together at the end.
            Event::Assumed { .. } => return None,
            Event::Waiting { call, within } => {
                format!("{DIM}… waiting for {call}, up to {}{DIM:#}", HumanDuration(*within))
            }
            Event::Note(text) | Event::Found { message: text, is_error: false } => {
                format!("{DIM}note {}{DIM:#}", visible(text))
            }
            Event::Found { message, is_error: true } => format!("{BAD}✗{BAD:#} {}", visible(message)),
            Event::Attempted { attempt, result, retry_at } => {
                self.attempted(attempt, result, *retry_at, entry.at)
            }
            Event::Ended { callback, end } if end.is_dropped() => {
                format!(
                    "→ {:<30} {WARN}dropped on purpose{WARN:#}  {DIM}{}{DIM:#}",
                    callback.event,
                    preview(&callback.body)
                )
            }
            Event::Ended { end, .. } => {
                let failure = end.failure.as_ref()?;
                let attempts = counted(end.attempts.into(), "attempt");
                format!("{BAD}✗{BAD:#} given up after {attempts}: {}", visible(&failure.message))
            }
            Event::Called(call) => self.called(call),
            Event::Queued(_) => return None,
        };
        let story = match entry.story.as_deref() {
            Some(story) if self.named => format!("{DIM}{}{DIM:#}  ", visible(story)),
            _ => String::new(),
        };
        Some(format!("{}  {story}{text}", self.time(entry.at)))
    }

    fn attempted(
        &self,
        attempt: &Arc<Attempt>,
        result: &AttemptResult,
        retry: Option<Timestamp>,
        now: Timestamp,
    ) -> String {
        let callback = &attempt.callback;
        let outcome = match &result.result {
            Ok(answer) if retry.is_none() && (200..300).contains(&answer.status) => {
                format!("{GOOD}{}{GOOD:#}", answer.status)
            }
            Ok(answer) => format!("{WARN}{}{WARN:#}", answer.status),
            Err(failure) => format!("{BAD}{}{BAD:#}", failure.class),
        };
        let took = if self.jumps {
            String::new()
        } else {
            format!(" {DIM}{}{DIM:#}", HumanDuration(result.elapsed))
        };
        let again = match retry {
            Some(at) => {
                let wait = std::time::Duration::try_from(at.duration_since(now)).unwrap_or_default();
                format!(" {WARN}attempt {}, next in {}{WARN:#}", attempt.number, HumanDuration(wait))
            }
            None if attempt.number > 1 => format!(" {DIM}attempt {}{DIM:#}", attempt.number),
            None => String::new(),
        };
        let wished = match attempt.faults.as_slice() {
            [] => String::new(),
            faults => {
                let names: Vec<&str> = faults.iter().map(|fault| fault.as_str()).collect();
                format!(" {WARN}on purpose: {}{WARN:#}", names.join(", "))
            }
        };
        format!(
            "→ {:<30} {outcome}{took}{again}{wished}  {DIM}{}{DIM:#}",
            callback.event,
            preview(&attempt.body)
        )
    }

    fn called(&self, call: &CallEntry) -> String {
        let name = call.id.as_deref().unwrap_or(&call.call.path);
        let status = call.status;
        if let Some(RefusedCall { code, reason }) = call.refusal.as_deref() {
            let reason = shorten(reason, LONGEST_REASON);
            return format!("← {name:<30} {BAD}{status}{BAD:#} code {code}  {reason}");
        }
        let style = if status < 400 { GOOD } else { BAD };
        let detail = if status < 400 { preview(&call.call.body) } else { refusal(&call.answer) };
        format!("← {name:<30} {style}{status}{style:#}  {DIM}{detail}{DIM:#}")
    }

    fn time(&self, at: Timestamp) -> String {
        let since = std::time::Duration::try_from(at.duration_since(self.epoch)).unwrap_or_default();
        let (seconds, millis) = (since.as_secs(), since.subsec_millis());
        let clock = if seconds < 3600 {
            format!("{:02}:{:02}.{millis:03}", seconds / 60, seconds % 60)
        } else {
            format!("{}:{:02}:{:02}", seconds / 3600, seconds % 3600 / 60, seconds % 60)
        };
        format!("{DIM}{clock:>9}{DIM:#}")
    }
}

impl Sink for Timeline {
    fn entry(&mut self, entry: &Entry) {
        if let Some(line) = self.line(entry) {
            self.output.line(&line);
        }
    }
}
