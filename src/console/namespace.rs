//! A namespace as it is shown to clients.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A namespace, with everything that a client needs.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Namespace {
    /// Its name, also for the header `X-Mock-Namespace`.
    pub name: String,
    /// The base URL for clients; its own control surface is under `_mock/` there.
    pub base_url: String,
    /// Identifies its account in the request for a token.
    pub app_key: String,
    /// The secret of its account.
    pub app_secret: String,
    /// Names the key that signs its chatbot requests: `X-AIRudder-Sign-Key`.
    pub sign_key: String,
    /// The secret that signs its chatbot requests and its callbacks.
    pub secret: String,
    /// Where its callbacks go.
    pub callback_url: Option<String>,
    /// The seed it was created with, if one was given.
    pub seed: Option<u64>,
}
