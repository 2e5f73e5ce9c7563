//! The receiver's own list of the ids it took, held against what was sent: what is lost, doubled or unknown.
//!
//! `run` sends and keeps what it sent; afterwards the list is read here. An event has several ids; which of them the
//! receiver lists is seen from the list.

mod list;
mod reconcile;
mod source;

pub(crate) use list::Receipt;
pub(crate) use reconcile::{Identified, reconcile};
pub use source::Source;
