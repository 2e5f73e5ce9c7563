//! A call of the integrator, and what is answered, before the family's envelope is put around it.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use jiff::tz::Offset;
use serde_json::Value;

use super::access::{AccountKey, Denied};
use super::raw_rows::RawRows;

/// A call, checked for who makes it and decoded.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The catalog id.
    pub id: &'a str,
    /// The fields of query and body; a long list of rows is not among them.
    pub fields: &'a Value,
    /// Which of the places it came to where the catalog has several: 0 is the main one.
    pub route: usize,
    /// Whether the fields came as JSON, which tells numbers from texts; forms and queries have texts only.
    pub is_typed: bool,
    /// The rows of `Details`, of workflows `details`, unread.
    pub rows: Option<&'a RawRows>,
    /// The files among the fields, with their bytes.
    pub files: &'a [Upload],
    /// Who calls.
    pub account: AccountKey,
    /// The zone of the account's times.
    pub zone: Offset,
    /// Now.
    pub now: Timestamp,
}

impl Request<'_> {
    /// The fields, with the rows among them.
    pub(crate) fn with_rows(&self) -> Cow<'_, Value> {
        let Some(rows) = self.rows else { return Cow::Borrowed(self.fields) };
        let mut fields = self.fields.clone();
        fields[rows.name()] = rows.value();
        Cow::Owned(fields)
    }
}

/// A file that came with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The field it came in.
    pub field: String,
    /// Its name.
    pub name: String,
    /// Its type, as the caller says.
    pub content_type: Option<String>,
    /// What is in it.
    pub bytes: Bytes,
}

/// The answer to a call, before its family's envelope is put around it.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    /// Success, with the data.
    Data(Value),
    /// Success, with the data as JSON text.
    Text(String),
    /// Success, with data that is so long that it is written while it is sent.
    Long(Long),
    /// Success, with a whole body that the user's settings make: no envelope is put around it.
    Body(String),
    /// A whole response of a user's own endpoint or of a story: no envelope is put around it.
    Whole {
        /// The HTTP status.
        status: u16,
        /// Further headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: Value,
    },
}

impl Response {
    /// The data, or the whole body, as text.
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Data(data) => data.to_string(),
            Self::Text(text) | Self::Body(text) => text,
            Self::Long(long) => long.text(),
            Self::Whole { body, .. } => body.to_string(),
        }
    }

    /// The data.
    #[cfg(test)]
    pub(super) fn value(&self) -> Value {
        serde_json::from_str(&self.clone().into_text()).unwrap()
    }
}

/// A request that is refused: a code of the family, and why, naming the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The code.
    pub code: i64,
    /// Why.
    pub message: String,
}

impl Refusal {
    /// A refusal with a code of the family.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        Self::new(401, denied.to_string())
    }
}

type Write = dyn Fn(&mut dyn io::Write) -> io::Result<()> + Send + Sync;

/// Writes a long JSON value.
#[derive(Clone)]
pub struct Long(Arc<Write>);

impl Long {
    /// What `write` writes must be one JSON value, the same every time.
    pub fn new(write: impl Fn(&mut dyn io::Write) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self(Arc::new(write))
    }

    /// Writes it.
    ///
    /// # Errors
    ///
    /// What the writer says.
    pub fn write(&self, out: &mut dyn io::Write) -> io::Result<()> {
        (self.0)(out)
    }

    /// All of it at once.
    pub fn text(&self) -> String {
        let mut out = Vec::new();
        // Writing into memory does not fail.
        let _ = self.write(&mut out);
        String::from_utf8(out).unwrap_or_default()
    }
}

impl PartialEq for Long {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.text() == other.text()
    }
}

impl fmt::Debug for Long {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Long(..)")
    }
}
