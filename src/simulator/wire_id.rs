//! Ids on the wire: texts shared by all objects that carry them.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::seed::{self, Rng};

/// An id. The vendor's ids are 32 hexadecimal digits or plain numbers; stories make up others.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub(super) struct WireId(Arc<str>);

impl WireId {
    /// Draws an id of the vendor's form.
    pub(super) fn draw(rng: &mut Rng) -> Self {
        seed::hex32(rng).into()
    }

    /// Whether it is the empty text.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for WireId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for WireId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for WireId {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<u64> for WireId {
    fn from(number: u64) -> Self {
        number.to_string().into()
    }
}

impl fmt::Display for WireId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
