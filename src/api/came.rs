//! A decoded request: its endpoint, its caller and its fields.

use std::sync::Arc;

use super::access::Client;
use super::decode::Fields;
use super::proof::Proven;
use crate::contract::renames::CorrectedNames;
use crate::contract::{Family, Provenance};
use crate::simulator::Refusal;

/// The result of routing a request.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) id: Arc<str>,
    pub(super) family: Family,
    /// The index of the matching path among the paths of its endpoint.
    pub(super) route: usize,
    pub(super) provenance: Provenance,
    pub(super) names: Option<Arc<CorrectedNames>>,
}

/// The caller of a request, or why the request is refused regardless of its fields.
pub(super) struct Who {
    pub(super) proven: Option<Proven>,
    pub(super) client: Result<Client, Refusal>,
}

/// A decoded request: its fields and its caller.
#[derive(Clone)]
pub(super) struct Came {
    pub(super) proven: Option<Proven>,
    pub(super) read: Result<(Result<Fields, Refusal>, Client), Refusal>,
}
