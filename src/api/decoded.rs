//! A request that was routed, authenticated and decoded.

use std::sync::Arc;

use super::access::Client;
use super::decode::Fields;
use super::proof::Proven;
use crate::contract::renames::CorrectedNames;
use crate::contract::{Family, Provenance};
use crate::simulator::Refusal;

/// The endpoint of a request.
#[derive(Clone)]
pub(super) struct RouteMatch {
    pub(super) id: Arc<str>,
    pub(super) family: Family,
    /// The index of the matching path among the paths of its endpoint.
    pub(super) route: usize,
    pub(super) provenance: Provenance,
    pub(super) names: Option<Arc<CorrectedNames>>,
}

/// The client of a request, or why the request is refused regardless of its fields.
pub(super) struct Authenticated {
    pub(super) proven: Option<Proven>,
    pub(super) client: Result<Client, Refusal>,
}

/// A decoded request.
#[derive(Clone)]
pub(super) struct Decoded {
    /// The result of checking its signature, if its endpoint takes signed requests.
    pub(super) proven: Option<Proven>,
    pub(super) content: Content,
}

/// The content of a request, as far as it could be read.
#[derive(Clone)]
pub(super) enum Content {
    /// The client is not authenticated.
    Denied(Refusal),
    /// The client is authenticated, but the fields can't be read.
    Unreadable(Refusal, Client),
    /// The fields.
    Fields(Fields, Client),
}

impl Content {
    /// The fields, if they could be read.
    pub(super) fn fields(&self) -> Option<&Fields> {
        match self {
            Self::Fields(fields, _) => Some(fields),
            Self::Denied(_) | Self::Unreadable(..) => None,
        }
    }

    /// The client, if it is authenticated.
    pub(super) fn client(&self) -> Option<&Client> {
        match self {
            Self::Fields(_, client) | Self::Unreadable(_, client) => Some(client),
            Self::Denied(_) => None,
        }
    }
}
