//! Faults of signatures.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::SignedDuration;

use super::body;
use crate::contract::signature::{Preset, Scheme, Signer, Signing};
use crate::faults::{CallbackFault, FaultName};

/// The headers of a signature, with names in their letter case on the wire.
type Headers = Vec<(Arc<str>, String)>;

/// Returns the headers to send, and the body if it changes, or why there is nothing to do.
pub(super) fn wrong<'b>(
    fault: &CallbackFault,
    signer: &Signer,
    signing: &Signing<'b>,
) -> Result<(Headers, Cow<'b, [u8]>), &'static str> {
    use FaultName as Name;
    let own = &signer.scheme().header;
    let usual = || signer.sign(signing);
    // The headers with another value instead of the right signature.
    let with = |change: &dyn Fn(&str) -> String| {
        let mut headers = usual();
        for (_, value) in headers.iter_mut().filter(|(name, _)| name == own) {
            *value = change(value);
        }
        headers
    };
    let of = |secret: &str| Signer::new(signer.scheme().clone(), secret);
    let dated = |by: i64| {
        if signer.scheme().timestamp_header.is_none() {
            return Err("its signature has no timestamp");
        }
        let off = SignedDuration::try_from(fault.after).unwrap_or(SignedDuration::MAX);
        let now = signing.now.checked_add(off * i32::try_from(by).unwrap_or(1));
        Ok(signer.sign(&Signing { now: now.unwrap_or(signing.now), ..*signing }))
    };
    let mut sent = Cow::Borrowed(signing.body);
    let headers = match fault.name {
        Name::SignatureWrong => with(&off_by_one),
        Name::SignatureMissing => {
            let mut headers = usual();
            headers.retain(|(name, _)| name != own);
            headers
        }
        Name::SignatureEmpty => with(&|_| String::new()),
        Name::SignatureOtherSecret => of(&fault.secret).sign(signing),
        Name::SignatureRotated => {
            let new = of(&fault.secret).signature(signing);
            match signer.scheme().several {
                true => with(&|old| format!("{new} {old}")),
                false => with(&|_| new.clone()),
            }
        }
        Name::SignatureOtherBody => signer.sign(&Signing { body: b"{}", ..*signing }),
        Name::SignatureReserialised => {
            let Some(other) = body::spaced(signing.body) else { return Err("its body is not JSON") };
            sent = Cow::Owned(other);
            usual()
        }
        Name::SignatureUpperCase => with(&str::to_uppercase),
        Name::SignatureTruncated => with(&|right| right.chars().take(right.chars().count() / 2).collect()),
        Name::SignatureDoubled | Name::SignatureDoubledWrongFirst => {
            let mut headers = usual();
            let Some(at) = headers.iter().position(|(name, _)| name == own) else {
                return Err("it is not signed");
            };
            let (name, right) = headers[at].clone();
            let place = if fault.name == Name::SignatureDoubled { at + 1 } else { at };
            headers.insert(place, (name, off_by_one(&right)));
            headers
        }
        Name::SignatureHeaderCase => {
            let other = |name: &str| match name.to_lowercase() {
                lower if lower == name => name.to_uppercase(),
                lower => lower,
            };
            usual().into_iter().map(|(name, value)| (other(&name).into(), value)).collect()
        }
        Name::SignatureStale => dated(-1)?,
        Name::SignatureFuture => dated(1)?,
        // It got the id of another callback when it was handed to delivery.
        Name::SignatureReusedNonce if signer.scheme().nonce_header.is_none() => {
            return Err("its signature has no message id");
        }
        Name::SignatureOtherScheme => {
            let preset = fault.scheme.unwrap_or(match signer.scheme().preset {
                Preset::Sha256BodySecret => Preset::Airudder,
                _ => Preset::Sha256BodySecret,
            });
            let value = signer.with_scheme(Scheme::preset(preset)).signature(signing);
            with(&|_| value.clone())
        }
        _ => usual(),
    };
    Ok((headers, sent))
}

/// Changes one character of a text near its end into another one of its kind.
fn off_by_one(right: &str) -> String {
    let changed = |c: char| match c {
        '0' => '1',
        '1'..='9' => '0',
        'a' => 'b',
        'b'..='z' => 'a',
        'A' => 'B',
        'B'..='Z' => 'A',
        other => other,
    };
    let mut text: Vec<char> = right.chars().collect();
    // The last character of base64 may hold unused bits.
    let at = text.iter().rposition(char::is_ascii_alphanumeric).map(|last| last.saturating_sub(2));
    if let Some(c) = at.and_then(|at| text.get_mut(at)) {
        *c = if c.is_ascii_alphanumeric() { changed(*c) } else { 'A' };
    }
    text.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_character_is_off() {
        for (right, wrong) in [("abcdef", "abcaef"), ("12", "02"), ("v1,AAB9=", "v1,ABB9="), ("", "")] {
            assert_eq!(off_by_one(right), wrong);
        }
    }
}
