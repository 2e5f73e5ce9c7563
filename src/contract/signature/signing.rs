//! What is signed, what is verified, and the result.

use jiff::Timestamp;

use crate::net::Headers;

/// The input of a signature.
#[derive(Clone, Copy, Debug)]
pub struct Signing<'a> {
    /// The exact body.
    pub body: &'a [u8],
    /// Path and query of the request.
    pub path: &'a str,
    /// The moment, for schemes with a timestamp.
    pub now: Timestamp,
    /// The message's id, for schemes with a nonce; the same for every attempt.
    pub nonce: &'a str,
}

/// A received message that is to be verified.
pub struct Received<'a> {
    /// The exact body.
    pub body: &'a [u8],
    /// Path and query of the request.
    pub path: &'a str,
    /// The headers, names in any letter case.
    pub headers: &'a Headers,
    /// The moment, for the age of timestamps.
    pub now: Timestamp,
}

impl Received<'_> {
    /// Returns the values of a header, in the order received.
    pub(super) fn values<'s>(&'s self, name: &str) -> impl Iterator<Item = &'s str> {
        self.headers.values(name).map(|value| value.trim_matches([' ', '\t']))
    }
}

/// Why a signature does not verify.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Mismatch {
    /// One line: the most likely cause, and what to do.
    pub message: String,
    /// Further lines for users: what was expected, and what else to check. They contain the right signature.
    pub hints: Vec<String>,
}

impl Mismatch {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hints: Vec::new() }
    }
}
