//! The fields of every entry of the catalog, for the reference.

use super::endpoint::{CallbackShape, Endpoint};
use super::{auth, calling, chatbot, detection, dialer, sms, workflow};
use crate::contract::fields::Field;

/// The endpoints of every family.
pub(super) const ENDPOINTS: [&[Endpoint]; 7] = [
    auth::ENDPOINTS,
    calling::ENDPOINTS,
    chatbot::ENDPOINTS,
    detection::ENDPOINTS,
    dialer::ENDPOINTS,
    sms::ENDPOINTS,
    workflow::ENDPOINTS,
];

/// The callbacks of every family.
const CALLBACKS: [&[CallbackShape]; 6] = [
    calling::CALLBACKS,
    chatbot::CALLBACKS,
    detection::CALLBACKS,
    dialer::CALLBACKS,
    sms::CALLBACKS,
    workflow::CALLBACKS,
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
    use crate::contract::{Catalog, Direction, Provenance};

    #[test]
    fn the_tables_are_those_of_the_catalog() {
        let ids = |direction: Direction| -> BTreeSet<String> {
            let entries = Catalog::builtin().entries().iter().filter(|entry| entry.direction == direction);
            entries.map(|entry| entry.id.clone()).collect()
        };
        let endpoints: Vec<String> =
            ENDPOINTS.iter().copied().flatten().map(|endpoint| endpoint.id.to_owned()).collect();
        let callbacks: Vec<String> =
            CALLBACKS.iter().copied().flatten().map(|callback| callback.id.to_owned()).collect();
        for (listed, direction) in [(endpoints, Direction::Call), (callbacks, Direction::Callback)] {
            let unique: BTreeSet<String> = listed.iter().cloned().collect();
            assert_eq!(unique.len(), listed.len(), "{listed:?}");
            assert_eq!(unique, ids(direction));
        }
    }

    /// The word in brackets at the end of a text, if it was probably meant to be a provenance.
    fn misspelt(help: &str) -> Option<&str> {
        let (_, words) = help.trim_end_matches('.').strip_suffix(')')?.rsplit_once('(')?;
        let word = words.split([';', ',', ':', ' ']).next()?;
        let marks = [Provenance::Documented, Provenance::Example, Provenance::Client, Provenance::Assumed];
        marks.iter().any(|mark| strsim::osa_distance(mark.as_str(), word) <= 2).then_some(word)
    }

    #[test]
    fn a_provenance_that_is_misspelt_is_noticed() {
        assert_eq!(misspelt("The number (cleint)."), Some("cleint"));
        assert_eq!(misspelt("The number (assumed: nobody knows)."), Some("assumed"));
        assert_eq!(misspelt("The number (in E.164)."), None);
    }

    #[test]
    fn every_field_says_what_it_is_and_where_that_comes_from() {
        let mut wrong = Vec::new();
        let mut look = |id: &str, fields: Vec<Field>| {
            for Field { path, provenance, help, .. } in fields {
                if provenance.is_none()
                    || help.is_empty() && !path.ends_with("type")
                    || misspelt(&help).is_some()
                {
                    wrong.push(format!("{id} {path}: {provenance:?} {help}"));
                }
            }
        };
        for endpoint in ENDPOINTS.iter().copied().flatten() {
            let shape = (endpoint.shape)();
            look(endpoint.id, shape.request);
            look(endpoint.id, shape.response);
        }
        for callback in CALLBACKS.iter().copied().flatten() {
            look(callback.id, (callback.fields)());
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
