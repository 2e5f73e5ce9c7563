//! Planned effects of the user's own endpoints.

use std::sync::Arc;

use super::context::Context;
use crate::simulator::access::AccountKey;

/// A send of an endpoint, at its moment.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::simulator) struct PlannedSend {
    pub(super) endpoint: Arc<str>,
    /// The index of the send.
    pub(super) index: usize,
    pub(super) context: Context,
    /// The account of the request.
    pub(super) account: AccountKey,
}

impl PlannedSend {
    /// Returns the endpoint that it comes from.
    pub(in crate::simulator) fn endpoint(&self) -> &str {
        &self.endpoint
    }
}
