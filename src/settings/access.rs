//! How callers are checked and refused, as the settings say.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::contract::envelope::ErrorStatus;

/// Whether calls need a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TokenRule {
    /// As with the vendor: without a valid token a call is answered 401.
    #[default]
    Require,
    /// Nobody is asked; every call is the first account's.
    Off,
}

/// Whether chatbot calls need a right signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SignatureRule {
    /// A call without a right one is answered 401.
    Require,
    /// Such a call is served, and what is wrong is noted once per cause: the scheme is only assumed.
    #[default]
    Warn,
    /// Nobody looks at it; the key still tells whose call it is.
    Off,
}

/// How callers are checked and refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessRules {
    /// Whether calls need a token.
    pub token: TokenRule,
    /// Whether `Authorization: Bearer` counts as well as `Token`: one client is known to send it.
    pub bearer: bool,
    /// Whether chatbot calls need a right signature.
    pub chatbot_signature: SignatureRule,
    /// Which HTTP status an answer has whose envelope tells of an error.
    pub error_status: ErrorStatus,
}

impl Default for AccessRules {
    fn default() -> Self {
        Self {
            token: TokenRule::Require,
            bearer: true,
            chatbot_signature: SignatureRule::default(),
            error_status: ErrorStatus::Mirror,
        }
    }
}
