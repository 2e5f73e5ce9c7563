//! The proof of who calls, and the encryption of what is said: per account.

use bytes::Bytes;
use jiff::Timestamp;
use jiff::tz::Offset;
use percent_encoding::percent_decode_str;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::contract::Family;
use crate::contract::aes::{self, Cipher};
use crate::contract::envelope::ErrorStatus;
use crate::http::{HttpAnswer, HttpCall};
use crate::simulator::{AccountKey, Denied, Encryption, Simulator};

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

/// Who calls, and how the answer is to be written.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) account: AccountKey,
    pub(super) zone: Offset,
    /// Encrypts the answer.
    pub(super) cipher: Option<Cipher>,
}

/// Why a call is not taken: a code of the family, and a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: i64,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        Self::new(401, denied.to_string())
    }
}

/// Whether a call proves its caller by the token of the calling API. The others prove it by themselves: number
/// detection and both calls that fetch a token in the body, the chatbot by a signature.
pub(super) fn needs_token(id: &str, family: Family) -> bool {
    match family {
        Family::Cloud | Family::Workflow | Family::Sms => id != "auth.token",
        Family::Chatbot | Family::Dialer | Family::Detection => false,
    }
}

/// Finds out who calls. `signed` is the account that the key of a signature names.
pub(super) fn caller(
    simulator: &Simulator,
    rules: &AccessRules,
    needs_token: bool,
    signed: Option<AccountKey>,
    call: &HttpCall,
    now: Timestamp,
) -> Result<Caller, Refusal> {
    let access = simulator.access();
    let account = if let Some(account) = signed {
        account
    } else if needs_token && rules.token == TokenRule::Require {
        access.check(call.header("authorization"), rules.bearer, now)?
    } else {
        // A token that is sent all the same says whose call it is.
        let header = call.header("authorization").filter(|_| needs_token);
        access.check(header, rules.bearer, now).unwrap_or_default()
    };
    let own = access.account(account);
    let is_encrypted = call.header("is-encrypted").is_some_and(|value| value.trim() == "1");
    let cipher = match (is_encrypted && needs_token, own.encryption, &own.cipher) {
        (false, Encryption::Require, _) if needs_token => {
            return Err(Refusal::new(
                400,
                format!(
                    "calls of the account `{}` must be encrypted: send `Is-Encrypted: 1` and `Signed`",
                    own.name
                ),
            ));
        }
        (false, _, _) if is_encrypted => {
            return Err(Refusal::new(400, "this call is not encrypted: send it without `Is-Encrypted`"));
        }
        (false, _, _) => None,
        (true, Encryption::Off, _) => {
            let message =
                format!("calls of the account `{}` are not encrypted, as the settings say", own.name);
            return Err(Refusal::new(400, message));
        }
        (true, _, None) => {
            let message =
                format!("the account `{}` has no key: set `encryption_key` in its settings", own.name);
            return Err(Refusal::new(400, message));
        }
        (true, _, Some(cipher)) => Some(cipher.clone()),
    };
    Ok(Caller { account, zone: own.zone, cipher })
}

/// Decrypts the query of a GET or the body of any other call, and checks the digest beside it (documented; what
/// becomes of wrong ones is assumed).
pub(super) fn decrypted(call: &HttpCall, cipher: &Cipher) -> Result<HttpCall, Refusal> {
    let wrong = |message: String| Refusal::new(400, message);
    let is_query = matches!(call.method.as_str(), "GET" | "HEAD");
    let text = if is_query {
        call.query.clone().unwrap_or_default()
    } else {
        String::from_utf8(call.body.to_vec())
            .map_err(|_| wrong("the encrypted body is not standard base64".to_owned()))?
    };
    // The text stands in the query raw or percent-encoded; base64 has no `%`.
    let text = if is_query && text.contains('%') {
        percent_decode_str(&text).decode_utf8_lossy().into_owned()
    } else {
        text
    };
    let signed = call.header("signed").map(str::trim).filter(|digest| !digest.is_empty());
    let signed = signed.ok_or_else(|| {
        wrong("the header Signed is missing: lower-case hex SHA-256 of the text before encryption".to_owned())
    })?;
    let plain = cipher.decrypt(&text).map_err(|error| wrong(error.to_string()))?;
    if aes::digest(&plain) != signed {
        return Err(wrong(
            "the header Signed does not fit the decrypted text: the key, the padding or the digest is wrong"
                .to_owned(),
        ));
    }
    let mut call = call.clone();
    if is_query {
        call.query = Some(String::from_utf8_lossy(&plain).into_owned());
    } else {
        call.body = Bytes::from(plain);
    }
    Ok(call)
}

/// Encrypts an answer the way calls are encrypted (documented).
pub(super) fn encrypted(mut answer: HttpAnswer, cipher: &Cipher) -> HttpAnswer {
    answer.headers.push(("Is-Encrypted".to_owned(), "1".to_owned()));
    answer.headers.push(("Signed".to_owned(), aes::digest(&answer.body)));
    answer.body = Bytes::from(cipher.encrypt(&answer.body));
    answer
}
