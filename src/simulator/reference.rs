//! The fields of every entry of the catalog, for the reference.

use super::endpoint::{CallbackShape, Endpoint, callbacks};
use super::{auth, dialer};
use crate::contract::bodies::{detection::DetectionResult, sms::SmsReceipt};
use crate::contract::fields::Field;

/// The endpoints of every family.
pub(super) const ENDPOINTS: [&[Endpoint]; 2] = [auth::ENDPOINTS, dialer::ENDPOINTS];

/// The callbacks of every family.
const CALLBACKS: [&[CallbackShape]; 2] = [
    callbacks! {
        "sms.receipt" => SmsReceipt,
        "detection.result" => DetectionResult,
    },
    dialer::CALLBACKS,
];

/// What goes over the wire for an entry of the catalog.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryFields {
    /// A request of the integrator's, and the data of the response inside the family's envelope.
    Endpoint {
        /// The fields of the request.
        request: Vec<Field>,
        /// The fields of the response's data.
        response: Vec<Field>,
    },
    /// A callback to the integrator.
    Callback(Vec<Field>),
}

/// The endpoint with this catalog id.
pub(super) fn endpoint(id: &str) -> Option<&'static Endpoint> {
    ENDPOINTS.iter().copied().flatten().find(|endpoint| endpoint.id == id)
}

/// The fields of the entry with this catalog id; nothing if the vendor has none such.
pub fn fields(id: &str) -> Option<EntryFields> {
    if let Some(endpoint) = endpoint(id) {
        let shape = (endpoint.shape)();
        return Some(EntryFields::Endpoint { request: shape.request, response: shape.response });
    }
    let callback = CALLBACKS.iter().copied().flatten().find(|callback| callback.id == id)?;
    Some(EntryFields::Callback((callback.fields)()))
}
