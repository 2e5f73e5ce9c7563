//! How clients are authenticated and refused, according to the settings.

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
    /// Nobody looks at it; the key still says whose call it is.
    Off,
}

/// How requests are checked and refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AccessRules {
    /// Whether requests need a token, as with the vendor. Default: `require`. With `off` every request is the first
    /// account's.
    pub token: TokenRule,
    /// Whether `Authorization: Bearer TOKEN` counts as well as `Authorization: Token TOKEN`. Default: true.
    pub bearer: bool,
    /// Whether chatbot calls need a right signature: `require` answers 401 without one, `warn` (the default, since the
    /// scheme is assumed) notes once per cause what is wrong and serves, `off` does not look.
    pub chatbot_signature: SignatureRule,
    /// Which HTTP status a response has whose envelope holds an error: its code (`mirror`, the default), or always
    /// 200 (`always-200`; 401 stays 401).
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
