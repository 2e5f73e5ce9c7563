//! What the user may have meant: the nearest of the words that would have been right.

/// Names from other tools, and what they are called here.
const OTHER_NAMES: [(&str, &str); 25] = [
    ("reactions", "on"),
    ("react", "on"),
    ("variables", "vars"),
    ("variable", "vars"),
    ("sleep", "pause"),
    ("delay", "pause"),
    ("delay", "after"),
    ("emit", "send"),
    ("event", "send"),
    ("callback", "send"),
    ("wait_for", "await"),
    ("call", "await"),
    ("if", "when"),
    ("condition", "when"),
    ("times", "repeat"),
    ("count", "repeat"),
    ("limit", "times"),
    ("timeout", "within"),
    ("match", "where"),
    ("filter", "where"),
    ("response", "answer"),
    ("retries", "tries"),
    ("url", "callback_url"),
    ("url", "target"),
    ("url", "path"),
];

/// The word of `right` that `wrong` was probably meant to be. Letter case, dashes and underscores count little.
pub(crate) fn nearest<'a>(wrong: &str, right: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let right: Vec<&str> = right.into_iter().collect();
    let plain = plain(wrong);
    // Measuring takes the product of the lengths; nobody mistypes a word of a hundred letters.
    if plain.is_empty() || plain.len() > 100 {
        return None;
    }
    let near = right
        .iter()
        .map(|word| (strsim::osa_distance(&plain, &self::plain(word)), *word))
        .filter(|(distance, word)| *distance <= allowance(plain.chars().count().min(word.chars().count())))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word);
    near.or_else(|| {
        let known = OTHER_NAMES.iter().filter(|(other, _)| *other == plain);
        known.map(|(_, ours)| *ours).find_map(|ours| right.iter().find(|word| **word == ours).copied())
    })
}

/// How many letters may differ in a word of so many.
fn allowance(letters: usize) -> usize {
    match letters {
        0..=2 => 0,
        3..=5 => 1,
        6..=8 => 2,
        _ => 3,
    }
}

fn plain(word: &str) -> String {
    word.trim()
        .chars()
        .flat_map(char::to_lowercase)
        .map(|c| if matches!(c, '-' | ' ') { '_' } else { c })
        .collect()
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
            ("sleep", Some("pause")),
            ("url", Some("callback_url")),
            ("reactions", Some("on")),
            ("x", None),
            ("", None),
            ("body", None),
        ] {
            assert_eq!(nearest(wrong, keys), right, "{wrong}");
        }
    }
}
