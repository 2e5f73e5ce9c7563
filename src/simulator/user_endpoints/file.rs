//! Endpoints and callbacks of the user's own, as written in the settings file. Doc comments here become the
//! descriptions in the JSON Schema, which editors show.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use toml::Spanned;

use crate::contract::{Family, Provenance};
use crate::files::Tree;
use crate::time::DurationRange;

/// A callback of your own. It is listed in the catalog; endpoints, stories and `emit` can send it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a callback"))]
pub struct CallbackFile {
    /// Its id in the catalog, for example `flex.route_finished`.
    #[schemars(extend("format" = "new-id"))]
    pub id: String,
    /// The event's name on the wire: the field `event` of the body, put first if the body has none.
    pub event: Option<String>,
    /// Whether it carries the signature. Default: true.
    pub signed: Option<bool>,
    /// Its HTTP method. Default: POST.
    #[schemars(extend("format" = "method"))]
    pub method: Option<String>,
    /// Additional headers, or replacements of the usual ones. An empty text removes a header.
    #[serde(default)]
    #[schemars(extend("x-keys" = "header"))]
    pub headers: BTreeMap<String, String>,
    /// The usual body, a table of templates. They read `request` (the fields of the request that caused it; none in `emit`
    /// and stories) and `state`: `{ route_id = "{{ request.route_id | default(id()) }}" }`.
    #[schemars(extend("format" = "template-tree"))]
    pub body: Option<Tree>,
    /// The family it is listed with; it decides how receivers report success and failure. Default: cloud.
    pub family: Option<Family>,
    /// One line of help.
    pub help: Option<String>,
    /// Its group in the catalog. Default: `Custom`.
    pub group: Option<String>,
    /// Where its name and fields come from. Default: `documented`, since you have the vendor's document.
    #[serde(alias = "mark")]
    #[schemars(extend("x-old-name" = "mark"))]
    pub provenance: Option<Provenance>,
}

/// An endpoint of your own, which the mock serves as written here.
///
/// A request is handled in this order: `fields` are checked, `find` looks up objects, `set` computes values, `refuse` may
/// refuse the request, `ask` asks the simulated vendor, `store` changes the state, `answer` is filled in, `send` is
/// planned.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "an endpoint"))]
pub struct EndpointFile {
    /// Its id in the catalog, for example `flex.route_create`.
    #[schemars(extend("format" = "new-id"))]
    pub id: String,
    /// Its HTTP method. Default: POST.
    #[schemars(extend("format" = "method"))]
    pub method: Option<String>,
    /// Its path, beginning with `/`; parameters are in braces: `/service/cloud/flex/route/{name}`.
    #[schemars(extend("format" = "path"))]
    pub path: String,
    /// The family whose authentication (a token for cloud, workflow and sms, none for the others) and envelope it uses.
    /// Default: cloud.
    pub family: Option<Family>,
    /// Whether it is served without authentication. Default: false.
    #[serde(default)]
    pub open: bool,
    /// One line of help.
    pub help: Option<String>,
    /// Its group in the catalog. Default: `Custom`.
    pub group: Option<String>,
    /// Where its path and fields come from. Default: `documented`, since you have the vendor's document.
    #[serde(alias = "mark")]
    #[schemars(extend("x-old-name" = "mark"))]
    pub provenance: Option<Provenance>,
    /// Checks of fields of the request, by name: parameters of the path, the query and the body. A wrong field is refused
    /// with the family's 400, which names it. Other fields are not checked.
    #[serde(default)]
    #[schemars(extend("x-keys" = "field-path"))]
    pub fields: BTreeMap<String, FieldFile>,
    /// Objects of the state that must exist; if one is missing, the request is refused with the family's 404.
    #[serde(default)]
    pub find: Vec<FindFile>,
    /// Values for this request, computed one after the other: `set = { route_id = "{{ id() }}" }`.
    #[schemars(extend("format" = "template-tree"))]
    pub set: Option<Tree>,
    /// Refusals under a condition; the first one that applies is sent.
    #[serde(default)]
    pub refuse: Vec<RefuseFile>,
    /// Requests to the vendor's own endpoints that the simulator handles meanwhile, with all their consequences; if it
    /// refuses one, the request is refused. An endpoint that asks the vendor's endpoint at its own path replaces it.
    #[serde(default)]
    pub ask: Vec<AskFile>,
    /// Changes of the state: either all are made, or none.
    #[serde(default)]
    pub store: Vec<StoreFile>,
    /// The response. Default: success without data.
    pub answer: Option<EndpointAnswerFile>,
    /// Later consequences of the request: callbacks, changes of the state.
    #[serde(default)]
    pub send: Vec<SendFile>,
}

/// The check of one field.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "the check of a field"))]
pub struct FieldFile {
    /// The required type. Texts from the path, or from the query of a GET or DELETE, are converted to numbers and truth
    /// values.
    #[serde(rename = "type")]
    pub kind: Option<FieldKind>,
    /// Whether it is required. Default: false.
    #[serde(default)]
    pub required: bool,
    /// Its value if it is missing.
    pub default: Option<Value>,
    /// The minimum: of a number its value, of a text its length, of a list the number of items.
    pub min: Option<f64>,
    /// The maximum: of a number its value, of a text its length, of a list the number of items.
    pub max: Option<f64>,
    /// The allowed values.
    #[schemars(length(min = 1))]
    pub values: Option<Vec<Value>>,
    /// The regular expression that the text must match somewhere; for the whole text write `^...$`.
    #[schemars(extend("format" = "regex"))]
    pub matches: Option<String>,
}

/// What a field must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FieldKind {
    /// A text.
    String,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A list.
    List,
    /// A table.
    Table,
}

/// An object of the state that must exist.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a `find`"))]
pub struct FindFile {
    /// The collection.
    #[schemars(extend("format" = "collection"))]
    pub collection: String,
    /// The key of the object: `"{{ request.id }}"`.
    #[schemars(extend("format" = "template"))]
    pub key: String,
    /// The name of the object in templates.
    #[serde(rename = "as")]
    #[schemars(extend("format" = "value-name"))]
    pub name: Option<String>,
    /// The code of the refusal if it is missing. Default: 404.
    pub code: Option<i64>,
    /// The message of the refusal if it is missing.
    #[schemars(extend("format" = "template"))]
    pub message: Option<String>,
}

/// A refusal under a condition.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a refusal"))]
pub struct RefuseFile {
    /// The request is refused if this is true: `"{{ state.routes | length >= 10 }}"`.
    #[schemars(extend("format" = "template"))]
    pub when: String,
    /// The code of the family's envelope; if it is an HTTP status, it is also the status of the response. Default: 400.
    pub code: Option<i64>,
    /// The message.
    #[schemars(extend("format" = "template"))]
    pub message: String,
}

/// A request to an endpoint of the vendor that the simulator handles.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "an `ask`"))]
pub struct AskFile {
    /// The endpoint, an id of `airudder-mock catalog` such as `plan.create`.
    #[schemars(extend("format" = "call-id"))]
    pub call: String,
    /// Its fields: `{ PlanName = "{{ request.title }}" }`. Default: those of the request.
    #[schemars(extend("format" = "template-tree"))]
    pub fields: Option<Tree>,
    /// The name of the response's data in templates.
    #[serde(rename = "as")]
    #[schemars(extend("format" = "value-name"))]
    pub name: Option<String>,
}

/// A change of the state, which consists of named collections of objects in the order of their creation.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a `store`"))]
pub struct StoreFile {
    /// The collection. It need not be declared.
    #[schemars(extend("format" = "collection"))]
    pub collection: String,
    /// The key of the object: `"{{ route_id }}"`.
    #[schemars(extend("format" = "template"))]
    pub key: String,
    /// The object, or, with `mode = "update"`, the fields of it that change.
    #[schemars(extend("format" = "template-tree"))]
    pub value: Option<Tree>,
    /// The operation. Default: `put`.
    #[serde(default)]
    pub mode: StoreMode,
    /// The name of the object in later templates.
    #[serde(rename = "as")]
    #[schemars(extend("format" = "value-name"))]
    pub name: Option<String>,
}

/// An operation on an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StoreMode {
    /// Creates or replaces the object.
    #[default]
    Put,
    /// Creates the object; 409 if the key exists.
    Create,
    /// Changes the fields of `value` and keeps the others; 404 if the object does not exist.
    Update,
    /// Removes the object; 404 if it does not exist.
    Remove,
}

/// The response of an endpoint: either `data`, which goes into the envelope of the family, or the whole `body`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "an answer"))]
pub struct EndpointAnswerFile {
    /// The data: a table, a list, or a text that is one `{{ expression }}`.
    #[schemars(extend("format" = "template-tree"))]
    pub data: Option<Value>,
    /// The whole body, without an envelope.
    #[schemars(extend("format" = "template-tree"))]
    pub body: Option<Value>,
    /// With `body`: the HTTP status. Default: 200.
    #[schemars(range(min = 200, max = 599))]
    pub status: Option<u16>,
    /// With `body`: additional headers.
    #[serde(default)]
    #[schemars(extend("format" = "template-tree", "x-keys" = "header"))]
    pub headers: BTreeMap<String, String>,
}

/// A later consequence of a request: a callback, a change of the state, or both.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a `send`"))]
pub struct SendFile {
    /// The callback, any of the catalog. Without it, only the state changes.
    #[schemars(extend("format" = "callback-id"))]
    pub event: Option<String>,
    /// Delay after the request: `2s`, or a random duration from a range, `1s..3s`. Default: none.
    pub after: Option<DurationRange>,
    /// It happens only if this is true at that moment.
    #[schemars(extend("format" = "template"))]
    pub when: Option<String>,
    /// Changes of the state at that moment, before the body is filled in.
    #[serde(default)]
    pub store: Vec<StoreFile>,
    /// Fields that differ from the callback's usual body.
    #[schemars(extend("format" = "template-tree"))]
    pub body: Option<Tree>,
    /// Sends it to another URL, for example one that the request names: `"{{ request.callback_url | default('') }}"`.
    /// Empty: the usual callback URL.
    #[schemars(extend("format" = "url-template"))]
    pub target: Option<String>,
}

/// All declarations of the user in a settings file.
#[derive(Clone, Debug, Default)]
pub(crate) struct UserEndpointsFile<'a> {
    pub(crate) endpoints: &'a [Spanned<EndpointFile>],
    pub(crate) callbacks: &'a [Spanned<CallbackFile>],
    pub(crate) state: Option<&'a BTreeMap<String, Tree>>,
}
