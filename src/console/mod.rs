//! The control surface under `/_mock/`, by which tests inspect and control the mock. None of it belongs to the vendor's API.
//!
//! [`answer`] is the only entry point for other modules. Each request is a separate type ([`endpoint`]) in the file of its
//! subject.

mod again;
mod beside;
mod branch;
mod clock;
mod control;
mod desk;
mod emit;
mod endpoint;
mod entry;
mod faults;
mod find;
mod found;
mod in_force;
mod journal;
mod load;
mod load_run;
mod look;
mod metrics;
mod namespace;
mod namespaces;
mod objects;
mod openapi;
mod refused;
mod reloads;
mod settings;
mod settle;
mod signature;
mod snapshots;
mod stories;
mod tokens;
mod user;
mod vendor;
mod wait;
mod world;

use std::sync::Arc;

use serde_json::{Map, Value};

use self::endpoint::Row;
use self::refused::Refused;
use crate::api::{Answering, decode, ready};
use crate::contract::Family;
use crate::files::suggest::{did_you_mean, nearest};
use crate::net::HttpRequest;
use crate::page;

pub use again::{Again, AgainError, Beginning, Moment, Origin, Snapshots};
pub use beside::{NamespaceError, Namespaces, NewNamespace};
pub use control::Control;
pub use in_force::SettingsInForce;
pub use load_run::{LoadCounts, LoadPoint, LoadRun, LoadRuns};
pub use namespace::Namespace;
pub use openapi::document as openapi;
pub use reloads::Reloads;
pub use snapshots::{begin_with, reset};
pub use world::World;

/// The prefix of all paths: one that the vendor does not use.
pub const PREFIX: &str = "/_mock";

/// All requests of the control surface.
static ROWS: [Row; 53] = [
    Row::of::<look::List>(),
    Row::of::<look::Ready>(),
    Row::of::<look::Look>(),
    Row::of::<objects::List>(),
    Row::of::<load::Show>(),
    Row::of::<look::ListCatalog>(),
    Row::of::<entry::Show>(),
    Row::of::<found::Assumed>(),
    Row::of::<found::List>(),
    Row::of::<settings::Show>(),
    Row::of::<journal::List>(),
    Row::of::<journal::Clear>(),
    Row::of::<journal::Stream>(),
    Row::of::<journal::Events>(),
    Row::of::<wait::Wait>(),
    Row::of::<settle::Settle>(),
    Row::of::<clock::Show>(),
    Row::of::<clock::Move>(),
    Row::of::<emit::Emit>(),
    Row::of::<emit::Resend>(),
    Row::of::<signature::TakeApart>(),
    Row::of::<user::Begin>(),
    Row::of::<user::List>(),
    Row::of::<user::History>(),
    Row::of::<user::Act>(),
    Row::of::<user::PassOn>(),
    Row::of::<desk::List>(),
    Row::of::<desk::Answer>(),
    Row::of::<desk::Agent>(),
    Row::of::<tokens::Expire>(),
    Row::of::<stories::ListScenarios>(),
    Row::of::<stories::Start>(),
    Row::of::<stories::List>(),
    Row::of::<stories::Show>(),
    Row::of::<stories::Stop>(),
    Row::of::<faults::Add>(),
    Row::of::<faults::List>(),
    Row::of::<faults::Remove>(),
    Row::of::<snapshots::Take>(),
    Row::of::<snapshots::List>(),
    Row::of::<snapshots::Restore>(),
    Row::of::<snapshots::Remove>(),
    Row::of::<snapshots::Reset>(),
    Row::of::<snapshots::Export>(),
    Row::of::<snapshots::Import>(),
    Row::of::<branch::Branch>(),
    Row::of::<openapi::Describe>(),
    Row::of::<vendor::Describe>(),
    Row::of::<namespaces::Create>(),
    Row::of::<namespaces::List>(),
    Row::of::<namespaces::Reset>(),
    Row::of::<namespaces::Remove>(),
    Row::of::<metrics::Show>(),
];

/// A request of the control surface, described for command-line clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Described {
    /// Its name in `airudder-mock ctl`.
    pub name: &'static str,
    /// Its method, upper case.
    pub method: &'static str,
    /// Its whole path. A part `{name}` stands for the field of that name.
    pub path: &'static str,
    /// What it does.
    pub what: &'static str,
}

/// Returns all requests of the control surface; their paths are below [`PREFIX`].
pub fn described() -> impl Iterator<Item = Described> {
    ROWS.iter().map(|row| Described { name: row.name, method: row.method, path: row.path, what: row.what })
}

/// Returns the JSON Schema of the fields of a request, by its name.
pub fn asked(name: &str) -> Option<Value> {
    let row = ROWS.iter().find(|row| row.name == name)?;
    let [asked, _] = (row.schemas)();
    Some(asked)
}

/// Whether a request belongs to the control surface.
pub fn is_of(request: &HttpRequest) -> bool {
    path(request).is_some()
}

/// Whether the body of a request below [`PREFIX`] may be large.
pub fn is_large(method: &str, path: &str) -> bool {
    let rows = || ROWS.iter().filter(|row| row.is_large && row.method == method);
    path.find(PREFIX).is_some_and(|begin| rows().any(|row| row.path == &path[begin + PREFIX.len()..]))
}

fn path(request: &HttpRequest) -> Option<&str> {
    request.path.strip_prefix(PREFIX).filter(|path| path.is_empty() || path.starts_with('/'))
}

/// Responds to a request under the prefix. `None` for other requests.
pub fn answer(world: &World, request: &HttpRequest) -> Option<Answering> {
    let path = path(request)?;
    if let Some(page) = page::answer(request, path) {
        return Some(ready(page));
    }
    let path = if path.is_empty() { "/" } else { path };
    let method = if request.method == "HEAD" { "GET" } else { &*request.method };
    let here: Vec<(&Row, Map<String, Value>)> =
        ROWS.iter().filter_map(|row| Some((row, row.matches(path)?))).collect();
    let Some((row, named)) = here.iter().find(|(row, _)| row.method == method) else {
        return Some(ready(nowhere(request, path, &here).response()));
    };
    let decoded =
        if row.is_large { Err(crate::api::DecodeError::Empty) } else { decode(request, Family::Cloud) };
    let mut fields = match decoded {
        Ok(fields) => fields.fields,
        // A request without a body is valid.
        Err(crate::api::DecodeError::Empty) => Value::Object(Map::new()),
        Err(error) => return Some(ready(Refused::wrong(error.to_string()).response())),
    };
    if let Value::Object(fields) = &mut fields {
        fields.extend(named.clone());
    }
    let world = World { request: Some(Arc::new(request.clone())), ..world.clone() };
    Some(row.answer(world, fields))
}

/// Returns the 404 or 405 for an unmatched control request.
fn nowhere(request: &HttpRequest, path: &str, here: &[(&Row, Map<String, Value>)]) -> Refused {
    if here.is_empty() {
        let near = did_you_mean(nearest(path, ROWS.iter().map(|row| row.path)));
        return Refused::missing(format!("there is no such request{near}; GET /_mock/ lists them all"));
    }
    let methods: Vec<&str> = here.iter().map(|(row, _)| row.method).collect();
    let message = format!("it is served with {}, not with {}", methods.join(" or "), request.method);
    let head = if methods.contains(&"GET") { ", HEAD" } else { "" };
    let allow = Some(format!("{}{head}", methods.join(", ")));
    Refused { allow, ..Refused::new(405, message) }
}
