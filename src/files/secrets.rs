//! Removes secrets from the lines that are shown with mistakes: those lines end up in the logs of CI.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Value;

/// The keys whose values are secrets.
const KEYS: [&str; 5] = ["secret", "app_secret", "sign_secret", "encryption_key", "password"];

/// Returns the text with secrets replaced by stars byte for byte, so that every offset stays the same.
pub(super) fn without_secrets(text: &str) -> Cow<'_, str> {
    let secrets: Vec<Range<usize>> = values(text).chain(credentials(text)).collect();
    if secrets.is_empty() {
        return Cow::Borrowed(text);
    }
    let is_secret = |at: usize| secrets.iter().any(|range| range.contains(&at));
    let mut shown = String::with_capacity(text.len());
    for (at, letter) in text.char_indices() {
        match is_secret(at) && letter != '\n' {
            true => shown.extend(std::iter::repeat_n('*', letter.len_utf8())),
            false => shown.push(letter),
        }
    }
    Cow::Owned(shown)
}

/// Returns the values of keys that hold secrets, between their quotes.
fn values(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    text.match_indices(['=', ':']).filter_map(|(at, _)| {
        let name = text[..at].trim_end().trim_end_matches(['"', '\'']);
        let is_word = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-');
        let name = &name[name.trim_end_matches(is_word).len()..];
        let rest = text[at + 1..].trim_start();
        let quote = rest.chars().next().filter(|first| matches!(first, '"' | '\''))?;
        let start = text.len() - rest.len() + 1;
        let end = text[start..].find([quote, '\n']).map_or(text.len(), |length| start + length);
        KEYS.contains(&name).then_some(start..end)
    })
}

/// Returns the user names and passwords of URLs.
fn credentials(text: &str) -> impl Iterator<Item = Range<usize>> + '_ {
    text.match_indices("://").filter_map(|(at, mark)| {
        let start = at + mark.len();
        let authority = text[start..].split(['/', '?', '#', '"', '\'', ' ', '\n']).next()?;
        Some(start..start + authority.rfind('@')?)
    })
}

/// Replaces secrets in a value by stars.
pub fn masked(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let shown = |(name, value): (String, Value)| match KEYS.contains(&name.as_str()) {
                true => (name, Value::from("***")),
                false => (name, masked(value)),
            };
            Value::Object(fields.into_iter().map(shown).collect())
        }
        Value::Array(values) => Value::Array(values.into_iter().map(masked).collect()),
        Value::String(text) => Value::String(without_secrets(&text).into_owned()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_are_stars_and_all_else_stays() {
        for (text, shown) in [
            (
                "accounts = [{ app_key = 'K', app_secret = 's3cret', x = 1 }]",
                "accounts = [{ app_key = 'K', app_secret = '******', x = 1 }]",
            ),
            ("secret=\"a'b\"", "secret=\"***\""),
            ("\"sign_secret\" : \"né\"", "\"sign_secret\" : \"***\""),
            ("url = 'http://me:pw@host/a@b'", "url = 'http://*****@host/a@b'"),
            ("secret = 'cut off", "secret = '*******"),
            ("secret_form = 'utf-8'", "secret_form = 'utf-8'"),
            ("secret = 5", "secret = 5"),
            ("url = 'http://host/a@b'", "url = 'http://host/a@b'"),
        ] {
            assert_eq!(without_secrets(text), shown);
        }
    }

    proptest! {
        #[test]
        fn places_stay(text in "(secret ?= ?['\"])?.{0,40}(://)?.{0,20}") {
            let shown = without_secrets(&text);
            prop_assert_eq!(shown.len(), text.len());
            prop_assert!(text.char_indices().all(|(at, _)| shown.is_char_boundary(at)));
        }
    }
}
