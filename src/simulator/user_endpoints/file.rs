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
    /// What it is called in the catalog, for example `flex.route_finished`.
    #[schemars(extend("format" = "new-id"))]
    pub id: String,
    /// The event's name on the wire: the field `event` of the body, put first if the body has none.
    pub event: Option<String>,
    /// Whether it carries the signature. Default: true.
    pub signed: Option<bool>,
    /// Its HTTP method. Default: POST.
    #[schemars(extend("format" = "method"))]
    pub method: Option<String>,
    /// Further headers, or others in place of the usual ones. An empty text removes a header.
    #[serde(default)]
    #[schemars(extend("x-keys" = "header"))]
    pub headers: BTreeMap<String, String>,
    /// The usual body, a table of templates. They read `request` (the fields of the call that caused it; none in
    /// `emit` and stories) and `state`: `{ route_id = "{{ request.route_id | default(id()) }}" }`.
    #[schemars(extend("format" = "template-tree"))]
    pub body: Option<Tree>,
    /// The family it is listed with; it decides how receivers report success and failure. Default: cloud.
    pub family: Option<Family>,
    /// One line of help.
    pub help: Option<String>,
    /// The group of the catalog it is listed under. Default: `Custom`.
    pub group: Option<String>,
    /// Where its name and fields come from. Default: `documented`, since you hold the vendor's document.
    #[serde(alias = "mark")]
    #[schemars(extend("x-old-name" = "mark"))]
    pub provenance: Option<Provenance>,
}

/// An endpoint of your own: a call that the mock serves as written here.
///
/// What happens at a call, in this order: `fields` are checked, `find` looks objects up, `set` works values out,
/// `refuse` may refuse, `ask` asks the simulated vendor, `store` changes the state, `answer` is filled in, `send` is
/// planned.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "an endpoint"))]
pub struct EndpointFile {
    /// What it is called in the catalog, for example `flex.route_create`.
    #[schemars(extend("format" = "new-id"))]
    pub id: String,
    /// Its HTTP method. Default: POST.
    #[schemars(extend("format" = "method"))]
    pub method: Option<String>,
    /// Its path, beginning with `/`; parameters stand in braces: `/service/cloud/flex/route/{name}`.
    #[schemars(extend("format" = "path"))]
    pub path: String,
    /// Whose proof of the caller (a token for cloud, workflow and sms, none for the others) and whose envelope it has.
    /// Default: cloud.
    pub family: Option<Family>,
    /// Whether it is served without any proof of the caller. Default: false.
    #[serde(default)]
    pub open: bool,
    /// One line of help.
    pub help: Option<String>,
    /// The group of the catalog it is listed under. Default: `Custom`.
    pub group: Option<String>,
    /// Where its path and fields come from. Default: `documented`, since you hold the vendor's document.
    #[serde(alias = "mark")]
    #[schemars(extend("x-old-name" = "mark"))]
    pub provenance: Option<Provenance>,
    /// Checks of fields of the call, by name: parameters of the path, of the query and of the body. A wrong one is
    /// answered with the family's 400 that names the field. Other fields may come as they like.
    #[serde(default)]
    #[schemars(extend("x-keys" = "field-path"))]
    pub fields: BTreeMap<String, FieldFile>,
    /// Objects of the state that must be there; one that is missing is answered with the family's 404.
    #[serde(default)]
    pub find: Vec<FindFile>,
    /// Values for this call, worked out one after the other: `set = { route_id = "{{ id() }}" }`.
    #[schemars(extend("format" = "template-tree"))]
    pub set: Option<Tree>,
    /// Refusals under a condition; the first that applies is answered.
    #[serde(default)]
    pub refuse: Vec<RefuseFile>,
    /// Calls of the vendor's that the simulator takes on the way, with everything that follows from them; what it
    /// refuses is refused. An endpoint that asks the call that is served at its own place takes that place.
    #[serde(default)]
    pub ask: Vec<AskFile>,
    /// Changes of the state, all of them or none.
    #[serde(default)]
    pub store: Vec<StoreFile>,
    /// The answer. Default: a success without data.
    pub answer: Option<EndpointAnswerFile>,
    /// What happens later because of the call: callbacks, changes of the state.
    #[serde(default)]
    pub send: Vec<SendFile>,
}

/// The check of one field.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "the check of a field"))]
pub struct FieldFile {
    /// What it must be. Texts of the path, or of the query of a GET or DELETE, become numbers and truth values by it.
    #[serde(rename = "type")]
    pub kind: Option<FieldKind>,
    /// Whether it must be there. Default: false.
    #[serde(default)]
    pub required: bool,
    /// Its value if it is not there.
    pub default: Option<Value>,
    /// The least: the number itself, the characters of a text, the items of a list.
    pub min: Option<f64>,
    /// The most: the number itself, the characters of a text, the items of a list.
    pub max: Option<f64>,
    /// The values it may have.
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

/// An object of the state that must be there.
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
    /// The name under which templates see the object.
    #[serde(rename = "as")]
    #[schemars(extend("format" = "value-name"))]
    pub name: Option<String>,
    /// The code answered if it is missing. Default: 404.
    pub code: Option<i64>,
    /// The message answered if it is missing.
    #[schemars(extend("format" = "template"))]
    pub message: Option<String>,
}

/// A refusal under a condition.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a refusal"))]
pub struct RefuseFile {
    /// The call is refused if this is true: `"{{ state.routes | length >= 10 }}"`.
    #[schemars(extend("format" = "template"))]
    pub when: String,
    /// The code of the family's envelope; one that is an HTTP status is the status too. Default: 400.
    pub code: Option<i64>,
    /// The message.
    #[schemars(extend("format" = "template"))]
    pub message: String,
}

/// A call of the vendor's that the simulator takes.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "an `ask`"))]
pub struct AskFile {
    /// The call, an id of `airudder-mock catalog` such as `plan.create`.
    #[schemars(extend("format" = "call-id"))]
    pub call: String,
    /// Its fields: `{ PlanName = "{{ request.title }}" }`. Default: those of the request.
    #[schemars(extend("format" = "template-tree"))]
    pub fields: Option<Tree>,
    /// The name under which templates see the data of the response.
    #[serde(rename = "as")]
    #[schemars(extend("format" = "value-name"))]
    pub name: Option<String>,
}

/// A change of the state: named collections of objects, in the order in which they came.
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
    /// What is done. Default: `put`.
    #[serde(default)]
    pub mode: StoreMode,
    /// The name under which templates that come after see the object.
    #[serde(rename = "as")]
    #[schemars(extend("format" = "value-name"))]
    pub name: Option<String>,
}

/// What is done to an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StoreMode {
    /// It is there afterwards, whether it was before or not.
    #[default]
    Put,
    /// It comes to be; 409 if there is one of this key.
    Create,
    /// The fields of `value` change, the others stay; 404 if there is none.
    Update,
    /// It is no longer there; 404 if there is none.
    Remove,
}

/// The answer of an endpoint: either `data`, which goes into the envelope of the family, or the whole `body`.
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
    /// With `body`: further headers.
    #[serde(default)]
    #[schemars(extend("format" = "template-tree", "x-keys" = "header"))]
    pub headers: BTreeMap<String, String>,
}

/// What happens later because of a call: a callback, a change of the state, or both.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a `send`"))]
pub struct SendFile {
    /// The callback, any of the catalog. Without it, only the state changes.
    #[schemars(extend("format" = "callback-id"))]
    pub event: Option<String>,
    /// How long after the call: `2s`, or a random length out of a range, `1s..3s`. Default: at once.
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
    /// Sends it to another URL, for example one the call names: `"{{ request.callback_url | default('') }}"`. Empty:
    /// where all callbacks go.
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
