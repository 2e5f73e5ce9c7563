//! Suggestions: the most similar of the valid words. All comparisons of this kind are made here.

/// Maximum length of a text that gets a suggestion: the cost is the product of the lengths, and words this long are not typing
/// mistakes.
const LONGEST: usize = 200;

/// Returns the word of `right` that was probably meant by `wrong`. Differences in letter case, dots, dashes, underscores and
/// spaces count little.
pub(crate) fn nearest<'a>(wrong: &str, right: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_of(wrong, right.into_iter().map(|word| (word, word)))
}

/// Returns what the word most similar to `wrong` stands for; several words may stand for the same.
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

/// Returns the end of a message about a wrong word.
pub(crate) fn did_you_mean(near: Option<&str>) -> String {
    near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default()
}

/// Whether two words differ by at most one typing mistake.
pub(crate) fn is_one_slip(one: &str, other: &str) -> bool {
    strsim::osa_distance(one, other) <= 1
}

/// Returns how many letters may differ in a word of this length.
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
