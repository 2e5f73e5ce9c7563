//! Phone numbers in E.164.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use crate::contract::fields::parsed;

/// The phone number of a request. It may have lost its plus on the way; in JSON, where nothing loses it, that is a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(inline, extend("x-form" = "in E.164"))]
pub(crate) struct PhoneNumber(#[schemars(with = "String")] u64);

impl PhoneNumber {
    /// Returns the digits of the number.
    pub(crate) fn digits(self) -> u64 {
        self.0
    }
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.0)
    }
}

impl<'de> Deserialize<'de> for PhoneNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer, "a number in E.164 such as `+6281112345678`", e164_or_bare).map(Self)
    }
}

/// Parses the digits of a number in E.164: a `+`, then 7 to 15 digits, the first of which is not 0.
pub(crate) fn e164(text: &str) -> Option<u64> {
    let digits = text.strip_prefix('+')?;
    let sound = (7..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit());
    sound.then(|| digits.parse().ok()).flatten()
}

/// Parses a number in E.164 that may have lost its plus in a query, where a plus stands for a space.
pub(crate) fn e164_or_bare(text: &str) -> Option<u64> {
    let text = text.trim();
    if text.starts_with('+') { e164(text) } else { e164(&format!("+{text}")) }
}
