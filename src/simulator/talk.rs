//! What all departments share of talks: how long they take, and the form of their recording links.

use jiff::Timestamp;

use crate::contract::bodies::message::Content;
use crate::seed::{Rng, hex32};

/// Returns the approximate time to say something, in seconds: a breath, and the words.
pub(super) fn speaking_time(text: &str) -> i64 {
    let letters = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    2 + letters / 14
}

/// Returns the approximate time to write a message, in seconds.
pub(super) fn writing_time(content: &Content) -> i64 {
    match content {
        Content::Text { text } | Content::Button { text } => speaking_time(text),
        _ => 3,
    }
}

/// Returns a link to a recording in the vendor's form (client). The link itself is not served.
pub(super) fn record_link(rng: &mut Rng, day: Timestamp) -> String {
    let day = day.strftime("%Y%m%d");
    format!("https://recordings.example/download/{day}/{}/{}.wav", hex32(rng), hex32(rng))
}
