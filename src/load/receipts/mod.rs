//! Comparison of the receiver's own list of accepted ids with what was sent: lost, doubled and unknown ids.
//!
//! `run` sends and keeps what it sent; afterwards the list is read here. An event has several ids; the list itself shows
//! which of them the receiver uses.

mod list;
mod reconcile;
mod source;

pub(crate) use list::Receipt;
pub(crate) use reconcile::{Identified, reconcile};
pub use source::Source;
