//! Reads a received signature in every notation: prefix, encoding, quotes.

use std::borrow::Cow;

use super::compute::decode;
use super::scheme::{Algorithm, Encoding, Scheme};

/// The bytes that a signature may stand for, and how its notation differs from the scheme's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// The bytes, as long as one of the digests.
    pub(super) bytes: Vec<u8>,
    /// Differences in notation, each a continuation of "the signature". Empty if it is written as the scheme says.
    pub(super) oddities: Vec<String>,
}

/// Returns every way to read a signature, the scheme's own first.
pub(super) fn readings(given: &str, scheme: &Scheme) -> Vec<Reading> {
    let mut found: Vec<Reading> = Vec::new();
    for (text, taken_off) in unwrapped(given, scheme) {
        for (bytes, notation) in decoded(&text) {
            let (mut oddities, own) = (taken_off.clone(), scheme.encoding.words());
            if notation != own {
                oddities.push(format!("is written as {notation} instead of {own}"));
            }
            if !found.iter().any(|reading| reading.bytes == bytes) {
                found.push(Reading { bytes, oddities });
            }
        }
    }
    found
}

/// Says how to write the signature, for the end of a message.
pub(super) fn advice(scheme: &Scheme) -> String {
    let prefix = match &*scheme.prefix {
        "" => "without any prefix".to_owned(),
        prefix => format!("after `{prefix}`"),
    };
    format!("write the digest as {} {prefix}", scheme.encoding.words())
}

/// Returns the algorithms whose digest has this length, in parentheses.
pub(super) fn algorithms_of(bytes: usize) -> String {
    let fits = Algorithm::ALL.into_iter().filter(|algorithm| algorithm.digest_len() == bytes);
    let names: Vec<&str> = fits.map(Algorithm::as_str).collect();
    if names.is_empty() { String::new() } else { format!(" (as of {})", names.join(" or ")) }
}

/// Describes a text that is not a digest, for the end of a message.
pub(super) fn looks_like(given: &str) -> &'static str {
    let hex = given.bytes().all(|byte| byte.is_ascii_hexdigit());
    match given.len() {
        128 if hex => "; this has the length of a SHA-512",
        96 if hex => "; this has the length of a SHA-384",
        86 | 88 if Encoding::ALL.into_iter().any(|encoding| decode(given, encoding).is_some()) => {
            "; this has the length of a SHA-512"
        }
        len if hex && len < 64 => "; was it cut off?",
        _ => "",
    }
}

/// Returns the texts that may hold the digest, with what had to be removed around them.
fn unwrapped<'g>(given: &'g str, scheme: &Scheme) -> Vec<(Cow<'g, str>, Vec<String>)> {
    let prefix = &*scheme.prefix;
    let mut found: Vec<(Cow<'g, str>, Vec<String>)> = Vec::new();
    if let Some(rest) = given.strip_prefix(prefix) {
        found.push((rest.into(), Vec::new()));
    }
    if !prefix.is_empty() {
        found.push((given.into(), vec![format!("lacks the prefix `{prefix}`")]));
    }
    if let Some((head, rest)) = foreign_prefix(given) {
        let oddity = if prefix.is_empty() {
            format!("has the prefix `{head}`, which is wrong here")
        } else {
            format!("has the prefix `{head}` instead of `{prefix}`")
        };
        found.push((rest.into(), vec![oddity]));
    }
    let quoted = given.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    if let Some(inner) = quoted {
        let inner = inner.strip_prefix(prefix).unwrap_or(inner);
        found.push((inner.into(), vec!["stands in quotes".to_owned()]));
    }
    if given.contains('%')
        && let Ok(plain) = percent_encoding::percent_decode_str(given).decode_utf8()
    {
        let plain = plain.strip_prefix(prefix).unwrap_or(&plain).to_owned();
        found.push((plain.into(), vec!["is percent-encoded".to_owned()]));
    }
    found
}

/// Splits off a prefix such as `sha256=` or `v1,` before the digest. The `=` at the end of base64 is not a prefix.
fn foreign_prefix(given: &str) -> Option<(&str, &str)> {
    let end = given.find(['=', ',', ':', ' '])?;
    let (head, rest) = given.split_at(end + 1);
    let word = !head.is_empty() && head.len() <= 24;
    (word && !rest.trim_matches('=').is_empty()).then(|| (head, rest.trim_start()))
}

/// Returns the digests that a text may stand for, each with the name of the notation. The lengths tell the encodings apart: no
/// text is a digest in two of them.
fn decoded(text: &str) -> Vec<(Vec<u8>, &'static str)> {
    let is_digest = |bytes: &Vec<u8>| Algorithm::ALL.into_iter().any(|one| one.digest_len() == bytes.len());
    let mut found = Vec::new();
    if let Some(bytes) = decode(text, Encoding::Hex).filter(is_digest) {
        let has = |letters: fn(&u8) -> bool| text.as_bytes().iter().any(letters);
        let notation = match (has(u8::is_ascii_uppercase), has(u8::is_ascii_lowercase)) {
            (true, true) => "hex in mixed letter case",
            (true, false) => Encoding::HexUpper.words(),
            (false, _) => Encoding::Hex.words(),
        };
        found.push((bytes, notation));
    }
    for (padded, bare) in
        [(Encoding::Base64, Encoding::Base64Unpadded), (Encoding::Base64Url, Encoding::Base64UrlUnpadded)]
    {
        let Some(bytes) = decode(text, padded) else { continue };
        let inner = std::str::from_utf8(&bytes).ok().and_then(|inner| decode(inner, Encoding::Hex));
        if let Some(inner) = inner.filter(is_digest) {
            found.push((inner, "base64 of the hex text"));
        } else if is_digest(&bytes) {
            found.push((bytes, if text.ends_with('=') { padded } else { bare }.words()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::signature::Preset;

    /// Describes the difference in notation of a text, given the bytes it stands for.
    fn odd(given: &str, scheme: &Scheme, bytes: &[u8]) -> String {
        let readings = readings(given, scheme);
        let reading = readings.into_iter().find(|reading| reading.bytes == bytes);
        reading.map_or("unreadable".to_owned(), |reading| reading.oddities.join(" and "))
    }

    #[test]
    fn every_notation_of_one_digest() {
        let scheme = Scheme::default();
        let bytes = [0xfb; 16];
        for (given, oddity) in [
            ("fbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfb", ""),
            ("FBFBFBFBFBFBFBFBFBFBFBFBFBFBFBFB", "is written as upper-case hex instead of lower-case hex"),
            (
                "fBfbfbfbfbfbfbfbfbfbfbfbfbfbfbfb",
                "is written as hex in mixed letter case instead of lower-case hex",
            ),
            ("+/v7+/v7+/v7+/v7+/v7+w==", "is written as base64 instead of lower-case hex"),
            ("+/v7+/v7+/v7+/v7+/v7+w", "is written as base64 without padding instead of lower-case hex"),
            ("-_v7-_v7-_v7-_v7-_v7-w==", "is written as base64url instead of lower-case hex"),
            (
                "ZmJmYmZiZmJmYmZiZmJmYmZiZmJmYmZiZmJmYmZiZmI=",
                "is written as base64 of the hex text instead of lower-case hex",
            ),
            ("\"fbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfb\"", "stands in quotes"),
            ("md5=fbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfb", "has the prefix `md5=`, which is wrong here"),
            (
                "%2B%2Fv7%2B%2Fv7%2B%2Fv7%2B%2Fv7%2B%2Fv7%2Bw%3D%3D",
                "is percent-encoded and is written as base64 instead of lower-case hex",
            ),
            ("fbfb", "unreadable"),
            ("not a digest", "unreadable"),
        ] {
            assert_eq!(odd(given, &scheme, &bytes), oddity, "{given}");
        }
    }

    #[test]
    fn prefixes() {
        let scheme = Scheme::preset(Preset::StandardWebhooks);
        let bytes = [0xfb; 16];
        assert_eq!(odd("v1,+/v7+/v7+/v7+/v7+/v7+w==", &scheme, &bytes), "");
        assert_eq!(odd("+/v7+/v7+/v7+/v7+/v7+w==", &scheme, &bytes), "lacks the prefix `v1,`");
        assert_eq!(
            odd("v2,+/v7+/v7+/v7+/v7+/v7+w==", &scheme, &bytes),
            "has the prefix `v2,` instead of `v1,`"
        );
    }
}
