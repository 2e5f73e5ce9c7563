//! What people, bots and agents write, by key and language.
//!
//! Each key belongs to one side: `greeting`, `debt_promise` and the like to the customer, `bot_*`, reminders, offers and
//! templates to the bot, `agent_*` to the agent. `button_*` and `list_*` are labels.

use rand::seq::IndexedRandom;

use super::facts::Facts;
use super::gender::Gender;
use super::placeholders;
use super::texts;
use crate::seed::Rng;

/// The only phrase that is composed of parts.
const LONG_TEXT: &str = "long_text";

/// Returns every key, sorted.
pub(crate) fn keys() -> Vec<&'static str> {
    let mut keys: Vec<_> = texts::keys().chain([LONG_TEXT]).collect();
    keys.sort_unstable();
    keys
}

/// A key that no phrase has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no phrase `{given}`, {}", advice(.suggestion))]
pub struct UnknownKey {
    /// The key as written.
    pub given: String,
    /// The key that was probably meant.
    pub suggestion: Option<&'static str>,
}

fn advice(suggestion: &Option<&'static str>) -> String {
    match suggestion {
        Some(key) => format!("did you mean `{key}`?"),
        None => format!("use one of {}", keys().join(", ")),
    }
}

/// Looks up a key as a user wrote it.
pub fn find_key(given: &str) -> Result<&'static str, UnknownKey> {
    let keys = keys();
    keys.iter().copied().find(|key| *key == given).ok_or_else(|| UnknownKey {
        given: given.to_owned(),
        suggestion: crate::files::suggest::nearest(given, keys),
    })
}

/// Draws a variant of a phrase as it stands in the file, **placeholders included**: [`phrase_with`] fills them. Looks in
/// the locale, then its language, then English. Returns `None` if there is no such key.
pub fn phrase(rng: &mut Rng, key: &str, locale: &str) -> Option<String> {
    if key == LONG_TEXT {
        let parts = texts::long_text(locale).iter().filter_map(|part| part.choose(rng));
        return Some(parts.map(String::as_str).collect::<Vec<_>>().join("\n\n"));
    }
    texts::variants(key, locale)?.choose(rng).cloned()
}

/// Returns every variant of a phrase in every language, for every gender. Placeholders for facts stay as they are.
pub(crate) fn every(key: &str) -> impl Iterator<Item = String> {
    let variants = texts::locales().into_iter().filter_map(move |locale| texts::variants(key, locale));
    variants.flatten().flat_map(|text| {
        [Gender::Male, Gender::Female].map(|gender| placeholders::fill(text, gender, Some(gender), |_| None))
    })
}

/// Draws a variant of a phrase with its placeholders filled: the text as it is sent. Returns `None` if there is no such
/// key.
pub fn phrase_with(rng: &mut Rng, key: &str, locale: &str, facts: &Facts) -> Option<String> {
    phrase(rng, key, locale).map(|text| facts.fill(&text, locale))
}
