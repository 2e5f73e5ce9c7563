//! A request of the integrator, and the response before the family's envelope is put around it.

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

/// A request, authenticated and decoded.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The catalog id.
    pub id: &'a str,
    /// The fields of query and body, except a long list of rows.
    pub fields: &'a Value,
    /// The index of the route that the request used, if the catalog has several: 0 is the main one.
    pub route: usize,
    /// Whether the fields came as JSON, which distinguishes numbers from texts. Forms and queries have texts only.
    pub is_typed: bool,
    /// The unparsed rows of `Details`, or `details` for workflows.
    pub rows: Option<&'a RawRows>,
    /// The files among the fields, with their bytes.
    pub files: &'a [Upload],
    /// The account that sends the request.
    pub account: AccountKey,
    /// The zone of the account's times.
    pub zone: Offset,
    /// The current time.
    pub now: Timestamp,
}

impl Request<'_> {
    /// Returns the fields including the rows.
    pub(crate) fn with_rows(&self) -> Cow<'_, Value> {
        let Some(rows) = self.rows else { return Cow::Borrowed(self.fields) };
        let mut fields = self.fields.clone();
        fields[rows.name()] = rows.value();
        Cow::Owned(fields)
    }
}

/// A file in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// The field of the file.
    pub field: String,
    /// Its name.
    pub name: String,
    /// Its type, as the client states it.
    pub content_type: Option<String>,
    /// Its content.
    pub bytes: Bytes,
}

/// The response to a request, before its family's envelope is put around it.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    /// Success, with the data.
    Data(Value),
    /// Success, with the data as JSON text.
    Text(String),
    /// Success, with data so long that it is streamed.
    Long(Long),
    /// Success, with a complete body from the user's settings, without an envelope.
    Body(String),
    /// A complete response of a user's own endpoint or of a story, without an envelope.
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
    /// Returns the data, or the complete body, as text.
    pub(crate) fn into_text(self) -> String {
        match self {
            Self::Data(data) => data.to_string(),
            Self::Text(text) | Self::Body(text) => text,
            Self::Long(long) => long.text(),
            Self::Whole { body, .. } => body.to_string(),
        }
    }

    /// Returns the data.
    #[cfg(test)]
    pub(super) fn value(&self) -> Value {
        serde_json::from_str(&self.clone().into_text()).unwrap()
    }
}

/// The refusal of a request: a code of the family, and a reason that names the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The code.
    pub code: i64,
    /// The reason.
    pub message: String,
}

impl Refusal {
    /// Creates a refusal with a code of the family.
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

/// A long JSON value that is written on demand.
#[derive(Clone)]
pub struct Long(Arc<Write>);

impl Long {
    /// Creates it. `write` must write one JSON value, the same every time.
    pub fn new(write: impl Fn(&mut dyn io::Write) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self(Arc::new(write))
    }

    /// Writes the value.
    ///
    /// # Errors
    ///
    /// Returns the error of the writer.
    pub fn write(&self, out: &mut dyn io::Write) -> io::Result<()> {
        (self.0)(out)
    }

    /// Returns the whole value as text.
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
