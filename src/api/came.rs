//! A call on its way: its endpoint, who makes it, and what it asks.

use std::sync::Arc;

use super::access::Caller;
use super::decode::Fields;
use super::proof::Proven;
use crate::contract::renames::CorrectedNames;
use crate::contract::{Family, Provenance};
use crate::simulator::Refusal;

/// What a route says of a call.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) id: Arc<str>,
    pub(super) family: Family,
    /// Which of its places it is.
    pub(super) route: usize,
    pub(super) provenance: Provenance,
    pub(super) names: Option<Arc<CorrectedNames>>,
}

/// Who makes a call, or why it is refused whatever it asks for.
pub(super) struct Who {
    pub(super) proven: Option<Proven>,
    pub(super) caller: Result<Caller, Refusal>,
}

/// A call as it came: its fields and who makes it.
#[derive(Clone)]
pub(super) struct Came {
    pub(super) proven: Option<Proven>,
    pub(super) read: Result<(Result<Fields, Refusal>, Caller), Refusal>,
}
