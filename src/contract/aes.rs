//! The cipher of the calling API: AES-ECB with zero padding, base64 text, and a SHA-256 digest beside it.
//!
//! Documented: the padding is always at least one zero byte, so a text that fills its last block gets a whole extra block.
//! Decryption strips every trailing zero byte, so a text that ends in zero bytes does not survive a round trip. ECB hides
//! neither repetitions nor tampering; it is implemented because the vendor uses it.

use std::fmt;

use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use aes::{Aes128, Aes192, Aes256, Block};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_PAD_INDIFFERENT};
use sha2::{Digest, Sha256};

/// Length of a block in bytes.
const BLOCK: usize = 16;

/// A key for encryption and decryption. Its debug form does not show the key.
#[derive(Clone)]
pub struct Cipher(Width);

/// The cipher by the length of its key.
#[derive(Clone)]
enum Width {
    Aes128(Box<Aes128>),
    Aes192(Box<Aes192>),
    Aes256(Box<Aes256>),
}

/// Why a text is not a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The key does not have one of the three lengths of AES.
    #[error("an AES key is 16, 24 or 32 bytes of UTF-8, this one is {bytes}")]
    Length {
        /// Length of the text, in bytes.
        bytes: usize,
    },
}

/// Why a text cannot be decrypted. A wrong key is not among the causes: it yields wrong bytes, which only the digest reveals.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecryptError {
    /// The text is not base64.
    #[error("the encrypted text is not standard base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// The text is empty: even an empty plain text is encrypted to one block.
    #[error("the encrypted text is empty")]
    Empty,
    /// The length is not a multiple of the block length.
    #[error("the encrypted text is {bytes} bytes after base64, which is not a multiple of 16")]
    Blocks {
        /// Length after base64 decoding, in bytes.
        bytes: usize,
    },
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher(***)")
    }
}

impl Cipher {
    /// Creates the cipher whose key is the UTF-8 bytes of a text: 16, 24 or 32 bytes.
    pub fn new(key: &str) -> Result<Self, KeyError> {
        let key = key.as_bytes();
        let wrong = |_| KeyError::Length { bytes: key.len() };
        let width = match key.len() {
            24 => Width::Aes192(Box::new(Aes192::new_from_slice(key).map_err(wrong)?)),
            32 => Width::Aes256(Box::new(Aes256::new_from_slice(key).map_err(wrong)?)),
            _ => Width::Aes128(Box::new(Aes128::new_from_slice(key).map_err(wrong)?)),
        };
        Ok(Self(width))
    }

    /// Encrypts a text and returns it as padded standard base64.
    pub fn encrypt(&self, plain: &[u8]) -> String {
        let mut bytes = Vec::with_capacity(plain.len() + BLOCK);
        bytes.extend_from_slice(plain);
        bytes.resize((plain.len() / BLOCK + 1) * BLOCK, 0);
        let (blocks, _) = Block::slice_as_chunks_mut(&mut bytes);
        match &self.0 {
            Width::Aes128(aes) => aes.encrypt_blocks(blocks),
            Width::Aes192(aes) => aes.encrypt_blocks(blocks),
            Width::Aes256(aes) => aes.encrypt_blocks(blocks),
        }
        STANDARD.encode(bytes)
    }

    /// Decrypts a text and strips the trailing zero bytes. White space around the base64 text and missing `=` at its end are
    /// accepted.
    pub fn decrypt(&self, text: &str) -> Result<Vec<u8>, DecryptError> {
        let mut bytes = STANDARD_PAD_INDIFFERENT.decode(text.trim_ascii())?;
        let (blocks, rest) = Block::slice_as_chunks_mut(&mut bytes);
        if !rest.is_empty() {
            return Err(DecryptError::Blocks { bytes: bytes.len() });
        }
        if blocks.is_empty() {
            return Err(DecryptError::Empty);
        }
        match &self.0 {
            Width::Aes128(aes) => aes.decrypt_blocks(blocks),
            Width::Aes192(aes) => aes.decrypt_blocks(blocks),
            Width::Aes256(aes) => aes.decrypt_blocks(blocks),
        }
        let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        bytes.truncate(end);
        Ok(bytes)
    }
}

/// Returns the digest for the header `Signed`: SHA-256 of the text before encryption, in lower-case hex.
pub fn digest(plain: &[u8]) -> String {
    hex::encode(Sha256::digest(plain))
}

/// Returns what is probably wrong with a request whose digest does not match its decrypted text, or `None` if it does match.
/// `encrypted` is the base64 text that was sent.
pub fn mismatch(plain: &[u8], encrypted: &str, signed: &str) -> Option<String> {
    if digest(plain) == signed {
        return None;
    }
    // A wrong key yields random bytes; two such bytes in a thousand end like this padding.
    let unpadded = without_pkcs7(plain).filter(|text| is_readable(text) || digest(text) == signed);
    if unpadded.is_some() {
        return Some(
            "the text is padded as in PKCS#7; pad it with zero bytes to the next full block, with at least one"
                .to_owned(),
        );
    }
    if !is_readable(plain) {
        return Some(
            "the text is not readable, so that it was encrypted with another key, or not in ECB mode"
                .to_owned(),
        );
    }
    let mut padded = plain.to_vec();
    padded.resize((plain.len() / BLOCK + 1) * BLOCK, 0);
    let is = |text: &[u8]| digest(text).eq_ignore_ascii_case(signed);
    let sum = Sha256::digest(plain);
    let what = if is(plain) {
        "it is in upper case"
    } else if is(&padded) {
        "it is of the text with its padding"
    } else if is(encrypted.as_bytes()) {
        "it is of the encrypted text"
    } else if STANDARD.encode(sum) == signed {
        "it is in base64"
    } else {
        "it is of another text"
    };
    Some(format!(
        "the key is right, but the digest is not: {what}; expected lower-case hex SHA-256 of the text before padding \
        and encryption"
    ))
}

/// Returns a text without a padding as in PKCS#7, if it has one.
fn without_pkcs7(padded: &[u8]) -> Option<&[u8]> {
    let count = usize::from(*padded.last()?);
    let (text, padding) = padded.split_at(padded.len().checked_sub(count)?);
    let is_padding = (1..=BLOCK).contains(&count) && padding.iter().all(|byte| usize::from(*byte) == count);
    is_padding.then_some(text)
}

/// Whether bytes can be a query or the text of a body.
fn is_readable(bytes: &[u8]) -> bool {
    let is_odd = |c: char| c.is_control() && !c.is_whitespace();
    std::str::from_utf8(bytes).is_ok_and(|text| !text.contains(is_odd))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "airudderredduria";

    #[test]
    fn the_documented_vector() {
        let cipher = Cipher::new(KEY).unwrap();
        let plain = b"TaskID=69f531a01a9df58aa6de2487be610abb";
        let text = "qbj8cnqKnqR66qDS49ib9ymU1mpMCyp8Dm0gS1VvmnEqTxPGSBzruAU1sapP+cye";
        assert_eq!(cipher.encrypt(plain), text);
        assert_eq!(cipher.decrypt(text).unwrap(), plain);
        assert_eq!(digest(plain), "6956d7af4c89b89f19f9ae0a8be4bcf12abe7c6ed893691733f3480ad3f3aabc");
    }

    /// FIPS 197, appendix C, has no key that is text. These vectors are from the known-answer tests of NIST's AESAVS with a key
    /// of zero bytes, which is valid UTF-8.
    #[test]
    fn published_vectors_of_every_width() {
        for (bytes, plain, encrypted) in [
            (16, "f34481ec3cc627bacd5dc3fb08f273e6", "0336763e966d92595a567cc9ce537f5e"),
            (24, "1b077a6af4b7f98229de786d7516b639", "275cfc0413d8ccb70513c3859b1d0f72"),
            (32, "014730f80ac625fe84f026c60bfd547d", "5c9d844ed46f9885085e5d6a4f94c7d7"),
        ] {
            let cipher = Cipher::new(&"\0".repeat(bytes)).unwrap();
            let text = STANDARD.decode(cipher.encrypt(&hex::decode(plain).unwrap())).unwrap();
            assert_eq!(hex::encode(&text[..BLOCK]), encrypted);
            assert_eq!(text.len(), 2 * BLOCK, "a full block gets a block more");
        }
    }

    #[test]
    fn wrong_keys_and_texts() {
        let message = |key: &str| Cipher::new(key).unwrap_err().to_string();
        assert_eq!(message("short"), "an AES key is 16, 24 or 32 bytes of UTF-8, this one is 5");
        assert_eq!(message(""), "an AES key is 16, 24 or 32 bytes of UTF-8, this one is 0");
        // 16 characters, but 17 bytes.
        assert_eq!(message("airudderredduriä"), "an AES key is 16, 24 or 32 bytes of UTF-8, this one is 17");

        let cipher = Cipher::new(KEY).unwrap();
        assert_eq!(cipher.decrypt(""), Err(DecryptError::Empty));
        assert_eq!(cipher.decrypt("AAAA"), Err(DecryptError::Blocks { bytes: 3 }));
        assert!(matches!(cipher.decrypt("no base64!"), Err(DecryptError::Base64(_))));
        assert_eq!(format!("{cipher:?}"), "Cipher(***)");
    }

    #[test]
    fn what_does_not_match_is_told_apart() {
        let plain = b"TaskID=69f531a01a9df58aa6de2487be610abb";
        let sealed = Cipher::new(KEY).unwrap().encrypt(plain);
        let right = digest(plain);
        let cause = |key: &str, sealed: &str, signed: &str| {
            mismatch(&Cipher::new(key).unwrap().decrypt(sealed).unwrap(), sealed, signed)
        };
        assert_eq!(cause(KEY, &sealed, &right), None);
        let padded = [&plain[..], &[0; 9]].concat();
        for (signed, says) in [
            (right.to_uppercase(), "upper case"),
            (digest(&padded), "with its padding"),
            (digest(sealed.as_bytes()), "of the encrypted text"),
            (STANDARD.encode(Sha256::digest(plain)), "in base64"),
            (digest(b"x"), "of another text"),
        ] {
            let cause = cause(KEY, &sealed, &signed).unwrap();
            assert!(cause.starts_with("the key is right") && cause.contains(says), "{cause}");
        }
        let other = cause("another key of 2", &sealed, &right).unwrap();
        assert!(other.contains("with another key"), "{other}");
        // What a library pads by default: nine bytes of 9. The zero bytes that `encrypt` adds are stripped again.
        for (text, count) in [(&plain[..], 9), (&plain[..32], 16)] {
            let sealed = Cipher::new(KEY).unwrap().encrypt(&[text, &vec![count; count.into()]].concat());
            let cause = cause(KEY, &sealed, &digest(text)).unwrap();
            assert!(cause.contains("PKCS#7"), "{cause}");
        }
    }

    #[test]
    fn an_empty_text_is_one_block() {
        let cipher = Cipher::new(KEY).unwrap();
        let text = cipher.encrypt(b"");
        assert_eq!(STANDARD.decode(&text).unwrap().len(), BLOCK);
        assert_eq!(cipher.decrypt(&text).unwrap(), b"");
    }

    proptest! {
        #[test]
        fn round_trip(mut plain: Vec<u8>, width in prop::sample::select(vec![16, 24, 32])) {
            while plain.last() == Some(&0) {
                plain.pop();
            }
            let cipher = Cipher::new(&"k".repeat(width)).unwrap();
            prop_assert_eq!(cipher.decrypt(&cipher.encrypt(&plain)).unwrap(), plain);
        }

        #[test]
        fn decrypting_never_panics(text: String) {
            let _ = Cipher::new(KEY).unwrap().decrypt(&text);
        }
    }
}
