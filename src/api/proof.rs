//! Authentication of chatbot requests: a header that names a key, and a signature over the body (example; the scheme is
//! assumed).

use std::sync::Arc;

use jiff::Timestamp;

use crate::contract::signature::{Received, Signer};
use crate::net::HttpRequest;
use crate::settings::SignatureRule;
use crate::simulator::AccountKey;

/// The keys of all accounts.
#[derive(Debug)]
pub(super) struct Keys {
    /// One for each account, in order; each has the id of its key.
    signers: Vec<Signer>,
    /// The header that names the key, if the scheme has one.
    header: Option<Arc<str>>,
    /// The same in lower case, as in requests.
    lower: Option<String>,
}

/// The result of checking the signature of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proven {
    /// The account that the key belongs to; the first one if no key is named.
    pub(super) account: AccountKey,
    /// What is wrong with the signature.
    pub(super) cause: Option<String>,
}

impl Keys {
    /// Creates the keys from the signers of the accounts, in the order of the accounts.
    pub(super) fn new(signers: Vec<Signer>) -> Self {
        let header = signers.first().and_then(|signer| signer.scheme().key.as_ref());
        let header = header.map(|key| Arc::clone(&key.name));
        let lower = header.as_ref().map(|header| header.to_ascii_lowercase());
        Self { signers, header, lower }
    }

    /// Finds the account of the key named in a request, and checks the signature with that account's secret.
    pub(super) fn prove(&self, rule: SignatureRule, request: &HttpRequest, now: Timestamp) -> Proven {
        let named = self.lower.as_ref().and_then(|header| request.header(header));
        let has_key = |signer: &Signer, id: &str| {
            signer.scheme().key.as_ref().and_then(|key| key.id.as_deref()) == Some(id)
        };
        let found = named.and_then(|id| self.signers.iter().position(|signer| has_key(signer, id.trim())));
        let account = AccountKey::at(found.unwrap_or_default());
        // How the vendor signs a multipart body is not known, so none counts as wrong.
        if rule == SignatureRule::Off || (rule == SignatureRule::Warn && is_multipart(request)) {
            return Proven { account, cause: None };
        }
        let cause = match (&self.header, named, found) {
            (Some(header), None, _) => {
                Some(format!("the header {header} is missing: it names the key of an account"))
            }
            (Some(header), Some(_), None) => Some(format!("{header} does not name the key of an account")),
            _ => {
                let path = request.path_and_query();
                let received = Received { body: &request.body, path: &path, headers: &request.headers, now };
                let signer = self.signers.get(account.index());
                signer.and_then(|signer| signer.verify_request(&received).err()).map(|wrong| wrong.message)
            }
        };
        Proven { account, cause }
    }
}

fn is_multipart(request: &HttpRequest) -> bool {
    let essence =
        request.header("content-type").and_then(|value| value.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("multipart/form-data")
}

/// Explains what is wrong with the signature of a request.
pub(super) fn explained(cause: &str, rule: SignatureRule) -> String {
    let consequence = match rule {
        SignatureRule::Require => "it is refused ([access] chatbot_signature = \"require\")",
        SignatureRule::Warn | SignatureRule::Off => {
            "it is served nevertheless ([access] chatbot_signature = \"warn\"; how requests are signed \
            is assumed)"
        }
    };
    format!("a chatbot request is not signed correctly: {cause}; {consequence}")
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::contract::signature::{KeyHeader, Scheme, Signing};

    fn signer(id: &str, secret: &str) -> Signer {
        let mut scheme = Scheme::default();
        scheme.key = scheme.key.map(|key| KeyHeader { id: Some(id.into()), ..key });
        Signer::new(scheme, secret)
    }

    fn request(headers: Vec<(String, String)>) -> HttpRequest {
        HttpRequest {
            method: "POST".into(),
            path: "/api/v1/session/list".to_owned(),
            headers: headers.into_iter().collect(),
            body: Bytes::from_static(b"{}"),
            ..HttpRequest::default()
        }
    }

    fn signed(signer: &Signer) -> HttpRequest {
        let path = "/api/v1/session/list";
        let headers =
            signer.sign_request(&Signing { body: b"{}", path, now: Timestamp::UNIX_EPOCH, nonce: "n" });
        request(headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect())
    }

    fn keys() -> Keys {
        Keys::new(vec![signer("a1", "one"), signer("b2", "two")])
    }

    fn prove(request: &HttpRequest) -> Proven {
        keys().prove(SignatureRule::Require, request, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn the_key_names_the_account_and_its_secret_proves_it() {
        for (at, signer) in [signer("a1", "one"), signer("b2", "two")].iter().enumerate() {
            assert_eq!(prove(&signed(signer)), Proven { account: AccountKey::at(at), cause: None });
        }
        let wrong = prove(&signed(&signer("b2", "one")));
        assert_eq!(wrong.account, AccountKey::at(1));
        assert!(wrong.cause.is_some());
    }

    #[test]
    fn what_is_wrong_is_named() {
        let missing = prove(&request(Vec::new())).cause.unwrap();
        assert_eq!(missing, "the header X-AIRudder-Sign-Key is missing: it names the key of an account");
        let unknown = prove(&signed(&signer("c3", "one")));
        assert_eq!(unknown.cause.as_deref(), Some("X-AIRudder-Sign-Key does not name the key of an account"));
        let unsigned = request(vec![("x-airudder-sign-key".to_owned(), "a1".to_owned())]);
        assert!(prove(&unsigned).cause.unwrap().contains("X-AIRudder-Sign"));
        assert!(explained(&missing, SignatureRule::Warn).contains("served nevertheless"));
        assert!(explained(&missing, SignatureRule::Require).contains("it is refused"));
        assert_eq!(keys().prove(SignatureRule::Off, &request(Vec::new()), Timestamp::UNIX_EPOCH).cause, None);
    }

    #[test]
    fn uploads_need_no_signature_unless_it_is_required() {
        let parts = ("content-type".to_owned(), "Multipart/Form-Data; boundary=b".to_owned());
        let cause =
            |rule| keys().prove(rule, &request(vec![parts.clone()]), Timestamp::UNIX_EPOCH).cause.is_some();
        assert!(!cause(SignatureRule::Warn) && cause(SignatureRule::Require));
    }
}
