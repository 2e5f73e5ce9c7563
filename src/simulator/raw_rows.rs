//! The list of a request, unread until its department reads it.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde_json::Value;

/// The list of a call: JSON text that is known to be a list, still unread.
#[derive(Clone, Debug)]
pub struct RawRows {
    text: Bytes,
    name: &'static str,
    ahead: Ahead,
}

/// What a department has read of the list before its turn came, until it takes it.
#[derive(Clone, Default)]
struct Ahead(Arc<Mutex<Option<Box<dyn Any + Send>>>>);

impl fmt::Debug for Ahead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ahead")
    }
}

impl RawRows {
    /// Takes the text of a JSON list in the field of this name. Nothing if it is none.
    pub fn named(name: &'static str, text: Bytes) -> Option<Self> {
        text.trim_ascii_start().starts_with(b"[").then(|| Self { text, name, ahead: Ahead::default() })
    }

    /// The field the list came in.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The list as it came.
    pub(crate) fn text(&self) -> &Bytes {
        &self.text
    }

    /// Keeps what was read of the list before its turn.
    pub(super) fn keep<T: Send + 'static>(&self, read: T) {
        *self.ahead.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(read));
    }

    /// What was read of the list before its turn, once.
    pub(super) fn take<T: 'static>(&self) -> Option<T> {
        let read = self.ahead.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        read.downcast().ok().map(|read| *read)
    }

    /// The list as a value: what stories compare with.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.text).unwrap_or_default()
    }
}
