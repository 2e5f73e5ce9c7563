//! Converts declarations to entries of the catalog, so that routes, listings, stories and suggestions know them.

use crate::contract::catalog::{Entry, Route};
use crate::contract::{Direction, Family, Provenance};
use crate::simulator::user_endpoints::file::{CallbackFile, EndpointFile};

/// The group of entries that do not name one.
const DEFAULT_GROUP: &str = "Custom";

/// The method of endpoints that do not name one.
const DEFAULT_METHOD: &str = "POST";

/// Returns the entry of an endpoint.
pub(crate) fn endpoint(file: &EndpointFile) -> Entry {
    let provenance = file.provenance.unwrap_or(Provenance::Documented);
    let route = Route { method: method(file.method.as_deref()), path: file.path.clone(), provenance };
    Entry {
        routes: vec![route],
        family: file.family.unwrap_or(Family::Cloud),
        replaces: file.ask.iter().map(|ask| ask.call.clone()).collect(),
        ..entry(&file.id, Direction::Request, provenance, file.group.as_deref(), file.help.as_deref())
    }
}

/// Returns the entry of a callback.
pub(crate) fn callback(file: &CallbackFile) -> Entry {
    let provenance = file.provenance.unwrap_or(Provenance::Documented);
    let headers = file.headers.iter().map(|(name, value)| (name.clone(), value.clone()));
    Entry {
        family: file.family.unwrap_or(Family::Cloud),
        method: method(file.method.as_deref()),
        event: file.event.clone(),
        signed: file.signed.unwrap_or(true),
        headers: headers.collect(),
        ..entry(&file.id, Direction::Callback, provenance, file.group.as_deref(), file.help.as_deref())
    }
}

fn method(given: Option<&str>) -> String {
    given.unwrap_or(DEFAULT_METHOD).to_ascii_uppercase()
}

/// Returns an entry with the values common to both directions.
pub(crate) fn entry(
    id: &str,
    direction: Direction,
    provenance: Provenance,
    group: Option<&str>,
    help: Option<&str>,
) -> Entry {
    Entry {
        id: id.to_owned(),
        titles: vec![id.to_owned()],
        group: group.unwrap_or(DEFAULT_GROUP).to_owned(),
        direction,
        family: Family::Cloud,
        routes: Vec::new(),
        method: DEFAULT_METHOD.to_owned(),
        event: None,
        signed: false,
        signed_mark: provenance,
        provenance,
        method_mark: None,
        large: false,
        help: help.unwrap_or("declared in your settings").to_owned(),
        headers: Vec::new(),
        body: None,
        names: None,
        replaces: Vec::new(),
        overridden: false,
        confirmed: false,
    }
}
