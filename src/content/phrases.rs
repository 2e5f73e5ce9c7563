//! What people, bots and agents write, by key and language.
//!
//! Each key is said by one side: `greeting`, `debt_promise` and the like by the customer, `bot_*`, reminders, offers
//! and templates by the bot, `agent_*` by the agent, `button_*` and `list_*` are labels.

use rand::seq::IndexedRandom;

use super::facts::Facts;
use super::texts;
use crate::seed::Rng;

const KEYS: [&str; 42] = [
    "agent_answer",
    "agent_goodbye",
    "agent_greeting",
    "agent_question",
    "apology",
    "ask_for_agent",
    "bot_gives_up",
    "bot_intro",
    "button_call_me",
    "button_no",
    "button_stop",
    "button_yes",
    "complaint",
    "debt_dispute",
    "debt_promise",
    "debt_reminder",
    "emoji_text",
    "greeting",
    "list_button",
    "list_option",
    "list_title",
    "loan_decline",
    "loan_interest",
    "loan_offer",
    LONG_TEXT,
    "opt_out",
    "opt_out_confirmed",
    "order_question",
    "order_status",
    "parcel_late",
    "payment_done",
    "payment_link",
    "reminder_silent",
    "review",
    "session_closed",
    "small_talk",
    "template_body",
    "template_footer",
    "user_answer",
    "user_goodbye",
    "user_thanks",
    "wrong_number",
];

/// The one phrase that is put together from parts.
const LONG_TEXT: &str = "long_text";

/// Every key, sorted.
pub fn keys() -> &'static [&'static str] {
    &KEYS
}

/// A key no phrase has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no phrase `{given}`, {}", advice(.suggestion))]
pub struct UnknownKey {
    /// What was written.
    pub given: String,
    /// The key it looks like.
    pub suggestion: Option<&'static str>,
}

fn advice(suggestion: &Option<&'static str>) -> String {
    match suggestion {
        Some(key) => format!("did you mean `{key}`?"),
        None => format!("use one of {}", KEYS.join(", ")),
    }
}

/// Looks a key up as a user wrote it.
pub fn find_key(given: &str) -> Result<&'static str, UnknownKey> {
    KEYS.into_iter().find(|key| *key == given).ok_or_else(|| UnknownKey {
        given: given.to_owned(),
        suggestion: crate::files::suggest::nearest(given, KEYS),
    })
}

/// One variant of a phrase as it stands in the file, **placeholders included**: [`phrase_with`] fills them. Looked up
/// in the locale, then its language, then English. None if there is no such key.
pub fn phrase(rng: &mut Rng, key: &str, locale: &str) -> Option<String> {
    if key == LONG_TEXT {
        let parts = texts::long_text(locale).iter().filter_map(|part| part.choose(rng));
        return Some(parts.map(String::as_str).collect::<Vec<_>>().join("\n\n"));
    }
    texts::variants(key, locale)?.choose(rng).cloned()
}

/// One variant of a phrase with its placeholders filled: the text as it is sent. None if there is no such key.
pub fn phrase_with(rng: &mut Rng, key: &str, locale: &str, facts: &Facts) -> Option<String> {
    phrase(rng, key, locale).map(|text| facts.fill(&text, locale))
}

/// All variants of a phrase in the order of the file, placeholders included; for `list_option` these are the rows of
/// a list. None for an unknown key and for `long_text`, which is put together anew each time.
pub fn variants(key: &str, locale: &str) -> Option<&'static [String]> {
    texts::variants(key, locale)
}
