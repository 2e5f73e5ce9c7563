//! Signatures of callbacks and of calls: the scheme as data, signing, verifying, and explaining a mismatch.
//!
//! The vendor's algorithm is not public. Everything about it is therefore a setting; the default is assumed.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

/// The signature scheme as written in a settings file.
#[derive(Clone, Debug, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SchemeFile {}

/// How a signature is made and where it is carried.
#[derive(Clone, Debug)]
pub struct Scheme {}

/// A signing secret. Its debug form is masked.
#[derive(Clone)]
pub struct Secret(Arc<str>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub struct Signing<'a> {
    /// The exact body.
    pub body: &'a [u8],
    /// Path and query of the request.
    pub path: &'a str,
    /// The moment, for schemes with a timestamp.
    pub now: Timestamp,
    /// The message's id, for schemes with a nonce; the same for every try.
    pub nonce: &'a str,
}

/// What came in and is to be verified.
pub struct Received<'a> {
    /// The exact body.
    pub body: &'a [u8],
    /// Path and query of the request.
    pub path: &'a str,
    /// The headers, names in any letter case.
    pub headers: &'a [(String, String)],
    /// The moment, for the age of timestamps.
    pub now: Timestamp,
}

/// Why a signature does not verify.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Mismatch {
    /// One line: the most likely cause, and what to do.
    pub message: String,
}

/// A scheme with its secret: signs and verifies.
#[derive(Clone, Debug)]
pub struct Signer {
    scheme: Scheme,
    secret: Secret,
}

impl Signer {
    /// A signer.
    pub fn new(scheme: Scheme, secret: &str) -> Self {
        Self { scheme, secret: Secret(secret.into()) }
    }

    /// The headers that carry the signature, names in their letter case on the wire.
    pub fn sign(&self, _signing: &Signing<'_>) -> Vec<(Arc<str>, String)> {
        let _ = (&self.scheme, &self.secret);
        Vec::new()
    }

    /// Whether the signature is right; if not, why.
    pub fn verify(&self, _received: &Received<'_>) -> Result<(), Mismatch> {
        Ok(())
    }
}
