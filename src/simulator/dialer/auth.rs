//! The dialer's own tokens.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::simulator::access::{Denied, TokenKind};
use crate::simulator::{Refusal, Request, Simulator};

/// `POST /service/callcenter/call/predict/auth` (client).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct TokenRequest {
    /// The key of the account.
    #[serde(rename = "APPKey")]
    app_key: String,
    /// The secret of the account.
    #[serde(rename = "APPSecret")]
    app_secret: String,
}

/// The body of the response (client).
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Token {
    /// Opaque; of this family only. It lives for 24 hours (client; the life is assumed).
    token: String,
}

/// Exchanges the credentials of an account for a token of this family.
pub(super) fn token(
    simulator: &mut Simulator,
    credentials: TokenRequest,
    request: &Request<'_>,
) -> Result<Token, Refusal> {
    let TokenRequest { app_key, app_secret } = credentials;
    let token = simulator.context.access.token(TokenKind::Dialer, &app_key, &app_secret, request.now);
    token.map(|token| Token { token }).map_err(|denied| {
        let code = if denied == Denied::AppKey { 10301 } else { 10302 };
        Refusal::new(code, denied.to_string())
    })
}
