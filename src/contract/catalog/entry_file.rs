//! A correction to an entry of the catalog, as written in the settings file. Doc comments here become the descriptions
//! in the JSON Schema, which editors show.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Provenance;

/// A correction to one entry of the catalog, for users who hold the vendor's own document.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EntryFile {
    /// Of a call: its path, beginning with `/`.
    #[schemars(extend("format" = "path"))]
    pub path: Option<String>,
    /// Its HTTP method. Default for callbacks: POST.
    #[schemars(extend("format" = "method"))]
    pub method: Option<String>,
    /// Of a callback: the event's name on the wire.
    pub event: Option<String>,
    /// Of a callback: whether it carries the signature.
    pub signed: Option<bool>,
    /// Of a callback: further headers, or others in place of the usual ones. An empty text removes a header.
    #[serde(default)]
    #[schemars(extend("x-keys" = "header"))]
    pub headers: BTreeMap<String, String>,
    /// Of a callback: the whole body as a template. `body` holds the usual body: `{"id": "{{ body.user.id }}"}`.
    #[schemars(extend("format" = "template"))]
    pub body: Option<String>,
    /// Where the correction comes from, shown in the catalog in place of `assumed`. Default: `documented`. Given here, it
    /// counts for the fields as well: nothing of the entry is an assumption any more.
    #[serde(alias = "mark")]
    #[schemars(extend("x-old-name" = "mark"))]
    pub provenance: Option<Provenance>,
}
