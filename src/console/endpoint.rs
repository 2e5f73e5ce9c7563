//! The requests of the control surface, each a type with its fields, its response and its action.
//!
//! The table is the only list of the requests. The server, `GET /_mock/`, the OpenAPI document and `airudder-mock ctl` are
//! derived from it.

use std::future::Future;
use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::World;
use super::refused::Refused;
use crate::api::Answering;
use crate::contract::fields::{LookFor, Names, Noticed, Use, decode, fields_of};
use crate::files::diagnostic::joined;
use crate::files::suggest::did_you_mean;
use crate::net::{HttpResponse, Reply};

/// One request of the control surface.
pub(super) trait Endpoint {
    /// Its name in `airudder-mock ctl`.
    const NAME: &'static str;
    /// Its method, upper case.
    const METHOD: &'static str;
    /// Its path below `/_mock`. A part `{name}` becomes the field of that name.
    const PATH: &'static str;
    /// What it does, as the continuation of its name: "moves the clock forward".
    const WHAT: &'static str;
    /// The statuses of its responses, apart from refusals.
    const STATUSES: &'static [u16] = &[200];
    /// The content type of its responses, apart from refusals.
    const CONTENT_TYPE: &'static str = "application/json";
    /// Whether its body is one large value, which is decoded at once, without fields in the path or the query.
    const IS_LARGE: bool = false;
    /// Its fields: of the path, of the query, and of the JSON body.
    type Ask: DeserializeOwned + JsonSchema + Send;
    /// Its response.
    type Answer: Serialize + JsonSchema;

    /// Performs the request.
    fn answer(
        world: World,
        ask: Self::Ask,
    ) -> impl Future<Output = Result<Answered<Self::Answer>, Refused>> + Send;
}

/// Nothing is asked.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Nothing {}

/// Nothing more is said than that it is done.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Done {}

/// The response to a request.
#[derive(Debug)]
pub(super) enum Answered<T> {
    /// JSON with a status.
    Json(u16, T),
    /// Any other response.
    Other(Reply),
}

impl<T> Answered<T> {
    /// Returns JSON with status 200.
    pub(super) fn ok(answer: T) -> Self {
        Self::Json(200, answer)
    }
}

/// A row of the table.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) what: &'static str,
    /// The statuses of its responses.
    pub(super) statuses: &'static [u16],
    /// The content type of its responses.
    pub(super) content_type: &'static str,
    /// Whether its body is one large value.
    pub(super) is_large: bool,
    /// The schemas of its fields and its response.
    pub(super) schemas: fn() -> [Value; 2],
    /// The names of its fields, computed at the first use.
    names: OnceLock<Names>,
    answer: fn(World, Value, &OnceLock<Names>) -> Answering,
}

impl Row {
    pub(super) const fn of<E: Endpoint + 'static>() -> Self {
        Self {
            name: E::NAME,
            method: E::METHOD,
            path: E::PATH,
            what: E::WHAT,
            statuses: E::STATUSES,
            content_type: E::CONTENT_TYPE,
            is_large: E::IS_LARGE,
            schemas: || [schema::<E::Ask>(), schema::<E::Answer>()],
            names: OnceLock::new(),
            answer: answer::<E>,
        }
    }

    /// Responds to the request.
    pub(super) fn answer(&self, world: World, fields: Value) -> Answering {
        (self.answer)(world, fields, &self.names)
    }

    /// Returns the fields in the path, if it matches this row.
    pub(super) fn matches(&self, path: &str) -> Option<Map<String, Value>> {
        let mut found = Map::new();
        let (mut own, mut parts) = (self.path.split('/'), path.split('/'));
        loop {
            match (own.next(), parts.next()) {
                (None, None) => return Some(found),
                (Some(name), Some(part)) if name.starts_with('{') => {
                    if part.is_empty() {
                        return None;
                    }
                    let name = name.trim_matches(['{', '}']);
                    let part = percent_encoding::percent_decode_str(part).decode_utf8_lossy();
                    found.insert(name.to_owned(), part.into_owned().into());
                }
                (Some(own), Some(part)) if own == part => {}
                _ => return None,
            }
        }
    }
}

fn schema<T: JsonSchema>() -> Value {
    // References to parts of the schema would not resolve within a larger document.
    let settings = schemars::generate::SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// Lists the fields of a request, for the message about one that it does not have.
fn known_fields(names: &Names) -> String {
    let known: Vec<String> = names.outermost().map(|name| format!("`{name}`")).collect();
    match known.as_slice() {
        [] => "; this request has no fields".to_owned(),
        [only] => format!("; the only field is {only}"),
        known => format!("; the fields are {}", joined(known, "and")),
    }
}

fn answer<E: Endpoint + 'static>(world: World, fields: Value, names: &OnceLock<Names>) -> Answering {
    let mut unknown = None;
    let names = names.get_or_init(|| Names::of(&fields_of::<E::Ask>(Use::Read)));
    names.look(&fields, LookFor::default(), &mut |noticed| {
        if let (Noticed::Unread { path, nearest, .. }, None) = (noticed, &unknown) {
            let meant = did_you_mean(nearest.as_deref());
            let known = if meant.is_empty() { known_fields(names) } else { String::new() };
            unknown = Some(format!("there is no field `{path}`{meant}{known}"));
        }
    });
    let ask = match (unknown, &world.request) {
        (None, Some(request)) if E::IS_LARGE => {
            serde_json::from_slice(&request.body).map_err(|error| Refused::wrong(error.to_string()))
        }
        (Some(message), _) => Err(Refused::wrong(message)),
        (None, _) => decode::<E::Ask>(&fields).map_err(|error| Refused::wrong(error.to_string())),
    };
    Box::pin(async move {
        let answered = match ask {
            Ok(ask) => E::answer(world, ask).await,
            Err(refused) => Err(refused),
        };
        match answered {
            Ok(Answered::Json(status, answer)) => match serde_json::to_value(answer) {
                Ok(body) => HttpResponse::json(status, &body).into(),
                Err(error) => Refused::new(500, error.to_string()).response().into(),
            },
            Ok(Answered::Other(reply)) => reply,
            Err(refused) => refused.response().into(),
        }
    })
}
