//! The fields of every entry of the catalog, for the reference.

use super::endpoint::{CallbackShape, Endpoint, callbacks};
use super::{auth, chatbot, dialer};
use crate::contract::bodies::{detection::DetectionResult, sms::SmsReceipt};
use crate::contract::fields::Field;

/// The endpoints of every family.
pub(super) const ENDPOINTS: [&[Endpoint]; 3] = [auth::ENDPOINTS, chatbot::ENDPOINTS, dialer::ENDPOINTS];

/// The callbacks of every family.
const CALLBACKS: [&[CallbackShape]; 3] = [
    callbacks! {
        "sms.receipt" => SmsReceipt,
        "detection.result" => DetectionResult,
    },
    chatbot::CALLBACKS,
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

/// The callback with this catalog id.
pub(super) fn callback(id: &str) -> Option<&'static CallbackShape> {
    CALLBACKS.iter().copied().flatten().find(|callback| callback.id == id)
}

/// The fields of the entry with this catalog id; nothing if the vendor has none such.
pub fn fields(id: &str) -> Option<EntryFields> {
    if let Some(endpoint) = endpoint(id) {
        let shape = (endpoint.shape)();
        return Some(EntryFields::Endpoint { request: shape.request, response: shape.response });
    }
    Some(EntryFields::Callback((callback(id)?.fields)()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::contract::{Catalog, Direction};

    /// The groups of the catalog whose endpoints are typed.
    const GROUPS: [&str; 2] = ["Access", "Chatbot"];

    fn every_field(id: &str) -> Vec<Field> {
        match fields(id) {
            Some(EntryFields::Endpoint { mut request, mut response }) => {
                request.append(&mut response);
                request
            }
            Some(EntryFields::Callback(fields)) => fields,
            None => panic!("{id} has no typed endpoint and no typed callback"),
        }
    }

    #[test]
    fn the_tables_are_the_catalog() {
        let catalog = Catalog::builtin();
        let mut listed = BTreeSet::new();
        let endpoints = ENDPOINTS.iter().copied().flatten().map(|endpoint| (endpoint.id, Direction::Call));
        let callbacks = CALLBACKS.iter().copied().flatten().map(|one| (one.id, Direction::Callback));
        for (id, direction) in endpoints.chain(callbacks) {
            assert!(listed.insert(id), "{id} is listed twice");
            let entry = catalog.get(id).unwrap_or_else(|| panic!("{id} is not in the catalog"));
            assert_eq!(entry.direction, direction, "{id}");
        }
        for entry in catalog.entries().iter().filter(|entry| GROUPS.contains(&entry.group.as_str())) {
            assert!(listed.contains(entry.id.as_str()), "{} is in no table", entry.id);
        }
    }

    #[test]
    fn every_field_says_what_it_is_and_where_it_comes_from() {
        for id in ENDPOINTS
            .iter()
            .copied()
            .flatten()
            .map(|one| one.id)
            .chain(CALLBACKS.iter().copied().flatten().map(|one| one.id))
        {
            for Field { path, provenance, help, .. } in every_field(id) {
                assert!(provenance.is_some(), "{id}: {path} does not say where it comes from");
                assert!(!help.is_empty() || path.ends_with("type"), "{id}: {path} does not say what it is");
                // What stands in brackets at the end is a provenance; one that is misspelt stays in the text.
                let last =
                    help.trim_end_matches('.').strip_suffix(')').and_then(|text| text.rsplit_once('('));
                let word =
                    last.and_then(|(_, words)| words.split([' ', ';', ',']).next()).unwrap_or_default();
                for known in ["documented", "example", "client", "assumed"] {
                    let is_close = strsim::damerau_levenshtein(word, known) <= 2;
                    assert!(!is_close, "{id}: {path}: `{word}` is no provenance");
                }
            }
        }
    }
}
