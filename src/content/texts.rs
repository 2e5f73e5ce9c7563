//! The names and texts of simulated people: one TOML file per language, all texts our own.
//!
//! The files are embedded. Each is parsed once, when the first person or text of its language is requested, so that
//! starting the program costs nothing for unused languages. A text is looked up in the exact locale, then in its language,
//! then in English.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

/// The content of one file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Content {
    names: Option<Names>,
    date: Option<DateForm>,
    /// Variants by key. All of them say the same thing in other words, except for `list_option`.
    phrases: BTreeMap<String, Vec<String>>,
    /// A text of more than 1,000 characters, in parts that fit together: one variant of each part is drawn.
    #[serde(default)]
    long_text: Vec<Vec<String>>,
}

/// The names of a language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Names {
    /// How a full name is composed; a pattern that is listed twice is twice as likely.
    pub(crate) patterns: Vec<String>,
    /// Which word of a full name is used for address.
    pub(crate) called: Called,
    pub(crate) female: Vec<String>,
    pub(crate) male: Vec<String>,
    pub(crate) family: Vec<String>,
}

/// Which word of a full name is used for address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Called {
    First,
    Last,
    Whole,
}

/// How a day is written: `{day}` and `{month}`, and the names of the twelve months.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DateForm {
    pub(crate) form: String,
    pub(crate) months: [String; 12],
}

struct Source {
    locale: &'static str,
    /// The locale whose names and dates are used if the file has none.
    like: &'static str,
    text: &'static str,
    parsed: OnceLock<Content>,
}

macro_rules! sources {
    ($($locale:literal like $like:literal in $file:literal),* $(,)?) => {
        [$(Source { locale: $locale, like: $like, text: include_str!(concat!("files/", $file)), parsed: OnceLock::new() }),*]
    };
}

static SOURCES: [Source; 12] = sources![
    "ar" like "en" in "ar.toml",
    "en" like "en" in "en.toml",
    "en-IN" like "en" in "en-IN.toml",
    "en-PH" like "tl" in "en-PH.toml",
    "es-MX" like "en" in "es-MX.toml",
    "hi" like "en" in "hi.toml",
    "id" like "en" in "id.toml",
    "ms" like "en" in "ms.toml",
    "th" like "en" in "th.toml",
    "tl" like "en" in "tl.toml",
    "vi" like "en" in "vi.toml",
    "zh-CN" like "en" in "zh-CN.toml",
];

impl Source {
    fn content(&self) -> &Content {
        self.parsed.get_or_init(|| {
            toml::from_str(self.text).unwrap_or_else(|error| panic!("content of {}: {error}", self.locale))
        })
    }
}

fn find(given: &str) -> Option<&'static Source> {
    // Frequent locales are written as they are here.
    if let Some(source) = SOURCES.iter().find(|source| source.locale == given) {
        return Some(source);
    }
    let mut tag = given.trim().replace('_', "-").to_lowercase();
    // `fil` is the newer code of the language that WhatsApp and Android call Filipino.
    if tag == "fil" || tag.starts_with("fil-") {
        tag.replace_range(..3, "tl");
    }
    let language = tag.split('-').next().unwrap_or_default();
    SOURCES
        .iter()
        .find(|source| source.locale.eq_ignore_ascii_case(&tag))
        .or_else(|| SOURCES.iter().find(|source| source.locale.split('-').next() == Some(language)))
}

/// Whether there are texts in the language of a tag.
pub(crate) fn knows(given: &str) -> bool {
    find(given).is_some()
}

/// Returns the locales that have texts.
pub(crate) fn locales() -> [&'static str; 12] {
    SOURCES.each_ref().map(|source| source.locale)
}

/// Returns the locale whose texts are used for a language tag: itself, or the one of the same language (`es` and `es-AR`
/// lead to `es-MX`); English for unknown tags. Letter case and `_` for `-` do not matter.
pub fn closest_locale(given: &str) -> &'static str {
    find(given).map_or("en", |source| source.locale)
}

/// Returns the contents to search, best first.
fn chain(locale: &str) -> impl Iterator<Item = &'static Content> {
    let best = find(locale);
    let language = best.and_then(|source| {
        let (language, _) = source.locale.split_once('-')?;
        SOURCES.iter().find(|other| other.locale == language)
    });
    let english = SOURCES.iter().find(|source| source.locale == "en");
    [best, language, english].into_iter().flatten().map(Source::content)
}

/// Returns the best content's file, and then the file from which it borrows names and dates.
fn borrowing(locale: &str) -> impl Iterator<Item = &'static Content> {
    let best = find(locale);
    let like = best.and_then(|source| SOURCES.iter().find(|other| other.locale == source.like));
    [best, like].into_iter().flatten().map(Source::content).chain(chain("en"))
}

/// Returns the names of a language.
pub(crate) fn names(locale: &str) -> &'static Names {
    borrowing(locale).find_map(|content| content.names.as_ref()).expect("en.toml has names")
}

/// Returns how a language writes a day.
pub(crate) fn date_form(locale: &str) -> &'static DateForm {
    borrowing(locale).find_map(|content| content.date.as_ref()).expect("en.toml has a date form")
}

/// Formats a day as a language writes it, without the year: `15 Maret`, `3月15日`.
pub(crate) fn day_text(day: jiff::civil::Date, locale: &str) -> String {
    let form = date_form(locale);
    let month = usize::try_from(day.month() - 1).ok().and_then(|month| form.months.get(month));
    form.form.replace("{day}", &day.day().to_string()).replace("{month}", month.map_or("", String::as_str))
}

/// Returns the keys of the phrases, sorted. English has all of them.
pub(crate) fn keys() -> impl Iterator<Item = &'static str> {
    chain("en").take(1).flat_map(|content| content.phrases.keys().map(String::as_str))
}

/// Returns the variants of a phrase, from the best file that has it.
pub(crate) fn variants(key: &str, locale: &str) -> Option<&'static [String]> {
    chain(locale).find_map(|content| content.phrases.get(key)).map(Vec::as_slice)
}

/// Returns the parts of a long text.
pub(crate) fn long_text(locale: &str) -> &'static [Vec<String>] {
    chain(locale)
        .map(|content| content.long_text.as_slice())
        .find(|parts| !parts.is_empty())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
