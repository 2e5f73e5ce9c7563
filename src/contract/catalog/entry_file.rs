//! A correction to an entry of the catalog, as written in the settings file. Doc comments here become the descriptions
//! in the JSON Schema, which editors show.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::Provenance;

/// A correction to one entry of the catalog, for users who have the vendor's own document.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EntryFile {
    /// Of an endpoint: its path, beginning with `/`.
    #[schemars(extend("format" = "path"))]
    pub path: Option<String>,
    /// Its HTTP method. Default for callbacks: POST.
    #[schemars(extend("format" = "method"))]
    pub method: Option<String>,
    /// Of a callback: the event's name on the wire.
    pub event: Option<String>,
    /// Of a callback: whether it carries the signature.
    pub signed: Option<bool>,
    /// Of a callback: additional headers, or replacements of the usual ones. An empty text removes a header.
    #[serde(default)]
    #[schemars(extend("x-keys" = "header"))]
    pub headers: BTreeMap<String, String>,
    /// Of an endpoint: other names of fields of the request, by the names that `airudder-mock catalog ID` lists: `{ result
    /// = "outcome", "user.id" = "uid" }`.
    #[serde(default)]
    pub request: BTreeMap<String, String>,
    /// Of an endpoint: other names of fields of the response's data. If callbacks and other responses have the same field
    /// and it is assumed, it changes there too.
    #[serde(default)]
    pub response: BTreeMap<String, String>,
    /// Of a callback: other names of fields of the body. If other callbacks and responses have the same field and it is
    /// assumed, it changes there too.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// Other words in fields, by field and word: `{ result = { accepted = "yes", refused = 0 } }`. They change wherever the
    /// field names change.
    #[serde(default)]
    pub words: BTreeMap<String, BTreeMap<String, Value>>,
    /// The whole body of a callback, or of the response to a successful request, as a template. `body` holds the usual
    /// body: `{"id": "{{ body.user.id }}"}`; of an endpoint, `request` holds the fields of the request.
    #[schemars(extend("format" = "template"))]
    pub body: Option<String>,
    /// Where the correction comes from, shown in the catalog in place of `assumed`. Default: `documented`. If set here, it
    /// applies to the fields as well: nothing in the entry is assumed any longer.
    #[serde(alias = "mark")]
    #[schemars(extend("x-old-name" = "mark"))]
    pub provenance: Option<Provenance>,
}
