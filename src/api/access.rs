//! Authentication and encryption, per account.

use bytes::Bytes;
use jiff::Timestamp;
use jiff::tz::Offset;
use percent_encoding::percent_decode_str;

use crate::contract::Family;
use crate::contract::aes::{self, Cipher};
use crate::contract::fields::shown;
use crate::net::{HttpRequest, HttpResponse};
use crate::settings::{AccessRules, TokenRule};
use crate::simulator::{Access, AccountKey, Encryption, Refusal, Simulator, TokenKind};

/// The account that makes a request, and how the response is written.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) account: AccountKey,
    /// Whether the request had to be authenticated; otherwise it counts as the first account's.
    pub(super) is_proven: bool,
    pub(super) zone: Offset,
    /// Encrypts the response.
    pub(super) cipher: Option<Cipher>,
}

/// How a request is authenticated, and whether it may be encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Proof {
    /// The kind of token, if one is needed. Other requests are authenticated differently: number detection and both requests
    /// for a token by their body, the chatbot by a signature. Some of the user's own endpoints need nothing.
    token: Option<TokenKind>,
    /// Documented for `/service/cloud/*`. The documentation also says that such requests carry a token; that the one which asks
    /// for it may be encrypted, too, is assumed.
    may_be_encrypted: bool,
}

impl Proof {
    /// Returns what a request needs. `is_open` says that the user's settings require nothing.
    pub(super) fn of(id: &str, family: Family, is_open: bool) -> Self {
        let kind = match family {
            Family::Cloud | Family::Workflow | Family::Sms => Some(TokenKind::Cloud),
            Family::Dialer => Some(TokenKind::Dialer),
            Family::Chatbot | Family::Detection => None,
        };
        let token = kind.filter(|_| !is_open && !matches!(id, "auth.token" | "dialer.auth"));
        let may_be_encrypted =
            id == "auth.token" || (token == Some(TokenKind::Cloud) && family != Family::Sms);
        Self { token, may_be_encrypted }
    }

    /// Returns the kind of token that is needed.
    pub(super) fn token(self) -> Option<TokenKind> {
        self.token
    }
}

/// Authenticates a request. `signed` is the account named by the key of a signature.
pub(super) fn client(
    simulator: &Simulator,
    rules: &AccessRules,
    proof: Proof,
    signed: Option<AccountKey>,
    request: &HttpRequest,
    now: Timestamp,
) -> Result<Client, Refusal> {
    let access = simulator.access();
    let Proof { token, may_be_encrypted } = proof;
    let header = request.header("authorization");
    let account = match token {
        // The signature was checked before.
        _ if signed.is_some() => signed.unwrap_or_default(),
        Some(kind) if rules.token == TokenRule::Require => access.check(kind, header, rules.bearer, now)?,
        // A token that is sent although it is not needed identifies the account.
        Some(kind) => access.check(kind, header, rules.bearer, now).unwrap_or_default(),
        None if may_be_encrypted && is_encrypted(request)? => sender(access, request),
        None => AccountKey::default(),
    };
    let own = access.account(account);
    let is_encrypted = is_encrypted(request)?;
    let cipher = match (is_encrypted && may_be_encrypted, own.encryption, &own.cipher) {
        (false, Encryption::Require, _) if may_be_encrypted && token.is_some() => {
            return Err(Refusal::new(
                400,
                format!(
                    "requests of the account `{}` must be encrypted: send `Is-Encrypted: 1` and `Signed`",
                    own.name
                ),
            ));
        }
        (false, _, _) if is_encrypted => {
            return Err(Refusal::new(
                400,
                "requests to this endpoint are never encrypted (assumed): send them without `Is-Encrypted`",
            ));
        }
        (false, _, _) => None,
        (true, Encryption::Off, _) => {
            let message =
                format!("the settings say that requests of the account `{}` are not encrypted", own.name);
            return Err(Refusal::new(400, message));
        }
        (true, _, None) => {
            let message =
                format!("the account `{}` has no key: set `encryption_key` in its settings", own.name);
            return Err(Refusal::new(400, message));
        }
        (true, _, Some(cipher)) => Some(cipher.clone()),
    };
    Ok(Client { account, is_proven: token.is_some() || signed.is_some(), zone: own.zone, cipher })
}

/// Returns the account whose key opens an encrypted request without a token: the account's name is in the encrypted part. If
/// none does, the first one with a key, whose key then counts as the wrong one.
fn sender(access: &Access, request: &HttpRequest) -> AccountKey {
    let has = |is: &dyn Fn(&Cipher) -> bool| {
        access.iter().position(|own| own.encryption != Encryption::Off && own.cipher.as_ref().is_some_and(is))
    };
    let opens = has(&|cipher| decrypted(request, cipher).is_ok());
    opens.or_else(|| has(&|_| true)).map(AccountKey::at).unwrap_or_default()
}

/// Adds to a refusal that the request was read as plain text although it has a digest.
pub(super) fn with_hint(refusal: Refusal, request: &HttpRequest) -> Refusal {
    let has = |name| request.header(name).is_some_and(|value| !value.trim().is_empty());
    if refusal.code != 400 || !has("signed") || has("is-encrypted") {
        return refusal;
    }
    let message = format!(
        "{}; the header Signed came without `Is-Encrypted: 1`, so the request was read as plain text",
        refusal.message
    );
    Refusal { message, ..refusal }
}

/// Whether a request declares that it is encrypted.
fn is_encrypted(request: &HttpRequest) -> Result<bool, Refusal> {
    match request.header("is-encrypted").unwrap_or_default().trim() {
        "1" => Ok(true),
        // Only the value 1 is known; that 0 is its opposite is assumed.
        "" | "0" => Ok(false),
        other => {
            let other = shown(&other.into());
            Err(Refusal::new(
                400,
                format!("the header Is-Encrypted is {other}, expected 1, or 0 for plain text"),
            ))
        }
    }
}

/// Decrypts the query of a GET or the body of any other request, and checks the digest sent with it (documented; the treatment
/// of wrong ones is assumed).
pub(super) fn decrypted(request: &HttpRequest, cipher: &Cipher) -> Result<HttpRequest, Refusal> {
    let wrong = |message: String| Refusal::new(400, message);
    let is_query = matches!(&*request.method, "GET" | "HEAD");
    let text = if is_query {
        request.query.clone().unwrap_or_default()
    } else {
        String::from_utf8(request.body.to_vec())
            .map_err(|_| wrong("the encrypted body is not standard base64".to_owned()))?
    };
    // The text in the query is raw or percent-encoded; base64 has no `%`.
    let text = if is_query && text.contains('%') {
        percent_decode_str(&text).decode_utf8_lossy().into_owned()
    } else {
        text
    };
    let signed = request.header("signed").map(str::trim).filter(|digest| !digest.is_empty());
    // A request for a complete list needs no parameters, so that there is nothing to encrypt.
    if is_query && text.is_empty() && signed.is_none_or(|digest| digest == aes::digest(b"")) {
        return Ok(request.clone());
    }
    let signed = signed.ok_or_else(|| {
        wrong("the header Signed is missing: lower-case hex SHA-256 of the text before encryption".to_owned())
    })?;
    let plain = cipher.decrypt(&text).map_err(|error| wrong(error.to_string()))?;
    if let Some(cause) = aes::mismatch(&plain, &text, signed) {
        return Err(wrong(format!("the header Signed does not match the decrypted text: {cause}")));
    }
    let mut request = request.clone();
    if is_query {
        request.query = Some(String::from_utf8_lossy(&plain).into_owned());
    } else {
        request.body = Bytes::from(plain);
    }
    Ok(request)
}

/// Encrypts a response in the same way as requests (documented).
pub(super) fn encrypted(mut answer: HttpResponse, cipher: &Cipher) -> HttpResponse {
    answer.headers.push(("Is-Encrypted".into(), "1".into()));
    answer.headers.push(("Signed".into(), aes::digest(&answer.body).into()));
    answer.body = Bytes::from(cipher.encrypt(&answer.body));
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;
    use crate::simulator::{Account, Behaviour};

    /// Documented for `/service/cloud/*` only: an account that requires encryption can still send text messages.
    #[test]
    fn an_account_insists_on_encryption_where_there_is_one() {
        let account = Account {
            cipher: Cipher::new("airudderredduria").ok(),
            encryption: Encryption::Require,
            ..Account::default()
        };
        let simulator =
            Simulator::new(Seed(1), Behaviour { accounts: vec![account], ..Behaviour::default() });
        let rules = AccessRules { token: TokenRule::Off, ..AccessRules::default() };
        let ask = |id, family, headers: Vec<(&str, &str)>| {
            let headers = headers.into_iter().collect();
            let request = HttpRequest { headers, ..HttpRequest::default() };
            let client = client(
                &simulator,
                &rules,
                Proof::of(id, family, false),
                None,
                &request,
                Timestamp::UNIX_EPOCH,
            );
            client.map(|client| client.cipher.is_some()).map_err(|refusal| refusal.message)
        };
        let encrypted = || vec![("is-encrypted", "1")];
        for (id, family) in [
            ("task.detail", Family::Cloud),
            ("workflow.stop", Family::Workflow),
            ("auth.token", Family::Cloud),
            ("sms.send", Family::Sms),
            ("detection.check", Family::Detection),
        ] {
            let insists = matches!(id, "task.detail" | "workflow.stop");
            assert_eq!(ask(id, family, Vec::new()).is_err(), insists, "{id}");
            let takes = insists || id == "auth.token";
            assert_eq!(ask(id, family, encrypted()).is_ok_and(|encrypts| encrypts), takes, "{id}");
        }
        assert_eq!(ask("sms.send", Family::Sms, vec![("is-encrypted", "0")]), Ok(false));
        for value in ["2", "true", "1, 1"] {
            let refused = ask("task.detail", Family::Cloud, vec![("is-encrypted", value)]).unwrap_err();
            assert!(refused.starts_with(&format!("the header Is-Encrypted is `{value}`")), "{refused}");
        }
    }

    /// The name of the account is in the encrypted part, so that only the digest tells whose key it is.
    #[test]
    fn an_encrypted_request_for_a_token_is_opened_by_the_key_that_fits() {
        let account = |name: &str, key: &str| Account {
            name: name.to_owned(),
            cipher: Cipher::new(key).ok(),
            ..Account::default()
        };
        let accounts =
            vec![Account::default(), account("one", "airudderredduria"), account("two", "another key of 2")];
        let simulator = Simulator::new(Seed(1), Behaviour { accounts, ..Behaviour::default() });
        let ask = |key: &str| {
            let plain = b"APPKey=k&APPSecret=s";
            let digest = aes::digest(plain);
            let request = HttpRequest {
                method: "POST".into(),
                headers: [("is-encrypted", "1"), ("signed", digest.as_str())].into_iter().collect(),
                body: Cipher::new(key).unwrap().encrypt(plain).into(),
                ..HttpRequest::default()
            };
            let proof = Proof::of("auth.token", Family::Cloud, false);
            let rules = AccessRules::default();
            let client = client(&simulator, &rules, proof, None, &request, Timestamp::UNIX_EPOCH).unwrap();
            let opened = decrypted(&request, client.cipher.as_ref().unwrap());
            (client.account.index(), opened.map(|request| request.body).map_err(|refusal| refusal.message))
        };
        let plain = Bytes::from_static(b"APPKey=k&APPSecret=s");
        assert_eq!(ask("another key of 2"), (2, Ok(plain.clone())));
        assert_eq!(ask("airudderredduria"), (1, Ok(plain)));
        let (account, refused) = ask("a key of nobody.");
        assert!(
            account == 1 && refused.unwrap_err().ends_with("encrypted with another key, or not in ECB mode")
        );
    }

    #[test]
    fn a_digest_alone_is_told_that_the_request_counts_as_plain() {
        let hint = |code, headers: &[(&str, &str)]| {
            let request =
                HttpRequest { headers: headers.iter().copied().collect(), ..HttpRequest::default() };
            with_hint(Refusal::new(code, "TaskID is missing"), &request).message
        };
        let told = hint(400, &[("signed", "00")]);
        assert!(
            told.starts_with("TaskID is missing; the header Signed came without `Is-Encrypted: 1`"),
            "{told}"
        );
        for (code, headers) in [
            (400, &[][..]),
            (400, &[("signed", "")]),
            (400, &[("signed", "00"), ("is-encrypted", "0")]),
            (404, &[("signed", "00")]),
        ] {
            assert_eq!(hint(code, headers), "TaskID is missing");
        }
    }
}
