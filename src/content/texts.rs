//! What simulated people are called and what they write: one TOML file per language, all texts our own.
//!
//! The files are embedded. Each is parsed once, when the first person or text of its language is asked for, so that
//! a program start pays for no language it does not use. A text is looked up in the exact locale, then in its
//! language, then in English.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

/// The content of one file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Content {
    names: Option<Names>,
    date: Option<DateForm>,
    /// Variants by key. All of them say the same thing in other words, apart from `list_option`.
    phrases: BTreeMap<String, Vec<String>>,
    /// A text of more than 1,000 characters, in parts that fit together: one variant of each part is taken.
    #[serde(default)]
    long_text: Vec<Vec<String>>,
}

/// The names of a language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Names {
    /// How a whole name is put together; a pattern that stands twice is twice as likely.
    pub(crate) patterns: Vec<String>,
    /// Which word of a whole name one is called by.
    pub(crate) called: Called,
    pub(crate) female: Vec<String>,
    pub(crate) male: Vec<String>,
    pub(crate) family: Vec<String>,
}

/// Which word of a whole name one is called by.
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
    /// The locale whose names and dates are used where the file has none.
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
    // Those that are asked for again and again are written as they are here.
    if let Some(source) = SOURCES.iter().find(|source| source.locale == given) {
        return Some(source);
    }
    let mut tag = given.trim().replace('_', "-").to_lowercase();
    // `fil` is the newer code of the language WhatsApp and Android call Filipino.
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

/// The locales that there are texts in.
pub(crate) fn locales() -> [&'static str; 12] {
    SOURCES.each_ref().map(|source| source.locale)
}

/// The locale whose texts are used for a language tag: itself, or the one of the same language (`es` and `es-AR`
/// lead to `es-MX`); English for what is unknown. Letter case and `_` for `-` do not matter.
pub fn closest_locale(given: &str) -> &'static str {
    find(given).map_or("en", |source| source.locale)
}

/// The contents to look in, best first.
fn chain(locale: &str) -> impl Iterator<Item = &'static Content> {
    let best = find(locale);
    let language = best.and_then(|source| {
        let (language, _) = source.locale.split_once('-')?;
        SOURCES.iter().find(|other| other.locale == language)
    });
    let english = SOURCES.iter().find(|source| source.locale == "en");
    [best, language, english].into_iter().flatten().map(Source::content)
}

/// The best content's file, and then the file it borrows names and dates from.
fn borrowing(locale: &str) -> impl Iterator<Item = &'static Content> {
    let best = find(locale);
    let like = best.and_then(|source| SOURCES.iter().find(|other| other.locale == source.like));
    [best, like].into_iter().flatten().map(Source::content).chain(chain("en"))
}

/// The names of a language.
pub(crate) fn names(locale: &str) -> &'static Names {
    borrowing(locale).find_map(|content| content.names.as_ref()).expect("en.toml has names")
}

/// How a language writes a day.
pub(crate) fn date_form(locale: &str) -> &'static DateForm {
    borrowing(locale).find_map(|content| content.date.as_ref()).expect("en.toml has a date form")
}

/// A day the way a language writes it, without the year: `15 Maret`, `3月15日`.
pub(crate) fn day_text(day: jiff::civil::Date, locale: &str) -> String {
    let form = date_form(locale);
    let month = usize::try_from(day.month() - 1).ok().and_then(|month| form.months.get(month));
    form.form.replace("{day}", &day.day().to_string()).replace("{month}", month.map_or("", String::as_str))
}

/// The keys of the phrases, sorted: English has them all.
pub(crate) fn keys() -> impl Iterator<Item = &'static str> {
    chain("en").take(1).flat_map(|content| content.phrases.keys().map(String::as_str))
}

/// The variants of a phrase, out of the best file that has it.
pub(crate) fn variants(key: &str, locale: &str) -> Option<&'static [String]> {
    chain(locale).find_map(|content| content.phrases.get(key)).map(Vec::as_slice)
}

/// The parts of a long text.
pub(crate) fn long_text(locale: &str) -> &'static [Vec<String>] {
    chain(locale)
        .map(|content| content.long_text.as_slice())
        .find(|parts| !parts.is_empty())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
