//! A mistake in a text of a file that must have a certain format.

use std::ops::Range;

/// Why a text does not have its `format`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormatMistake {
    /// The message, in one line.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// The position in the text, in bytes, if not the whole text.
    pub range: Option<Range<usize>>,
}

impl FormatMistake {
    /// A mistake that concerns the whole text.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, range: None }
    }

    /// Creates a mistake from an error that says what to write.
    pub fn of(error: impl std::fmt::Display) -> Self {
        Self::new(error.to_string())
    }

    /// Adds a hint.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
