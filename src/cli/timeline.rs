//! The timeline in the terminal: one line per event, in both directions.

mod row;

use std::time::Duration;

use anstyle::{AnsiColor, Style};
use jiff::Timestamp;
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use self::row::{Attempted, Requested, Row, What};
use super::output::Output;
use super::preview::{LONGEST, preview, refusal, shorten};
use super::terminal;
use crate::files::diagnostic::counted;
use crate::files::visible;
use crate::journal::{Entry, Event, Mask, Sink, assumed_text};
use crate::time::HumanDuration;

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const WARN: Style = AnsiColor::Yellow.on_default();

/// Maximum length of a refusal's reason in a line: long enough to say what has to be done.
const LONGEST_REASON: usize = 300;

/// Maximum width of the column that names stories.
const LONGEST_NAME: usize = 32;

/// A detail has at least this much room, even if the line then is wider than the terminal.
const SHORTEST: usize = 10;

/// A receiver that takes this long is slow, which is shown even while time jumps.
const SLOW: Duration = Duration::from_secs(1);

/// Prints entries as they are written.
pub(super) struct Timeline {
    look: Look,
    output: Output,
    /// Masks secrets in what is shown of requests.
    mask: Mask,
    /// Whether the first use of something assumed is a line of its own.
    tells_assumed: bool,
}

/// How lines of the timeline are shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// The moment from which times are counted. `None` shows the time of day.
    pub since: Option<Timestamp>,
    /// The width of the column that names the story of a line. 0 if there is only one, which needs no name.
    pub story: usize,
    /// Whether time jumps: then only long durations are shown, so that equal runs look alike.
    pub jumps: bool,
    /// Whether callbacks are shown with their numbers.
    pub numbers: bool,
    /// The width of the terminal. `None` if the output goes elsewhere.
    pub width: Option<usize>,
}

impl Timeline {
    pub(super) fn new(output: Output, look: Look, mask: Mask) -> Self {
        Self { look, output, mask, tells_assumed: false }
    }

    /// Also prints a line at the first use of something assumed, which says how to correct it: a mock that serves for days must
    /// not keep this until its end.
    pub(super) fn telling_assumed(self) -> Self {
        Self { tells_assumed: true, ..self }
    }
}

impl Sink for Timeline {
    fn entry(&mut self, entry: &Entry) {
        let masked;
        if let Some(mut row) = Row::of(entry) {
            if let What::Requested(requested) = &mut row.what {
                masked = self.mask.masked_further(requested.body);
                requested.body = &masked;
            }
            self.output.line(&self.look.row(&row));
        } else if let Event::Assumed { id, what, refused } = &entry.event
            && self.tells_assumed
        {
            let text = assumed_text(id, what, *refused);
            let row = Row { at: entry.at, story: None, what: What::Note(&text) };
            self.output.line(&self.look.row(&row));
        }
    }
}

impl Look {
    /// The timeline of a run, with times from its start.
    pub(super) fn of_run<'a>(
        epoch: Timestamp,
        stories: impl ExactSizeIterator<Item = &'a str>,
        jumps: bool,
    ) -> Self {
        let width = terminal::width();
        let story = if stories.len() > 1 { column(stories, width) } else { 0 };
        Self { since: Some(epoch), story, jumps, numbers: false, width }
    }

    /// The timeline of a server, with the time of day and the numbers of callbacks, and the names of stories if there are any.
    pub(super) fn of_server<'a>(stories: impl Iterator<Item = &'a str>, jumps: bool) -> Self {
        let width = terminal::width();
        Self { since: None, story: column(stories, width), jumps, numbers: true, width }
    }

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
            What::Attempted(attempted) => self.attempted(attempted, row),
            What::Dropped { callback } => format!("→ callback {callback} {WARN}dropped on purpose{WARN:#}"),
            What::GivenUp { attempts, message } => {
                format!(
                    "{BAD}✗{BAD:#} given up after {}: {}",
                    counted(*attempts, "attempt"),
                    visible(message)
                )
            }
            What::Requested(requested) => self.request(requested, row),
        };
        format!("{}{text}", self.before(row))
    }

    /// Returns what stands before the text of a row: its time and its story.
    fn before(&self, row: &Row<'_>) -> String {
        let story = match row.story {
            Some(story) if self.story > 0 => {
                let name = shorten(story, self.story);
                let fill = self.story.saturating_sub(name.width());
                format!("{DIM}{name}{DIM:#}{:fill$}  ", "")
            }
            // Rows of no story stand below those that have one.
            None if self.story > 0 => format!("{:1$}  ", "", self.story),
            _ => String::new(),
        };
        format!("{}  {story}", self.time(row.at))
    }

    /// Returns a text with a detail that takes what is left of the line.
    fn with(&self, row: &Row<'_>, text: String, detail: impl FnOnce(usize) -> String) -> String {
        let longest = self.width.map_or(LONGEST, |width| {
            let used =
                anstream::adapter::strip_str(&format!("{}{text}  ", self.before(row))).to_string().width();
            width.saturating_sub(used).max(SHORTEST)
        });
        format!("{text}  {DIM}{}{DIM:#}", detail(longest))
    }

    fn attempted(&self, attempted: &Attempted<'_>, row: &Row<'_>) -> String {
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
                let wait = Duration::try_from(at.duration_since(row.at)).unwrap_or_default();
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
        let text = format!("→ {named}{:<30} {outcome}{took}{again}{on_purpose}", visible(event));
        self.with(row, text, |longest| preview(body, longest))
    }

    fn time(&self, at: Timestamp) -> String {
        let Some(epoch) = self.since else {
            return format!("{DIM}{}{DIM:#}", terminal::time_of_day(at, true));
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

    fn request(&self, requested: &Requested<'_>, row: &Row<'_>) -> String {
        let (name, status) = (visible(requested.name), requested.status);
        let host =
            requested.host.map(|host| format!("  {DIM}({}){DIM:#}", visible(host))).unwrap_or_default();
        if let Some((code, reason)) = requested.refusal {
            let reason = shorten(reason, LONGEST_REASON);
            return format!("← {name:<30} {BAD}{status}{BAD:#} code {code}  {reason}{host}");
        }
        if let Some(fault) = requested.fault {
            // In that case the response is not the vendor's but the mock's.
            let status = if status == 0 { "no response".to_owned() } else { status.to_string() };
            let text = format!("← {name:<30} {WARN}{status} on purpose: {}{WARN:#}", visible(fault));
            return self.with(row, text, |longest| preview(requested.body, longest)) + &host;
        }
        let style = if status < 400 { GOOD } else { BAD };
        let text = format!("← {name:<30} {style}{status}{style:#}");
        let detail = |longest| match status {
            0..400 => preview(requested.body, longest),
            _ => refusal(requested.answer, longest),
        };
        self.with(row, text, detail) + &host
    }
}

/// Returns the width of the column of these stories' names.
fn column<'a>(stories: impl Iterator<Item = &'a str>, terminal: Option<usize>) -> usize {
    let longest = terminal.map_or(LONGEST_NAME, |width| LONGEST_NAME.min(width / 6));
    stories.map(|name| visible(name).width()).max().unwrap_or_default().min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look =
        Look { since: Some(Timestamp::UNIX_EPOCH), story: 0, jumps: false, numbers: false, width: None };

    fn attempted(body: &[u8]) -> Attempted<'_> {
        Attempted {
            callback: 1,
            event: "session.end",
            number: 1,
            outcome: Ok(200),
            elapsed: Duration::from_millis(40),
            retry_at: None,
            faults: Vec::new(),
            body,
        }
    }

    #[test]
    fn a_line_is_as_wide_as_the_terminal_and_columns_stand_below_each_other() {
        let body =
            format!(r#"{{"messages":[{{"content":{{"type":"text","text":"{}"}}}}]}}"#, "word ".repeat(60));
        let look =
            Look { story: column(["short", "a longer name"].into_iter(), None), width: Some(120), ..LOOK };
        let lines = ["short", "a longer name"].map(|story| {
            let what = What::Attempted(attempted(body.as_bytes()));
            let row = Row { at: Timestamp::UNIX_EPOCH, story: Some(story), what };
            anstream::adapter::strip_str(&look.row(&row)).to_string()
        });
        assert_eq!(lines.each_ref().map(|line| line.width()), [120, 120], "{lines:?}");
        assert_eq!(lines[0].find('→'), lines[1].find('→'));
        let narrow = Look { width: Some(40), ..look };
        let row =
            Row { at: Timestamp::UNIX_EPOCH, story: None, what: What::Attempted(attempted(body.as_bytes())) };
        assert!(anstream::adapter::strip_str(&narrow.row(&row)).to_string().ends_with("\"word wor…"));
    }

    #[test]
    fn a_slow_answer_shows_how_long_it_took_even_where_time_jumps() {
        let line = |millis: u64, jumps: bool| {
            let look = Look { jumps, ..LOOK };
            let attempted = Attempted { elapsed: Duration::from_millis(millis), ..attempted(b"{}") };
            let row = Row { at: Timestamp::UNIX_EPOCH, story: None, what: What::Attempted(attempted) };
            anstream::adapter::strip_str(&look.row(&row)).to_string()
        };
        assert!(line(4_000, true).contains("200 4s"));
        assert!(line(40, false).contains("200 40ms"));
        assert!(!line(40, true).contains("40ms"));
    }
}
