//! A callback URL.

use std::fmt;

/// A callback URL, parsed: `http` or `https`, a host, a port, a path with an optional query.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    url: String,
}

/// Why a text is no callback URL: one line that says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TargetError(pub String);

impl std::str::FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        Ok(Self { url: text.to_owned() })
    }
}

impl Target {
    /// Path and query, at least `/`.
    pub fn path_and_query(&self) -> &str {
        "/"
    }

    /// Host and port as in the `Host` header: the port is left out where it is the scheme's own.
    pub fn authority(&self) -> &str {
        &self.url
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}
