//! Templates in scenario files.

use std::ops::Range;

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateMistake {
    /// One line.
    pub message: String,
    /// Where in the template's text, in bytes, if known.
    pub range: Option<Range<usize>>,
}

/// Checks the syntax of a template and returns the variables and functions it reads
/// (top-level names only, sorted, each once).
pub fn check(_source: &str) -> Result<Vec<String>, TemplateMistake> {
    Ok(Vec::new())
}

/// The names templates know without a variable being set: functions and built-in values.
pub fn known_names() -> Vec<&'static str> {
    Vec::new()
}
