//! The meaning of the scheme: what is signed, how, and where the signature is carried.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::contract::Provenance;
use crate::files::suggest::nearest;

/// The header of the signature: documented, in exactly this letter case.
const SIGN_HEADER: &str = "X-AIRudder-Sign";

/// The header that names the key in requests to `/api/v1/*`: taken from the vendor's examples.
const KEY_HEADER: &str = "X-AIRudder-Sign-Key";

/// What turns the signed text into a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Algorithm {
    /// HMAC with SHA-256, keyed with the secret.
    HmacSha256,
    /// HMAC with SHA-1, keyed with the secret.
    HmacSha1,
    /// HMAC with MD5, keyed with the secret.
    HmacMd5,
    /// Plain SHA-256: the secret must be one of the parts.
    Sha256,
    /// Plain MD5: the secret must be one of the parts.
    Md5,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 5] = [Self::HmacSha256, Self::HmacSha1, Self::HmacMd5, Self::Sha256, Self::Md5];

    /// Returns the word of the settings file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSha1 => "hmac-sha1",
            Self::HmacMd5 => "hmac-md5",
            Self::Sha256 => "sha256",
            Self::Md5 => "md5",
        }
    }

    /// Whether the secret is the key of the algorithm. If not, it has to be one of the parts.
    pub fn keyed(self) -> bool {
        matches!(self, Self::HmacSha256 | Self::HmacSha1 | Self::HmacMd5)
    }

    /// Returns the length of the digest in bytes.
    pub fn digest_len(self) -> usize {
        match self {
            Self::HmacSha256 | Self::Sha256 => 32,
            Self::HmacSha1 => 20,
            Self::HmacMd5 | Self::Md5 => 16,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How the digest becomes text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Encoding {
    /// Lower-case hex.
    #[serde(rename = "hex")]
    Hex,
    /// Upper-case hex.
    #[serde(rename = "HEX")]
    HexUpper,
    /// Base64 with `+` and `/`, padded with `=`.
    #[serde(rename = "base64")]
    Base64,
    /// Base64 with `+` and `/`, without padding.
    #[serde(rename = "base64-unpadded")]
    Base64Unpadded,
    /// Base64 with `-` and `_`, padded with `=`.
    #[serde(rename = "base64url")]
    Base64Url,
    /// Base64 with `-` and `_`, without padding.
    #[serde(rename = "base64url-unpadded")]
    Base64UrlUnpadded,
}

impl Encoding {
    /// Every encoding.
    pub const ALL: [Self; 6] = [
        Self::Hex,
        Self::HexUpper,
        Self::Base64,
        Self::Base64Unpadded,
        Self::Base64Url,
        Self::Base64UrlUnpadded,
    ];

    /// Returns the name for readers.
    pub fn words(self) -> &'static str {
        match self {
            Self::Hex => "lower-case hex",
            Self::HexUpper => "upper-case hex",
            Self::Base64 => "base64",
            Self::Base64Unpadded => "base64 without padding",
            Self::Base64Url => "base64url",
            Self::Base64UrlUnpadded => "base64url without padding",
        }
    }
}

/// How the text of the secret becomes the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum SecretForm {
    /// The UTF-8 bytes of the text.
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// The text is the key in hex.
    #[serde(rename = "hex")]
    Hex,
    /// The text is the key in base64. A leading `whsec_`, the mark of Standard Webhooks, is dropped.
    #[serde(rename = "base64")]
    Base64,
}

/// How a moment is written in the signed text and in the timestamp header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum TimestampUnit {
    /// Whole Unix seconds.
    #[default]
    #[serde(rename = "s")]
    Seconds,
    /// Whole Unix milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
}

/// The named schemes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// HMAC-SHA256 over the exact body, lower-case hex, in `X-AIRudder-Sign`. Assumed.
    #[default]
    Airudder,
    /// SHA-256 of the body followed by the secret, lower-case hex, in `X-AIRudder-Sign`. Assumed.
    Sha256BodySecret,
    /// MD5 of the body followed by the secret, lower-case hex, in `X-AIRudder-Sign`. Assumed.
    Md5BodySecret,
    /// Standard Webhooks: HMAC-SHA256 over id, timestamp and body, base64, in `webhook-signature`.
    StandardWebhooks,
    /// CALL-E, another product of the vendor: HMAC-SHA256 over timestamp, a dot and the body, lower-case hex after
    /// `v1=`, in `CALL-E-Signature`. Not known to be used by this one.
    CallE,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 5] =
        [Self::Airudder, Self::Sha256BodySecret, Self::Md5BodySecret, Self::StandardWebhooks, Self::CallE];

    /// Returns the word of the settings file and of `--preset`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Airudder => "airudder",
            Self::Sha256BodySecret => "sha256-body-secret",
            Self::Md5BodySecret => "md5-body-secret",
            Self::StandardWebhooks => "standard-webhooks",
            Self::CallE => "call-e",
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The name of a preset that does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no preset `{name}`{}", did_you_mean(.name, Preset::ALL.map(Preset::as_str)))]
pub struct UnknownPreset {
    name: String,
}

impl FromStr for Preset {
    type Err = UnknownPreset;

    fn from_str(name: &str) -> Result<Self, UnknownPreset> {
        let found = Self::ALL.into_iter().find(|preset| preset.as_str() == name);
        found.ok_or_else(|| UnknownPreset { name: name.to_owned() })
    }
}

/// One piece of the signed text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The exact body.
    Body,
    /// The key, as derived from the secret.
    Secret,
    /// The moment, in the scheme's unit.
    Timestamp,
    /// The message's id.
    Nonce,
    /// Path and query of the request.
    Path,
    /// A fixed text.
    Literal(Arc<str>),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body => f.write_str("body"),
            Self::Secret => f.write_str("secret"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Nonce => f.write_str("nonce"),
            Self::Path => f.write_str("path"),
            Self::Literal(text) => write!(f, "'{text}'"),
        }
    }
}

/// The header that names the key in requests, with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyHeader {
    /// The header's name, in the letter case in which it is sent.
    pub name: Arc<str>,
    /// The key's id, if one is set.
    pub id: Option<Arc<str>>,
}

/// The scheme: how a signature is made and where it is carried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scheme {
    /// The preset that it is based on.
    pub preset: Preset,
    /// The algorithm of the digest.
    pub algorithm: Algorithm,
    /// The signed text, in order.
    pub parts: Vec<Part>,
    /// The encoding of the digest.
    pub encoding: Encoding,
    /// The text before the encoded digest; may be empty.
    pub prefix: Arc<str>,
    /// The header of the signature, in the letter case in which it is sent.
    pub header: Arc<str>,
    /// The header that names the key. Calls to `/api/v1/*` carry it, callbacks do not.
    pub key: Option<KeyHeader>,
    /// The header of the timestamp, if there is one.
    pub timestamp_header: Option<Arc<str>>,
    /// The unit in which the timestamp is written.
    pub timestamp_unit: TimestampUnit,
    /// The header of the message's id, if there is one.
    pub nonce_header: Option<Arc<str>>,
    /// The form of the secret, from which the key is derived.
    pub secret_form: SecretForm,
    /// Whether one header may hold several signatures separated by white space, of which one must be right.
    pub several: bool,
    /// Maximum deviation of a received timestamp, in either direction. `None`: it is not checked.
    pub tolerance: Option<Duration>,
    /// The provenance of the scheme.
    pub provenance: Provenance,
}

impl Default for Scheme {
    fn default() -> Self {
        Self::preset(Preset::default())
    }
}

impl Scheme {
    /// Returns a named scheme. All of them are marked as assumed: which one the vendor uses, if any, is not public.
    pub fn preset(preset: Preset) -> Self {
        let airudder = Self {
            preset,
            algorithm: Algorithm::HmacSha256,
            parts: vec![Part::Body],
            encoding: Encoding::Hex,
            prefix: "".into(),
            header: SIGN_HEADER.into(),
            key: Some(KeyHeader { name: KEY_HEADER.into(), id: None }),
            timestamp_header: None,
            timestamp_unit: TimestampUnit::Seconds,
            nonce_header: None,
            secret_form: SecretForm::Utf8,
            several: false,
            tolerance: None,
            provenance: Provenance::Assumed,
        };
        let dot = || Part::Literal(".".into());
        let body_secret = || vec![Part::Body, Part::Secret];
        match preset {
            Preset::Airudder => airudder,
            Preset::Sha256BodySecret => {
                Self { algorithm: Algorithm::Sha256, parts: body_secret(), ..airudder }
            }
            Preset::Md5BodySecret => Self { algorithm: Algorithm::Md5, parts: body_secret(), ..airudder },
            Preset::CallE => Self {
                parts: vec![Part::Timestamp, dot(), Part::Body],
                prefix: "v1=".into(),
                header: "CALL-E-Signature".into(),
                timestamp_header: Some("CALL-E-Timestamp".into()),
                nonce_header: Some("CALL-E-Event-Id".into()),
                ..airudder
            },
            Preset::StandardWebhooks => Self {
                parts: vec![Part::Nonce, dot(), Part::Timestamp, dot(), Part::Body],
                encoding: Encoding::Base64,
                prefix: "v1,".into(),
                header: "webhook-signature".into(),
                timestamp_header: Some("webhook-timestamp".into()),
                nonce_header: Some("webhook-id".into()),
                secret_form: SecretForm::Base64,
                several: true,
                tolerance: Some(Duration::from_secs(300)),
                ..airudder
            },
        }
    }

    /// Describes the scheme in one line, for the start of the program and the UI: `airudder: hmac-sha256 of body,
    /// lower-case hex, in X-AIRudder-Sign (assumed)`.
    pub fn describe(&self) -> String {
        let base = Self::preset(self.preset);
        let made_the_same = Self { key: self.key.clone(), provenance: self.provenance, ..base } == *self;
        let name = if made_the_same { self.preset.as_str() } else { "custom" };
        let prefix = if self.prefix.is_empty() { String::new() } else { format!(" after `{}`", self.prefix) };
        format!(
            "{name}: {} of {}, {}{prefix}, in {} ({})",
            self.algorithm,
            self.parts_in_words(),
            self.encoding.words(),
            self.header,
            self.provenance,
        )
    }

    /// Describes the signed text: `nonce '.' timestamp '.' body`.
    pub(super) fn parts_in_words(&self) -> String {
        let parts: Vec<String> = self.parts.iter().map(Part::to_string).collect();
        parts.join(" ")
    }

    pub(super) fn signs(&self, part: &Part) -> bool {
        self.parts.contains(part)
    }
}

/// Returns the end of a message: the most similar of the words, or all of them.
pub(super) fn did_you_mean<const N: usize>(word: &str, words: [&str; N]) -> String {
    match nearest(word, words) {
        Some(near) => format!(", did you mean `{near}`?"),
        None => format!(", expected one of `{}`", words.join("`, `")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_in_one_line() {
        let lines: Vec<String> =
            Preset::ALL.iter().map(|preset| Scheme::preset(*preset).describe()).collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn words_and_serde_agree() {
        for preset in Preset::ALL {
            assert_eq!(serde_json::to_value(preset).unwrap(), preset.as_str());
            assert_eq!(preset.as_str().parse(), Ok(preset));
        }
        for algorithm in Algorithm::ALL {
            assert_eq!(serde_json::to_value(algorithm).unwrap(), algorithm.as_str());
        }
    }

    #[test]
    fn an_unknown_preset_gets_a_suggestion() {
        let message = |name: &str| name.parse::<Preset>().unwrap_err().to_string();
        assert_eq!(message("airuder"), "there is no preset `airuder`, did you mean `airudder`?");
        assert_eq!(
            message("stripe"),
            "there is no preset `stripe`, expected one of `airudder`, `sha256-body-secret`, \
            `md5-body-secret`, `standard-webhooks`, `call-e`"
        );
    }
}
