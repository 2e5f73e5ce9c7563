//! The list of a request, unread until its department reads it.

use bytes::Bytes;
use serde_json::Value;

/// The list of a call: JSON text that is known to be a list, still unread.
#[derive(Clone, Debug)]
pub struct RawRows {
    text: Bytes,
    name: &'static str,
}

impl RawRows {
    /// Takes the text of a JSON list in the field of this name. Nothing if it is none.
    pub fn named(name: &'static str, text: Bytes) -> Option<Self> {
        text.trim_ascii_start().starts_with(b"[").then_some(Self { text, name })
    }

    /// The field the list came in.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The list as it came.
    pub(crate) fn text(&self) -> &Bytes {
        &self.text
    }

    /// The list as a value: what stories compare with.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.text).unwrap_or_default()
    }
}
