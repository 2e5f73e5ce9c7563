//! Differences between a value and the expected one, in words.

use std::fmt::{self, Display, Formatter};

use serde_json::Value;

use crate::language::shortened;

/// A value that is not as expected: `user.id` is "7", expected "8".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Path of the field: `messages[0].text`. Empty for the whole value.
    pub path: String,
    /// The value that was found, as JSON; `None` if the field is missing.
    pub got: Option<String>,
    /// The value that was expected, in words or as JSON.
    pub expected: String,
}

impl Mismatch {
    pub(super) fn new(path: &str, got: Option<&Value>, expected: String) -> Self {
        let got = got.map(|got| shortened(&got.to_string()));
        Self { path: path.to_owned(), got, expected: shortened(&expected) }
    }
}

impl Display for Mismatch {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match (self.path.as_str(), self.path.strip_prefix("the count of ")) {
            ("", _) => write!(f, "the body")?,
            (_, Some(list)) => write!(f, "the count of `{list}`")?,
            (path, None) => write!(f, "`{path}`")?,
        }
        match &self.got {
            Some(got) => write!(f, " is {got}, expected {}", self.expected),
            None => write!(f, " is missing, expected {}", self.expected),
        }
    }
}

/// An invalid matcher.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MatchError {
    /// A key has an invalid value.
    #[error("the matcher of `{path}` can't be used: {error}")]
    Matcher {
        /// The field that it applies to.
        path: String,
        /// What is wrong.
        error: String,
    },
    /// The regular expression is invalid.
    #[error("the matcher of `{path}` can't be used: `{pattern}` is not a regular expression: {error}")]
    Pattern {
        /// The field that it applies to.
        path: String,
        /// As written.
        pattern: String,
        /// What is wrong.
        error: String,
    },
}

impl MatchError {
    pub(super) fn matcher(path: &str, error: &serde_json::Error) -> Self {
        Self::Matcher { path: path.to_owned(), error: error.to_string() }
    }

    pub(super) fn pattern(path: &str, pattern: &str, error: &regex_lite::Error) -> Self {
        Self::Pattern { path: path.to_owned(), pattern: pattern.to_owned(), error: error.to_string() }
    }
}
