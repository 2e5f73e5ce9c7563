//! What the user may have meant: the nearest of the words that would have been right. The only place that compares.

/// Longer texts get no suggestion: measuring takes the product of the lengths, and nobody mistypes a word so long.
const LONGEST: usize = 200;

/// The word of `right` that `wrong` was probably meant to be. Letter case, dots, dashes, underscores and spaces count
/// little.
pub(crate) fn nearest<'a>(wrong: &str, right: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_of(wrong, right.into_iter().map(|word| (word, word)))
}

/// What the word nearest to `wrong` stands for; one thing may have several words.
pub(crate) fn nearest_of<'a, T>(wrong: &str, right: impl IntoIterator<Item = (&'a str, T)>) -> Option<T> {
    let plain = plain(wrong);
    if plain.is_empty() || plain.len() > LONGEST {
        return None;
    }
    let letters = plain.chars().count();
    right
        .into_iter()
        .map(|(word, meant)| (strsim::osa_distance(&plain, &self::plain(word)), word, meant))
        .filter(|(distance, word, _)| *distance <= allowance(letters.min(word.chars().count())))
        .min_by_key(|(distance, ..)| *distance)
        .map(|(_, _, meant)| meant)
}

/// The tail of a message about a wrong word.
pub(crate) fn did_you_mean(near: Option<&str>) -> String {
    near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default()
}

/// Whether two words differ by one slip of the pen at most.
pub(crate) fn is_one_slip(one: &str, other: &str) -> bool {
    strsim::osa_distance(one, other) <= 1
}

/// How many letters may differ in a word of so many.
fn allowance(letters: usize) -> usize {
    match letters {
        0..=2 => 0,
        3..=5 => 1,
        6..=8 => 2,
        9..=11 => 3,
        _ => (letters / 5).clamp(4, 6),
    }
}

fn plain(word: &str) -> String {
    let lower = word.trim().chars().flat_map(char::to_lowercase);
    lower.map(|c| if matches!(c, '-' | ' ' | '.') { '_' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found() {
        let keys = ["send", "await", "pause", "conversation", "when", "on", "callback_url"];
        for (wrong, right) in [
            ("sned", Some("send")),
            ("Send", Some("send")),
            ("awiat", Some("await")),
            ("conversatoin", Some("conversation")),
            ("callback-url", Some("callback_url")),
            ("callbackUrl", Some("callback_url")),
            ("x", None),
            ("", None),
            ("body", None),
        ] {
            assert_eq!(nearest(wrong, keys), right, "{wrong}");
        }
    }
}
