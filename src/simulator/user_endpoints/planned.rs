//! What the user's own endpoints do later.

use std::sync::Arc;

use super::context::Context;
use crate::simulator::access::AccountKey;

/// A send of an endpoint, at its moment.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::simulator) struct PlannedSend {
    pub(super) endpoint: Arc<str>,
    /// Which of its sends.
    pub(super) index: usize,
    pub(super) context: Context,
    /// Whose request it comes of.
    pub(super) account: AccountKey,
}

impl PlannedSend {
    /// The endpoint that it comes of.
    pub(in crate::simulator) fn endpoint(&self) -> &str {
        &self.endpoint
    }
}
