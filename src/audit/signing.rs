//! Signatures that are right, wrong or unusual.

use std::time::Duration;

use jiff::Timestamp;

use super::step::Signature;
use crate::contract::signature::{Signer, Signing};

/// Headers as written to the wire: values may be any bytes.
pub(super) type Headers = Vec<(String, Vec<u8>)>;

/// The deviation of a stale or future timestamp.
const OFF: Duration = Duration::from_secs(3600);

/// A secret that the receiver does not know.
const UNKNOWN: &str = "bm9ib2R5IGtub3dzIHRoaXMgb25lLCBhbmQgbm90aGluZw==";

/// Returns the headers of a signature of this kind. `next` signs by the secret of `--next-secret`.
pub(super) fn headers(
    signer: &Signer,
    next: Option<&Signer>,
    signing: &Signing<'_>,
    kind: Signature,
) -> Headers {
    let scheme = signer.scheme();
    let own = &*scheme.header;
    let by = |signer: &Signer, now: Timestamp| -> Headers {
        let made = signer.sign(&Signing { now, ..*signing });
        made.into_iter().map(|(name, value)| (name.to_string(), value.into_bytes())).collect()
    };
    let right = by(signer, signing.now);
    let wrong = || by(&Signer::new(scheme.clone(), UNKNOWN), signing.now);
    let with_value = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut headers = right.clone();
        headers.iter_mut().filter(|(name, _)| name == own).for_each(|(_, value)| change(value));
        headers
    };
    let with_second = |mut first: Headers, second: Headers| {
        first.extend(second.into_iter().filter(|(name, _)| name == own));
        first
    };
    let with_name = |change: fn(&str) -> String| {
        right.iter().map(|(name, value)| (change(name), value.clone())).collect()
    };
    match kind {
        Signature::Right => right,
        Signature::Wrong => wrong(),
        Signature::Missing => right.into_iter().filter(|(name, _)| name != own).collect(),
        Signature::Empty => with_value(&Vec::clear),
        Signature::FirstHalf => with_value(&|value| value.truncate(value.len() / 2)),
        Signature::FirstLetter => with_value(&|value| value.truncate(scheme.prefix.len() + 1)),
        Signature::RightAndWrong => with_second(right.clone(), wrong()),
        Signature::WrongAndRight => with_second(wrong(), right.clone()),
        Signature::OddLetters => with_value(&|value| {
            value.truncate(value.len().saturating_sub(2));
            value.extend("é".bytes());
        }),
        Signature::LowerCaseName => with_name(str::to_ascii_lowercase),
        Signature::UpperCaseName => with_name(str::to_ascii_uppercase),
        // Checks with this signature only run if the secret is known.
        Signature::NextSecret => by(next.unwrap_or(signer), signing.now),
        Signature::Stale => by(signer, signing.now - OFF),
        Signature::Future => by(signer, signing.now + OFF),
    }
}

impl Signature {
    /// Describes in words what is unusual about it.
    pub(super) fn words(self) -> Option<&'static str> {
        Some(match self {
            Self::Right => return None,
            Self::Wrong => "signed with another secret",
            Self::Missing => "without a signature",
            Self::Empty => "with an empty signature",
            Self::FirstHalf => "with the first half of its signature",
            Self::FirstLetter => "with the first letter of its signature",
            Self::RightAndWrong => "with two signatures, the valid one first",
            Self::WrongAndRight => "with two signatures, the valid one last",
            Self::OddLetters => "with a character outside of ASCII in its signature",
            Self::LowerCaseName => "with the signature header in lower case",
            Self::UpperCaseName => "with the signature header in upper case",
            Self::NextSecret => "signed with the next secret",
            Self::Stale => "signed an hour ago",
            Self::Future => "signed for the next hour",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::signature::{Preset, Received, Scheme};

    fn verified(preset: Preset, kind: Signature) -> bool {
        let signer = Signer::new(Scheme::preset(preset), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let signing = Signing { body: b"{}", path: "/", now, nonce: "n" };
        let mut got = crate::net::Headers::default();
        for (name, value) in headers(&signer, None, &signing, kind) {
            got.push(&name, &String::from_utf8_lossy(&value));
        }
        signer.verify(&Received { body: b"{}", path: "/", headers: &got, now }).is_ok()
    }

    #[test]
    fn only_the_right_ones_verify() {
        use Signature as S;
        for preset in [Preset::Airudder, Preset::StandardWebhooks] {
            for kind in [S::Right, S::LowerCaseName, S::UpperCaseName] {
                assert!(verified(preset, kind), "{preset:?} {kind:?}");
            }
            for kind in [S::Wrong, S::Missing, S::Empty, S::FirstHalf, S::FirstLetter, S::OddLetters] {
                assert!(!verified(preset, kind), "{preset:?} {kind:?}");
            }
        }
        for kind in [S::Stale, S::Future] {
            assert!(!verified(Preset::StandardWebhooks, kind), "{kind:?}");
        }
    }
}
