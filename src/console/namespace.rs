//! A namespace as it is shown to clients.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A namespace, with all that a client needs.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Namespace {
    /// Its name, also for the header `X-Mock-Namespace`.
    pub name: String,
    /// The base URL for clients; its own control surface is under `_mock/` there.
    pub base_url: String,
    /// Names its account in the request that fetches a token.
    pub app_key: String,
    /// The secret beside it.
    pub app_secret: String,
    /// Names the key that signs its chatbot requests: `X-AIRudder-Sign-Key`.
    pub sign_key: String,
    /// The secret that signs its chatbot requests and its callbacks.
    pub secret: String,
    /// Where its callbacks go.
    pub callback_url: Option<String>,
    /// The seed it was made with, if one was given.
    pub seed: Option<u64>,
}
