//! The journal itself.

use super::Entry;

/// Sees every entry as it is written.
pub trait Sink: Send {
    /// Takes an entry.
    fn entry(&mut self, entry: &Entry);
}

/// The journal.
#[derive(Debug)]
pub struct Journal {}
