//! A route as written in the settings file. Doc comments here become the descriptions in the JSON Schema, which editors show.

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use crate::contract::Family;
use crate::delivery::DeliveryFile;

/// Where some of the callbacks go, and how they are signed and delivered, in place of `callback_url`, `secret` and
/// `[delivery]`. A route applies to the callbacks that match each of `event` or `family`, `account`, `workflow` and
/// `node` that it has.
///
/// If several routes match, each of `url`, `secret` and `delivery` is taken from the most specific one that has it: one
/// with an `account` before one without; then `node`, `workflow`, the id of an event, a group of events (of two groups
/// the longer), `family`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-noun" = "a route"))]
pub struct RouteFile {
    /// The callback, such as `"call.completed"`, or a group of them: `"workflow.*"`.
    #[schemars(extend("format" = "callback-pattern"))]
    pub event: Option<String>,
    /// In place of `event`: all callbacks of a family.
    pub family: Option<Family>,
    /// Callbacks of this account, by its `name`. The name of an account without one is its number: `"2"`.
    #[schemars(length(min = 1))]
    pub account: Option<String>,
    /// Callbacks of instances of this workflow template, by its `id`.
    #[schemars(range(min = 1, max = 1_000_000_000))]
    pub workflow: Option<i64>,
    /// With `workflow`: callbacks of this node, by its `id`.
    #[schemars(length(min = 1))]
    pub node: Option<String>,
    /// Where they go. `{event}` in it becomes the id of the callback.
    #[schemars(with = "Option<String>", extend("format" = "callback-url"))]
    pub url: Option<Spanned<String>>,
    /// The secret of those that are signed.
    #[schemars(length(min = 1))]
    pub secret: Option<String>,
    /// How they are delivered: the keys of `[delivery]`, in place of those of the settings.
    pub delivery: Option<DeliveryFile>,
}
