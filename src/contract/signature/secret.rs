//! The secret, and the key that its text stands for.

use std::fmt;
use std::sync::Arc;

use super::compute;
use super::scheme::{Encoding, SecretForm};

/// A signing secret. Its debug form is masked.
#[derive(Clone)]
pub struct Secret(Arc<str>);

impl Secret {
    pub(super) fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Returns the secret's text.
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// A secret that is not in the form that its scheme requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The secret is not base64.
    #[error(
        "the secret is not base64, which this scheme requires: `whsec_` and the base64 of the key. Use \
        the secret exactly as you received it, or set `secret_form = \"utf-8\"`"
    )]
    Base64,
    /// The secret is not hex.
    #[error(
        "the secret is not hex, which this scheme requires. Use the secret exactly as you received it, \
        or set `secret_form = \"utf-8\"`"
    )]
    Hex,
}

impl SecretForm {
    /// Derives the key from the text of a secret.
    pub(super) fn key(self, secret: &str) -> Result<Vec<u8>, SecretError> {
        match self {
            Self::Utf8 => Ok(secret.as_bytes().to_vec()),
            Self::Hex => hex::decode(secret).map_err(|_| SecretError::Hex),
            Self::Base64 => {
                let text = secret.strip_prefix("whsec_").unwrap_or(secret);
                compute::decode(text, Encoding::Base64).ok_or(SecretError::Base64)
            }
        }
    }
}
