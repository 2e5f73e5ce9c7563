//! From signed text to digest to text. Signing is on the hot path of load tests: the key is absorbed once, each message starts
//! from a copy of that state, and nothing is allocated except the space in the caller's buffer.

use base64::Engine;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose as base64_engine;
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::scheme::{Algorithm, Encoding, Part, TimestampUnit};
use super::signing::Signing;

/// Maximum length of a digest in bytes.
const LONGEST: usize = 32;

/// The state of an algorithm that has absorbed the key and nothing else yet.
#[derive(Clone)]
pub(super) enum Keyed {
    HmacSha256(Hmac<Sha256>),
    HmacSha1(Hmac<Sha1>),
    HmacMd5(Hmac<Md5>),
    Sha256(Sha256),
    Md5(Md5),
}

impl Keyed {
    pub(super) fn new(algorithm: Algorithm, key: &[u8]) -> Self {
        const ANY: &str = "HMAC takes keys of any length";
        match algorithm {
            Algorithm::HmacSha256 => Self::HmacSha256(Hmac::new_from_slice(key).expect(ANY)),
            Algorithm::HmacSha1 => Self::HmacSha1(Hmac::new_from_slice(key).expect(ANY)),
            Algorithm::HmacMd5 => Self::HmacMd5(Hmac::new_from_slice(key).expect(ANY)),
            Algorithm::Sha256 => Self::Sha256(Sha256::new()),
            Algorithm::Md5 => Self::Md5(Md5::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::HmacSha256(state) => state.update(bytes),
            Self::HmacSha1(state) => state.update(bytes),
            Self::HmacMd5(state) => state.update(bytes),
            Self::Sha256(state) => state.update(bytes),
            Self::Md5(state) => state.update(bytes),
        }
    }

    fn finish(self) -> Digest {
        match self {
            Self::HmacSha256(state) => Digest::new(&state.finalize().into_bytes()),
            Self::HmacSha1(state) => Digest::new(&state.finalize().into_bytes()),
            Self::HmacMd5(state) => Digest::new(&state.finalize().into_bytes()),
            Self::Sha256(state) => Digest::new(&state.finalize()),
            Self::Md5(state) => Digest::new(&state.finalize()),
        }
    }

    /// Computes the digest of the joined parts.
    pub(super) fn digest(
        &self,
        parts: &[Part],
        unit: TimestampUnit,
        key: &[u8],
        signing: &Signing<'_>,
    ) -> Digest {
        let mut state = self.clone();
        for part in parts {
            match part {
                Part::Body => state.update(signing.body),
                Part::Secret => state.update(key),
                Part::Timestamp => state.update(timestamp(signing.now, unit).as_bytes()),
                Part::Nonce => state.update(signing.nonce.as_bytes()),
                Part::Path => state.update(signing.path.as_bytes()),
                Part::Literal(text) => state.update(text.as_bytes()),
            }
        }
        state.finish()
    }
}

/// Formats a moment as it is signed and transmitted.
pub(super) fn timestamp(now: jiff::Timestamp, unit: TimestampUnit) -> String {
    match unit {
        TimestampUnit::Seconds => now.as_second().to_string(),
        TimestampUnit::Milliseconds => now.as_millisecond().to_string(),
    }
}

/// A digest of any of the algorithms.
#[derive(Clone, Copy)]
pub(super) struct Digest {
    bytes: [u8; LONGEST],
    len: usize,
}

impl Digest {
    fn new(made: &[u8]) -> Self {
        let mut bytes = [0; LONGEST];
        let (head, _) = bytes.split_at_mut(made.len());
        head.copy_from_slice(made);
        Self { bytes, len: made.len() }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.split_at(self.len).0
    }

    /// Appends the digest as text.
    pub(super) fn write(&self, encoding: Encoding, out: &mut String) {
        match encoding {
            Encoding::Hex | Encoding::HexUpper => {
                let mut text = [0; 2 * LONGEST];
                let (text, _) = text.split_at_mut(2 * self.len);
                hex::encode_to_slice(self.as_bytes(), text).expect("the room is twice as long");
                if encoding == Encoding::HexUpper {
                    text.make_ascii_uppercase();
                }
                out.push_str(std::str::from_utf8(text).expect("hex digits are ASCII"));
            }
            Encoding::Base64 => base64_engine::STANDARD.encode_string(self.as_bytes(), out),
            Encoding::Base64Unpadded => base64_engine::STANDARD_NO_PAD.encode_string(self.as_bytes(), out),
            Encoding::Base64Url => base64_engine::URL_SAFE.encode_string(self.as_bytes(), out),
            Encoding::Base64UrlUnpadded => base64_engine::URL_SAFE_NO_PAD.encode_string(self.as_bytes(), out),
        }
    }
}

/// Decodes a text in an encoding, with any padding.
pub(super) fn decode(text: &str, encoding: Encoding) -> Option<Vec<u8>> {
    const STANDARD: GeneralPurpose = base64_engine::STANDARD_PAD_INDIFFERENT;
    const URL_SAFE: GeneralPurpose = base64_engine::URL_SAFE_PAD_INDIFFERENT;
    match encoding {
        Encoding::Hex | Encoding::HexUpper => hex::decode(text).ok(),
        Encoding::Base64 | Encoding::Base64Unpadded => STANDARD.decode(text).ok(),
        Encoding::Base64Url | Encoding::Base64UrlUnpadded => URL_SAFE.decode(text).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex_of(algorithm: Algorithm, key: &[u8], text: &[u8]) -> String {
        let signing = Signing { body: text, path: "", now: jiff::Timestamp::UNIX_EPOCH, nonce: "" };
        let digest = Keyed::new(algorithm, key).digest(&[Part::Body], TimestampUnit::Seconds, key, &signing);
        let mut out = String::new();
        digest.write(Encoding::Hex, &mut out);
        out
    }

    /// RFC 4231, cases 1 to 4, 6 and 7.
    #[test]
    fn hmac_sha256_of_rfc_4231() {
        let large = "This is a test using a larger than block-size key and a larger than block-size data. The key \
                     needs to be hashed before being used by the HMAC algorithm.";
        let counting: Vec<u8> = (1..=25).collect();
        for (key, text, digest) in [
            (
                &[0x0b; 20][..],
                &b"Hi There"[..],
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (&[0xaa; 20], &[0xdd; 50], "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"),
            (&counting, &[0xcd; 50], "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"),
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                &[0xaa; 131],
                large.as_bytes(),
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ] {
            assert_eq!(hex_of(Algorithm::HmacSha256, key, text), digest);
        }
    }

    /// RFC 2202, cases 1 to 3 and 6 of both algorithms.
    #[test]
    fn hmac_md5_and_sha1_of_rfc_2202() {
        let large = &b"Test Using Larger Than Block-Size Key - Hash Key First"[..];
        for (algorithm, key, text, digest) in [
            (Algorithm::HmacMd5, &[0x0b; 16][..], &b"Hi There"[..], "9294727a3638bb1c13f48ef8158bfc9d"),
            (
                Algorithm::HmacMd5,
                b"Jefe",
                b"what do ya want for nothing?",
                "750c783e6ab0b503eaa86e310a5db738",
            ),
            (Algorithm::HmacMd5, &[0xaa; 16], &[0xdd; 50], "56be34521d144c88dbb8c733f0e8b3f6"),
            (Algorithm::HmacMd5, &[0xaa; 80], large, "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"),
            (Algorithm::HmacSha1, &[0x0b; 20], b"Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"),
            (
                Algorithm::HmacSha1,
                b"Jefe",
                b"what do ya want for nothing?",
                "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
            ),
            (Algorithm::HmacSha1, &[0xaa; 20], &[0xdd; 50], "125d7342b9ac11cd91a39af48aa17b4f63f175d3"),
            (Algorithm::HmacSha1, &[0xaa; 80], large, "aa4ae5e15272d00e95705637ce8a3b55ed402112"),
        ] {
            assert_eq!(hex_of(algorithm, key, text), digest);
        }
    }

    /// FIPS 180-4's `abc`, and RFC 1321's.
    #[test]
    fn plain_digests() {
        assert_eq!(
            hex_of(Algorithm::Sha256, b"", b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(hex_of(Algorithm::Md5, b"", b"abc"), "900150983cd24fb0d6963f7d28e17f72");
    }

    #[test]
    fn every_encoding_writes_and_reads() {
        let digest = Digest::new(&[0xfb, 0xef, 0xff, 0x00]);
        let texts = Encoding::ALL.map(|encoding| {
            let mut out = String::from("=");
            digest.write(encoding, &mut out);
            assert_eq!(decode(&out[1..], encoding).unwrap(), digest.as_bytes());
            out
        });
        assert_eq!(texts, ["=fbefff00", "=FBEFFF00", "=++//AA==", "=++//AA", "=--__AA==", "=--__AA"]);
    }
}
