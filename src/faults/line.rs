//! Formats a fault as one line, for lists of the faults in force.

use std::fmt::{self, Display, Write as _};

use serde_json::Value;

use super::file::{DelayFile, FaultFile};
use super::when::When;
use crate::language::matcher::is_matcher;
use crate::time::DurationRange;

impl FaultFile {
    /// Returns the fault in one line: as it was written, or, if it was a table, as it could have been written.
    pub fn line(&self) -> String {
        self.written.clone().unwrap_or_else(|| self.composed())
    }

    fn composed(&self) -> String {
        let mut line = self.named();
        let said = [
            // A line has no notation for a fault with both a name and a status.
            ("status", text(&self.status).filter(|_| self.kind.is_some())),
            ("code", text(&self.code)),
            ("message", text(&self.message)),
            ("retry_after", text(&self.retry_after)),
            ("delay", text(&self.delay)),
            ("effect", text(&self.effect)),
            ("attempts", text(&self.attempts)),
            ("after", text(&self.after)),
            ("within", text(&self.within)),
            ("over", text(&self.over)),
            ("count", text(&self.count)),
            ("bytes", text(&self.bytes)),
            ("field", text(&self.field)),
            ("secret", text(&self.secret)),
            ("scheme", text(&self.scheme)),
            ("to", text(&self.to)),
        ];
        for (key, value) in said.iter().filter_map(|(key, value)| Some((key, value.as_ref()?))) {
            let _ = write!(line, " {key}={value}");
        }
        if self.call.is_some() || self.callback.is_some() {
            let _ = write!(line, " of {}", self.pattern());
        }
        if let Some(wanted) = &self.where_ {
            line.push_str(" where");
            for (key, value) in wanted {
                condition(key, value, &mut line);
            }
        }
        let own = When { skip: self.skip, times: self.times, every: self.every, percent: self.percent };
        let when = self.when.unwrap_or(own).to_string();
        if !when.is_empty() {
            let _ = write!(line, ", {when}");
        }
        line
    }
}

fn text<T: Display>(value: &Option<T>) -> Option<String> {
    value.as_ref().map(T::to_string)
}

/// Formats a condition: `user.id=3`. A matcher stays as it is.
fn condition(path: &str, value: &Value, line: &mut String) {
    match value {
        Value::Object(table) if !table.is_empty() && !is_matcher(table.keys().map(String::as_str)) => {
            for (key, value) in table {
                condition(&format!("{path}.{key}"), value, line);
            }
        }
        Value::String(text) => line.push_str(&format!(" {path}={text}")),
        other => line.push_str(&format!(" {path}={other}")),
    }
}

impl Display for DelayFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(range) => DurationRange::fmt(range, f),
            Self::Spread(spread) => write!(f, "median {} p99 {}", spread.median, spread.p99),
        }
    }
}

impl Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { skip, times, every, percent } = *self;
        let mut parts = Vec::new();
        match (skip, times) {
            (Some(skip), Some(1)) => parts.push(format!("the {}", ordinal(skip.saturating_add(1)))),
            (skip, times) => {
                parts.extend(skip.map(|skip| format!("after {skip}")));
                parts.extend(times.map(|times| format!("first {times}")));
            }
        }
        parts.extend(every.map(|every| format!("every {}", ordinal(every))));
        parts.extend(percent.map(|percent| format!("{percent}%")));
        f.write_str(&parts.join(", "))
    }
}

/// Formats an ordinal: `3rd`.
fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::faults::read_text;

    #[test]
    fn a_line_comes_back_as_it_was_written() {
        for text in ["duplicate of session.end, every 2nd", "503   of task.*", "slow-2s 10%"] {
            assert_eq!(read_text(text).unwrap().line(), text);
        }
    }

    #[test]
    fn a_table_comes_as_the_line_that_it_could_have_been() {
        for (table, line) in [
            (json!({ "call": "task.create", "status": 503, "times": 2 }), "503 of task.create, first 2"),
            (
                json!({ "kind": "duplicate", "count": 2, "after": "5s", "callback": "session.*", "every": 2 }),
                "duplicate after=5s count=2 of session.*, every 2nd",
            ),
            (
                json!({ "kind": "drop", "where": { "user": { "id": 3 }, "call_id": "a" }, "skip": 2, "times": 1 }),
                "drop where user.id=3 call_id=a, the 3rd",
            ),
        ] {
            let read = FaultFile::deserialize(table).unwrap();
            assert_eq!(read.line(), line);
            // The line has the same meaning.
            let again = FaultFile { written: None, ..read_text(line).unwrap() };
            assert_eq!((again.kind, again.status, again.pattern()), (read.kind, read.status, read.pattern()));
            assert_eq!(again.line(), line);
        }
        let slow = json!({ "call": "task.*", "delay": { "median": "100ms", "p99": "2s" }, "percent": 10 });
        let slow = FaultFile::deserialize(slow).unwrap();
        assert_eq!(slow.line(), "slow delay=median 100ms p99 2s of task.*, 10%");
        let matched = json!({ "kind": "drop", "where": { "text": { "contains": "order" } } });
        let matched = FaultFile::deserialize(matched).unwrap();
        assert_eq!(matched.line(), "drop where text={\"contains\":\"order\"}");
    }

    #[test]
    fn words_say_when() {
        for text in [
            "first 2",
            "every 3rd",
            "the 1st",
            "the 22nd",
            "after 5, first 3, every 2nd, 12.5%",
            "10%",
            "every 11th",
        ] {
            let when: When = text.parse().unwrap();
            assert_eq!(when.to_string(), text);
        }
    }
}
