//! The list of a request, unparsed until its department reads it.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde_json::Value;

use crate::sync::lock;

/// The list of a request: JSON text that is known to be a list, still unparsed.
#[derive(Clone, Debug)]
pub struct RawRows {
    text: Bytes,
    name: &'static str,
    ahead: Ahead,
}

/// What a department has parsed of the list ahead of time, until it takes it.
#[derive(Clone, Default)]
struct Ahead(Arc<Mutex<Option<Box<dyn Any + Send>>>>);

impl fmt::Debug for Ahead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ahead")
    }
}

impl RawRows {
    /// Takes the text of a JSON list in the field of this name. `None` if it is not a list.
    pub fn named(name: &'static str, text: Bytes) -> Option<Self> {
        text.trim_ascii_start().starts_with(b"[").then(|| Self { text, name, ahead: Ahead::default() })
    }

    /// Returns the name of the list's field.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the list as received.
    pub(crate) fn text(&self) -> &Bytes {
        &self.text
    }

    /// Stores what was parsed of the list ahead of time.
    pub(super) fn keep<T: Send + 'static>(&self, read: T) {
        *lock(&self.ahead.0) = Some(Box::new(read));
    }

    /// Takes what was parsed of the list ahead of time, once.
    pub(super) fn take<T: 'static>(&self) -> Option<T> {
        let read = lock(&self.ahead.0).take()?;
        read.downcast().ok().map(|read| *read)
    }

    /// Returns the list as a value, for the comparisons of stories.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.text).unwrap_or_default()
    }
}
