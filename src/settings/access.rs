//! How clients are authenticated and refused, according to the settings.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::contract::envelope::ErrorStatus;

/// Whether requests need a token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TokenRule {
    /// As with the vendor: a request without a valid token is answered with 401.
    #[default]
    Require,
    /// No check: every request belongs to the first account.
    Off,
}

/// Whether chatbot requests need a valid signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SignatureRule {
    /// A request without a valid signature is answered with 401.
    Require,
    /// Such a request is served, and the mistake is noted once per cause, since the scheme is only assumed.
    #[default]
    Warn,
    /// The signature is not checked; the key still identifies the account.
    Off,
}

/// How requests are checked and refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AccessRules {
    /// Whether requests need a token, as with the vendor. Default: `require`. With `off` every request belongs to the
    /// first account.
    pub token: TokenRule,
    /// Whether `Authorization: Bearer TOKEN` is accepted as well as `Authorization: Token TOKEN`. Default: true.
    pub bearer: bool,
    /// Whether chatbot requests need a valid signature: `require` answers 401 without one, `warn` (the default, since
    /// the scheme is assumed) serves the request and notes the mistake once per cause, `off` does not check.
    pub chatbot_signature: SignatureRule,
    /// The HTTP status of a response whose envelope holds an error: its code (`mirror`, the default), or always 200
    /// (`always-200`; 401 stays 401).
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
