//! The terminal that a person looks at: its width, and the time of day there.

use std::io::IsTerminal;

use jiff::{Timestamp, tz::TimeZone};

/// Returns the width of the terminal in columns. `None` if standard output goes elsewhere.
pub(super) fn width() -> Option<usize> {
    let is_terminal = std::io::stdout().is_terminal();
    let (width, _) = is_terminal.then(terminal_size::terminal_size)??;
    Some(usize::from(width.0))
}

/// Returns the time of day in the zone of this machine, as every command and the page show it.
pub(super) fn time_of_day(at: Timestamp, millis: bool) -> String {
    let format = if millis { "%H:%M:%S%.3f" } else { "%H:%M:%S" };
    at.to_zoned_datetime(TimeZone::system()).strftime(format).to_string()
}
