//! Texts in base64, as some fields of requests have them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_PAD_INDIFFERENT, URL_SAFE_PAD_INDIFFERENT};

/// Decodes a text in base64, in either alphabet. Some libraries omit the padding.
pub(super) fn encoded_text(text: &str) -> Option<String> {
    let bytes = STANDARD_PAD_INDIFFERENT.decode(text).or_else(|_| URL_SAFE_PAD_INDIFFERENT.decode(text));
    String::from_utf8(bytes.ok()?).ok()
}
