//! What is wrong with a text of a file that has to be of some format.

use std::ops::Range;

/// Why a text is not of its `format`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FormatMistake {
    /// One line.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Where in the text, in bytes, if not all of it.
    pub range: Option<Range<usize>>,
}

impl FormatMistake {
    /// A mistake of the whole text.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, range: None }
    }

    /// An error that says what to write.
    pub fn of(error: impl std::fmt::Display) -> Self {
        Self::new(error.to_string())
    }

    /// With advice.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
