//! A signature taken apart: the signed text, the expected signature, and the signatures that the usual mistakes would give.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::scheme::Part;
use super::signer::Signer;
use super::signing::{Mismatch, Received, Signing};
use super::{DEFAULT_SECRET, compute, guess, rewrite};

/// Maximum length of a body for which the usual mistakes are tried, in bytes: each of them copies the body.
const TRIED_UP_TO: usize = 64 << 10;

/// The analysis of a signature.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TakenApart {
    /// How it is made, in one line.
    scheme: String,
    /// The provenance of the scheme.
    provenance: String,
    /// The header that holds it.
    header: String,
    /// What makes the digest: `hmac-sha256`.
    algorithm: &'static str,
    /// How the digest is written: `lower-case hex`.
    encoding: &'static str,
    /// The prefix of the digest.
    prefix: String,
    /// The secret, if it may be shown: only the mock's default is not confidential.
    secret: Option<String>,
    /// The signed parts, in this order without separators.
    parts: Vec<SignedPart>,
    /// The length of all of it, in bytes.
    length: usize,
    /// The signature that was sent.
    sent: Option<String>,
    /// The signature computed from these bytes and the secret.
    expected: String,
    /// Whether it is right.
    right: bool,
    /// If it is not: why, and what to look at.
    #[serde(skip_serializing_if = "Option::is_none")]
    wrong: Option<Explained>,
    /// What the usual mistakes give in its place, the likeliest first.
    others: Vec<Other>,
}

/// A piece of what was signed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct SignedPart {
    /// `body`, `secret`, `timestamp`, `nonce`, `path`, or a fixed text in quotes.
    part: String,
    /// Its length in bytes.
    bytes: usize,
    /// The text itself; left out for the body and for secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

/// Why a signature is wrong.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Explained {
    /// The most likely cause, and what to do.
    message: String,
    /// Further hints.
    hints: Vec<String>,
}

impl From<Mismatch> for Explained {
    fn from(mismatch: Mismatch) -> Self {
        Self { message: mismatch.message, hints: mismatch.hints }
    }
}

/// The result of a usual mistake.
#[derive(Clone, Debug, Serialize, JsonSchema)]
struct Other {
    /// The mistake.
    made: String,
    /// The signature.
    signature: String,
}

impl TakenApart {
    /// Whether the signature is right.
    pub fn is_right(&self) -> bool {
        self.right
    }

    /// Whether only the body is signed.
    pub fn is_of_body_alone(&self) -> bool {
        self.parts.iter().all(|part| part.part == "body")
    }

    /// Returns what all signatures of its scheme have in common.
    pub fn common(&self) -> Value {
        json!({
            "scheme": self.scheme,
            "provenance": self.provenance,
            "header": self.header,
            "algorithm": self.algorithm,
            "encoding": self.encoding,
            "prefix": self.prefix,
            "secret": self.secret,
        })
    }
}

impl Signer {
    /// Takes the signature of a message apart. The usual mistakes are tried only if `with_others` is set.
    pub fn take_apart(&self, received: &Received<'_>, show_secret: bool, with_others: bool) -> TakenApart {
        let scheme = self.scheme();
        let wrong = self.verify(received).err();
        let now = self.timestamp_of(received).unwrap_or(received.now);
        let nonce = scheme.nonce_header.as_ref().and_then(|name| received.values(name).next());
        let signing =
            Signing { body: received.body, path: received.path, now, nonce: nonce.unwrap_or_default() };
        let show_secret = show_secret || self.secret_text() == DEFAULT_SECRET;
        let parts: Vec<SignedPart> =
            scheme.parts.iter().map(|part| self.part(part, &signing, show_secret)).collect();
        TakenApart {
            scheme: scheme.describe(),
            provenance: scheme.provenance.to_string(),
            header: scheme.header.to_string(),
            algorithm: scheme.algorithm.as_str(),
            encoding: scheme.encoding.words(),
            prefix: scheme.prefix.to_string(),
            secret: show_secret.then(|| self.secret_text().to_owned()),
            length: parts.iter().map(|part| part.bytes).sum(),
            parts,
            sent: received.values(&scheme.header).next().map(str::to_owned),
            expected: self.signature(&signing),
            right: wrong.is_none(),
            wrong: wrong.map(Explained::from),
            others: if with_others { self.others(&signing) } else { Vec::new() },
        }
    }

    fn part(&self, part: &Part, signing: &Signing<'_>, show_secret: bool) -> SignedPart {
        let text = match part {
            Part::Body => None,
            Part::Secret => Some(String::from_utf8_lossy(self.key()).into_owned()),
            Part::Timestamp => Some(compute::timestamp(signing.now, self.scheme().timestamp_unit)),
            Part::Nonce => Some(signing.nonce.to_owned()),
            Part::Path => Some(signing.path.to_owned()),
            Part::Literal(text) => Some(text.to_string()),
        };
        let bytes = match part {
            Part::Body => signing.body.len(),
            Part::Secret => self.key().len(),
            _ => text.as_ref().map_or(0, String::len),
        };
        let text = text.filter(|_| *part != Part::Secret || show_secret);
        SignedPart { part: part.to_string(), bytes, text }
    }

    fn others(&self, signing: &Signing<'_>) -> Vec<Other> {
        if signing.body.len() > TRIED_UP_TO {
            return Vec::new();
        }
        let scheme = self.scheme();
        let bodies = rewrite::rewritings(signing.body).into_iter().map(|body| {
            let signature = self.signature(&Signing { body: &body.bytes, ..*signing });
            Other { made: format!("over {}", body.name), signature }
        });
        let secrets = guess::secrets(scheme, self.secret_text()).into_iter().map(|(name, key)| Other {
            made: format!("with {name}"),
            signature: self.signature_with(&key, signing),
        });
        secrets.chain(bodies).collect()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::contract::signature::{Preset, Scheme};
    use crate::net::Headers;

    const BODY: &[u8] = br#"{"a": 1}"#;

    fn apart(signer: &Signer, value: &str, show_secret: bool) -> serde_json::Value {
        let headers = Headers::from(&[("x-airudder-sign", value)][..]);
        let received = Received { body: BODY, path: "/", headers: &headers, now: Timestamp::UNIX_EPOCH };
        serde_json::to_value(signer.take_apart(&received, show_secret, true)).unwrap()
    }

    #[test]
    fn a_right_one_shows_what_was_signed_and_what_mistakes_would_give() {
        let signer = Signer::new(Scheme::preset(Preset::Md5BodySecret), "hush");
        let signing = Signing { body: BODY, path: "/", now: Timestamp::UNIX_EPOCH, nonce: "" };
        let right = signer.signature(&signing);
        let shown = apart(&signer, &right, false);
        assert_eq!((&shown["right"], &shown["sent"]), (&true.into(), &right.as_str().into()));
        assert_eq!(shown["parts"][0], serde_json::json!({ "part": "body", "bytes": 8 }));
        assert_eq!(shown["parts"][1], serde_json::json!({ "part": "secret", "bytes": 4 }), "it is not shown");
        assert_eq!((&shown["length"], &shown["secret"]), (&12.into(), &serde_json::Value::Null));
        assert_eq!(apart(&signer, &right, true)["parts"][1]["text"], "hush");
        let compact = signer.signature(&Signing { body: br#"{"a":1}"#, ..signing });
        let others = shown["others"].as_array().unwrap();
        assert!(others.iter().any(|other| other["signature"] == compact.as_str()), "{others:?}");
        let newline = Signer::new(signer.scheme().clone(), "hush\n").signature(&signing);
        assert!(others.iter().any(|other| other["signature"] == newline.as_str()), "{others:?}");
        assert!(!shown.to_string().contains("hush"));
    }

    #[test]
    fn a_wrong_one_says_why() {
        let signer = Signer::new(Scheme::default(), DEFAULT_SECRET);
        let signing = Signing { body: br#"{"a":1}"#, path: "/", now: Timestamp::UNIX_EPOCH, nonce: "" };
        let shown = apart(&signer, &signer.signature(&signing), false);
        assert_eq!((&shown["right"], &shown["secret"]), (&false.into(), &DEFAULT_SECRET.into()));
        let why = shown["wrong"]["message"].as_str().unwrap();
        assert!(why.contains("not over the bytes received"), "{why}");
    }
}
