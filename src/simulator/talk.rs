//! What is drawn of talk alike in all departments: how long it takes, and where its recording would lie.

use jiff::Timestamp;

use crate::seed::{Rng, hex32};

/// Seconds it takes to say something, about: a breath, and the words.
pub(super) fn speaking_time(text: &str) -> i64 {
    let letters = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    2 + letters / 14
}

/// A link to a recording, in the form of the vendor's (client): nothing is served there.
pub(super) fn record_link(rng: &mut Rng, day: Timestamp) -> String {
    let day = day.strftime("%Y%m%d");
    format!("https://recordings.example/download/{day}/{}/{}.wav", hex32(rng), hex32(rng))
}
