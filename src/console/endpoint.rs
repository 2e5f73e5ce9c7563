//! The requests of the control surface, each a type with what it asks, what it answers and what it does.
//!
//! Their table is the one list of them: what is served, `GET /_mock/`, the OpenAPI document and `airudder-mock ctl` come
//! from it.

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
use crate::files::suggest::did_you_mean;
use crate::net::{HttpResponse, Reply};

/// One request of the control surface.
pub(super) trait Endpoint {
    /// What `airudder-mock ctl` calls it.
    const NAME: &'static str;
    /// Its method, upper case.
    const METHOD: &'static str;
    /// Its path below `/_mock`. A part `{name}` becomes the field of that name.
    const PATH: &'static str;
    /// What it does, as the continuation of its name: "moves the clock forward".
    const WHAT: &'static str;
    /// The statuses of what it answers when it is not refused.
    const STATUSES: &'static [u16] = &[200];
    /// The type of what it answers when it is not refused.
    const CONTENT_TYPE: &'static str = "application/json";
    /// Whether its body is one large value, which is read at once and has no fields in the path or the query.
    const IS_LARGE: bool = false;
    /// Its fields: of the path, of the query, and of the JSON body.
    type Ask: DeserializeOwned + JsonSchema + Send;
    /// What it is answered with.
    type Answer: Serialize + JsonSchema;

    /// Does it.
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

/// What a request is answered with.
#[derive(Debug)]
pub(super) enum Answered<T> {
    /// JSON under a status.
    Json(u16, T),
    /// Anything else.
    Other(Reply),
}

impl<T> Answered<T> {
    /// JSON under the status 200.
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
    /// The statuses of its answers.
    pub(super) statuses: &'static [u16],
    /// The type of its answers.
    pub(super) content_type: &'static str,
    /// Whether its body is one large value.
    pub(super) is_large: bool,
    /// The schemas of what it asks and what it answers.
    pub(super) schemas: fn() -> [Value; 2],
    /// The names of its fields, once somebody has asked it.
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

    /// Answers it.
    pub(super) fn answer(&self, world: World, fields: Value) -> Answering {
        (self.answer)(world, fields, &self.names)
    }

    /// The fields that the path has, if it is of this row.
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
    // What refers to a part of itself would refer to nothing within a larger document.
    let settings = schemars::generate::SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

fn answer<E: Endpoint + 'static>(world: World, fields: Value, names: &OnceLock<Names>) -> Answering {
    let mut unknown = None;
    let names = names.get_or_init(|| Names::of(&fields_of::<E::Ask>(Use::Read)));
    names.look(&fields, LookFor::default(), &mut |noticed| {
        if let (Noticed::Unread { path, nearest, .. }, None) = (noticed, &unknown) {
            unknown = Some(format!("there is no field `{path}`{}", did_you_mean(nearest.as_deref())));
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
