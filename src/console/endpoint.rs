//! The requests of the control surface, each a function from its fields to its response.
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
    /// Its name in `airudder-mock ctl`.
    pub(super) name: &'static str,
    /// Its method, upper case.
    pub(super) method: &'static str,
    /// Its path below `/_mock`. A part `{name}` becomes the field of that name.
    pub(super) path: &'static str,
    /// What it does, as the continuation of its name: "moves the clock forward".
    pub(super) what: &'static str,
    /// How it differs from most requests.
    pub(super) form: Form,
    /// The schemas of its fields and its response.
    pub(super) schemas: fn() -> [Value; 2],
    /// The names of its fields, computed at the first use.
    pub(super) names: OnceLock<Names>,
    /// Decodes the fields and performs the request.
    pub(super) answer: fn(&Row, World, Value) -> Answering,
}

/// The form of a request and of its responses, which is the same for most requests.
pub(super) struct Form {
    /// The statuses of its responses, apart from refusals.
    pub(super) statuses: &'static [u16],
    /// The content type of its responses, apart from refusals.
    pub(super) content_type: &'static str,
    /// Whether its body is one large value, which is decoded at once, without fields in the path or the query.
    pub(super) is_large: bool,
}

impl Form {
    /// What most requests have.
    pub(super) const USUAL: Self =
        Self { statuses: &[200], content_type: "application/json", is_large: false };
}

/// Makes the table of the requests, from rows of this form:
///
/// ```text
/// "name in ctl" METHOD "/path" { field: "of `Form`" } => handler,
///     "what it does";
/// ```
///
/// A handler is an `async fn(World, Ask) -> Result<Answered<Answer>, Refused>`; its types say which fields the request has
/// and what its response contains.
macro_rules! control {
    ($(
        $name:literal $method:ident $path:literal $({ $($option:ident: $value:expr),+ })? => $handler:path,
        $what:literal;
    )+) => {
        [$($crate::console::endpoint::Row {
            name: $name,
            method: stringify!($method),
            path: $path,
            what: $what,
            form: $crate::console::endpoint::Form {
                $($($option: $value,)+)?
                ..$crate::console::endpoint::Form::USUAL
            },
            schemas: || $crate::console::endpoint::schemas($handler),
            names: ::std::sync::OnceLock::new(),
            answer: |row, world, fields| $crate::console::endpoint::answer(row, world, fields, $handler),
        }),+]
    };
}

pub(super) use control;

impl Row {
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

/// Returns the schemas of the fields and the response of a handler.
pub(super) fn schemas<Ask: JsonSchema, Answer: JsonSchema, F>(_: impl Fn(World, Ask) -> F) -> [Value; 2]
where
    F: Future<Output = Result<Answered<Answer>, Refused>>,
{
    [schema::<Ask>(), schema::<Answer>()]
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

/// Decodes the fields of a request and has a handler perform it.
pub(super) fn answer<Ask, Answer, F>(
    row: &Row,
    world: World,
    fields: Value,
    handler: impl Fn(World, Ask) -> F + Send + 'static,
) -> Answering
where
    Ask: DeserializeOwned + JsonSchema + Send + 'static,
    Answer: Serialize,
    F: Future<Output = Result<Answered<Answer>, Refused>> + Send,
{
    let mut unknown = None;
    let names = row.names.get_or_init(|| Names::of(&fields_of::<Ask>(Use::Read)));
    names.look(&fields, LookFor::default(), &mut |noticed| {
        if let (Noticed::Unread { path, nearest, .. }, None) = (noticed, &unknown) {
            let meant = did_you_mean(nearest.as_deref());
            let known = if meant.is_empty() { known_fields(names) } else { String::new() };
            unknown = Some(format!("there is no field `{path}`{meant}{known}"));
        }
    });
    let ask = match (unknown, &world.request) {
        (None, Some(request)) if row.form.is_large => {
            serde_json::from_slice(&request.body).map_err(|error| Refused::wrong(error.to_string()))
        }
        (Some(message), _) => Err(Refused::wrong(message)),
        (None, _) => decode::<Ask>(&fields).map_err(|error| Refused::wrong(error.to_string())),
    };
    Box::pin(async move {
        let answered = match ask {
            Ok(ask) => handler(world, ask).await,
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
