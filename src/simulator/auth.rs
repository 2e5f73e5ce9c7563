//! Tokens of the cloud API (documented: api-44712004).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::endpoint::{Endpoint, bad_request, endpoints};
use super::{Refusal, Request, Simulator, TokenKind};

/// The endpoints of this family.
pub(super) const ENDPOINTS: &[Endpoint] = endpoints! {
    refuse: bad_request,
    "auth.token" => token,
};

/// `POST /service/cloud/auth` (documented).
#[derive(Debug, Deserialize, JsonSchema)]
struct TokenRequest {
    /// The key of the account.
    #[serde(rename = "APPKey")]
    app_key: String,
    /// The secret of the account.
    #[serde(rename = "APPSecret")]
    app_secret: String,
}

/// The data of the response (documented).
#[derive(Debug, Serialize, JsonSchema)]
struct Token {
    /// Opaque, 52 to 64 characters of the base64 alphabet. It lives for 24 hours (documented; its form is that of an example).
    token: String,
}

/// Exchanges credentials for a token.
fn token(simulator: &mut Simulator, asked: TokenRequest, request: &Request<'_>) -> Result<Token, Refusal> {
    let token =
        simulator.context.access.token(TokenKind::Cloud, &asked.app_key, &asked.app_secret, request.now)?;
    Ok(Token { token })
}
