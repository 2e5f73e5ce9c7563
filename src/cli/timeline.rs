//! The timeline in the terminal: one line per event, in both directions.

mod row;

use std::time::Duration;

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use serde_json::Value;

use self::row::{Attempted, Requested, Row, What};
use super::output::Output;
use super::preview::{preview, refusal, shorten};
use crate::files::diagnostic::counted;
use crate::files::visible;
use crate::journal::{Entry, Sink};
use crate::time::HumanDuration;

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const WARN: Style = AnsiColor::Yellow.on_default();

/// Maximum length of a refusal's reason in a line: long enough to say what has to be done.
const LONGEST_REASON: usize = 300;

/// A receiver that takes this long is slow, which is shown even while time jumps.
const SLOW: Duration = Duration::from_secs(1);

/// Prints entries as they are written.
pub(super) struct Timeline {
    look: Look,
    output: Output,
}

/// How lines of the timeline are shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// The moment from which times are counted. `None` shows the time of day.
    pub since: Option<Timestamp>,
    /// Whether lines name their story, because there are several.
    pub named: bool,
    /// Whether time jumps: then only long durations are shown, so that equal runs look alike.
    pub jumps: bool,
    /// Whether callbacks are shown with their numbers.
    pub numbers: bool,
}

impl Timeline {
    pub(super) fn new(output: Output, epoch: Timestamp, named: bool, jumps: bool) -> Self {
        Self { look: Look { since: Some(epoch), named, jumps, numbers: false }, output }
    }
}

impl Sink for Timeline {
    fn entry(&mut self, entry: &Entry) {
        if let Some(row) = Row::of(entry) {
            self.output.line(&self.look.row(&row));
        }
    }
}

impl Look {
    /// Returns the line for a complete entry sent by a mock. `None` for entries that are not shown.
    pub(super) fn line(&self, line: &Value) -> Option<String> {
        Row::of_line(line).map(|row| self.row(&row))
    }

    fn row(&self, row: &Row<'_>) -> String {
        let text = match &row.what {
            What::StoryStarted => {
                let name = visible(row.story.unwrap_or_default());
                return format!("{}  {BOLD}{name}{BOLD:#}", self.time(row.at));
            }
            What::StoryFinished { passed: true } => format!("{GOOD}passed{GOOD:#}"),
            What::StoryFinished { passed: false } => format!("{BAD}failed{BAD:#}"),
            What::Failed { place, message } => {
                let message = visible(message).replace('\n', "\n                  ");
                format!("{BAD}✗{BAD:#} {message} {DIM}({}){DIM:#}", visible(place))
            }
            What::Skipped { step, place, more } => {
                let rest = match more {
                    0 => String::new(),
                    more => format!(" and {} after it", counted(*more, "step")),
                };
                let (step, place) = (visible(step), visible(place));
                format!("{WARN}skipped{WARN:#} {step}{rest} {DIM}({place}){DIM:#}")
            }
            What::TooLate { place, message } => {
                let (place, message) = (visible(place), visible(message));
                format!("{BAD}✗{BAD:#} too late: {message} {DIM}({place}){DIM:#}")
            }
            What::Waiting { request, within } => {
                format!("{DIM}… waiting for {}, up to {}{DIM:#}", visible(request), HumanDuration(*within))
            }
            What::Note(text) => format!("{DIM}note {}{DIM:#}", visible(text)),
            What::Error(message) => format!("{BAD}✗{BAD:#} {}", visible(message)),
            What::Attempted(attempted) => self.attempted(attempted, row.at),
            What::Dropped { callback } => format!("→ callback {callback} {WARN}dropped on purpose{WARN:#}"),
            What::GivenUp { attempts, message } => {
                format!(
                    "{BAD}✗{BAD:#} given up after {}: {}",
                    counted(*attempts, "attempt"),
                    visible(message)
                )
            }
            What::Requested(requested) => request(requested),
        };
        let story = match row.story {
            Some(story) if self.named => format!("{DIM}{}{DIM:#}  ", visible(story)),
            _ => String::new(),
        };
        format!("{}  {story}{text}", self.time(row.at))
    }

    fn attempted(&self, attempted: &Attempted<'_>, now: Timestamp) -> String {
        let Attempted { callback, event, number, outcome, elapsed, retry_at, faults, body } = attempted;
        let outcome = match outcome {
            Ok(status) if retry_at.is_none() && (200..300).contains(status) => {
                format!("{GOOD}{status}{GOOD:#}")
            }
            Ok(status) => format!("{WARN}{status}{WARN:#}"),
            Err(class) => format!("{BAD}{}{BAD:#}", visible(class)),
        };
        let took = match self.jumps && *elapsed < SLOW {
            true => String::new(),
            false => format!(" {DIM}{}{DIM:#}", HumanDuration(*elapsed)),
        };
        let again = match retry_at {
            Some(at) => {
                let wait = Duration::try_from(at.duration_since(now)).unwrap_or_default();
                format!(" {WARN}attempt {number}, next in {}{WARN:#}", HumanDuration(wait))
            }
            None if *number > 1 => format!(" {DIM}attempt {number}{DIM:#}"),
            None => String::new(),
        };
        let on_purpose = match faults.as_slice() {
            [] => String::new(),
            faults => format!(" {WARN}on purpose: {}{WARN:#}", visible(&faults.join(", "))),
        };
        let named = if self.numbers { format!("{DIM}#{callback:<4}{DIM:#} ") } else { String::new() };
        let (event, said) = (visible(event), preview(body));
        format!("→ {named}{event:<30} {outcome}{took}{again}{on_purpose}  {DIM}{said}{DIM:#}")
    }

    fn time(&self, at: Timestamp) -> String {
        let Some(epoch) = self.since else {
            return format!("{DIM}{}{DIM:#}", at.strftime("%H:%M:%S%.3f"));
        };
        let since = Duration::try_from(at.duration_since(epoch)).unwrap_or_default();
        let (seconds, millis) = (since.as_secs(), since.subsec_millis());
        let clock = if seconds < 3600 {
            format!("{:02}:{:02}.{millis:03}", seconds / 60, seconds % 60)
        } else {
            format!("{}:{:02}:{:02}", seconds / 3600, seconds % 3600 / 60, seconds % 60)
        };
        format!("{DIM}{clock:>9}{DIM:#}")
    }
}

fn request(requested: &Requested<'_>) -> String {
    let (name, status) = (visible(requested.name), requested.status);
    let host = requested.host.map(|host| format!("  {DIM}({}){DIM:#}", visible(host))).unwrap_or_default();
    if let Some((code, reason)) = requested.refusal {
        let reason = shorten(reason, LONGEST_REASON);
        return format!("← {name:<30} {BAD}{status}{BAD:#} code {code}  {reason}{host}");
    }
    if let Some(fault) = requested.fault {
        // In that case the response is not the vendor's but the mock's.
        let status = if status == 0 { "no response".to_owned() } else { status.to_string() };
        let detail = preview(requested.body);
        let fault = visible(fault);
        return format!(
            "← {name:<30} {WARN}{status} on purpose: {fault}{WARN:#}  {DIM}{detail}{DIM:#}{host}"
        );
    }
    let style = if status < 400 { GOOD } else { BAD };
    let detail = if status < 400 { preview(requested.body) } else { refusal(requested.answer) };
    format!("← {name:<30} {style}{status}{style:#}  {DIM}{detail}{DIM:#}{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_answer_shows_how_long_it_took_even_where_time_jumps() {
        let line = |millis: u64, jumps: bool| {
            let look = Look { since: Some(Timestamp::UNIX_EPOCH), named: false, jumps, numbers: false };
            let attempted = Attempted {
                callback: 1,
                event: "session.end",
                number: 1,
                outcome: Ok(200),
                elapsed: Duration::from_millis(millis),
                retry_at: None,
                faults: Vec::new(),
                body: b"{}",
            };
            let row = Row { at: Timestamp::UNIX_EPOCH, story: None, what: What::Attempted(attempted) };
            anstream::adapter::strip_str(&look.row(&row)).to_string()
        };
        assert!(line(4_000, true).contains("200 4s"));
        assert!(line(40, false).contains("200 40ms"));
        assert!(!line(40, true).contains("40ms"));
    }
}
