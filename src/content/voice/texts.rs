//! The built-in scripts, one file per language; each is read when it is first needed. A text that is missing from a file is
//! looked up in its language, then in English.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use super::business::Business;
use super::script::{Exchange, Script};
use crate::content::texts::closest_locale;

/// The texts of phone calls in a language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Voices {
    /// The names of currencies, by their codes.
    pub(super) money: BTreeMap<String, String>,
    pub(super) everyone: Everyone,
    collection: Script,
    telemarketing: Script,
    info_check: Script,
    pub(super) questions: Option<Questions>,
}

/// Texts for every call, whatever its subject.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Everyone {
    /// The person confirms to be the right one.
    pub(super) speaking: Vec<String>,
    /// The person wants to know who is calling.
    pub(super) who: Vec<String>,
    /// The person listens.
    pub(super) listening: Vec<String>,
    #[serde(default)]
    pub(super) topics: Vec<Exchange>,
    pub(super) ends: BTreeMap<String, Exchange>,
}

/// The questions and answers of an info check.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Questions {
    pub(super) name: Vec<String>,
    pub(super) company: Vec<String>,
    pub(super) address: Vec<String>,
    pub(super) birthday: Vec<String>,
    pub(super) job: Vec<String>,
    pub(super) income: Vec<String>,
    pub(super) contact: Vec<String>,
    pub(super) loan: Vec<String>,
    /// For any other subject, with `{item}`.
    pub(super) other: Vec<String>,
    /// The robot acknowledges the answer.
    pub(super) noted: Vec<String>,
    /// The person says what the list says, with `{answer}`.
    pub(super) right: Vec<String>,
    /// The person says something else, with `{answer}`.
    pub(super) wrong: Vec<String>,
    /// The person denies it.
    pub(super) denied: Vec<String>,
    /// The person does not answer.
    pub(super) silent: Vec<String>,
    pub(super) jobs: Vec<String>,
    pub(super) places: Vec<String>,
}

impl Voices {
    pub(super) fn script(&self, business: Business) -> &Script {
        match business {
            Business::Collection => &self.collection,
            Business::Telemarketing => &self.telemarketing,
            Business::InfoCheck => &self.info_check,
        }
    }
}

struct Source {
    locale: &'static str,
    text: &'static str,
    read: OnceLock<Voices>,
}

macro_rules! sources {
    ($($locale:literal),* $(,)?) => {
        [$(Source {
            locale: $locale,
            text: include_str!(concat!("../files/voice/", $locale, ".toml")),
            read: OnceLock::new(),
        }),*]
    };
}

static SOURCES: [Source; 12] =
    sources!["ar", "en", "en-IN", "en-PH", "es-MX", "hi", "id", "ms", "th", "tl", "vi", "zh-CN"];

/// Returns the questions of an info check in a language.
pub(super) fn questions(locale: &str) -> &'static Questions {
    voices(locale).find_map(|voices| voices.questions.as_ref()).expect("en.toml has questions")
}

/// Returns the robot's last words in calls of an intention.
#[cfg(test)]
pub(crate) fn endings(business: Business, locale: &str, intention: &str) -> &'static [String] {
    let of = |voices: &'static Voices| {
        let of_line = voices.script(business).ends.get(intention);
        of_line.or_else(|| voices.everyone.ends.get(intention))
    };
    voices(locale).find_map(of).map(|end| &*end.robot).unwrap_or_default()
}

/// Returns the voices to search, best first.
pub(super) fn voices(locale: &str) -> impl Iterator<Item = &'static Voices> {
    let locale = closest_locale(locale);
    let language = locale.split_once('-').map(|(language, _)| language);
    let names = [Some(locale), language, Some("en")].into_iter().flatten();
    names.filter_map(|name| SOURCES.iter().find(|source| source.locale == name)).map(|source| {
        source.read.get_or_init(|| {
            toml::from_str(source.text).unwrap_or_else(|error| panic!("voice of {}: {error}", source.locale))
        })
    })
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::content::voice::script::{INTENTIONS, PLACEHOLDERS};

    pub(in crate::content::voice) const LOCALES: [&str; 12] =
        ["ar", "en", "en-IN", "en-PH", "es-MX", "hi", "id", "ms", "th", "tl", "vi", "zh-CN"];

    pub(in crate::content::voice) const LINES: [Business; 3] =
        [Business::Collection, Business::Telemarketing, Business::InfoCheck];

    /// Returns every spoken text of a language, with its position.
    fn said(voices: &Voices) -> Vec<(String, &[String])> {
        let mut all: Vec<(String, &[String])> = vec![
            ("speaking".into(), &voices.everyone.speaking),
            ("who".into(), &voices.everyone.who),
            ("listening".into(), &voices.everyone.listening),
        ];
        if let Some(questions) = &voices.questions {
            let questions: [(String, &[String]); 16] = [
                ("noted".into(), &questions.noted),
                ("right".into(), &questions.right),
                ("wrong".into(), &questions.wrong),
                ("denied".into(), &questions.denied),
                ("silent".into(), &questions.silent),
                ("other".into(), &questions.other),
                ("name".into(), &questions.name),
                ("company".into(), &questions.company),
                ("address".into(), &questions.address),
                ("birthday".into(), &questions.birthday),
                ("job".into(), &questions.job),
                ("income".into(), &questions.income),
                ("contact".into(), &questions.contact),
                ("loan".into(), &questions.loan),
                ("jobs".into(), &questions.jobs),
                ("places".into(), &questions.places),
            ];
            all.extend(questions);
        }
        let mut exchanges: Vec<(String, &Exchange)> = Vec::new();
        let everyone = &voices.everyone;
        exchanges.extend(everyone.topics.iter().map(|topic| ("everyone topic".into(), topic)));
        exchanges.extend(everyone.ends.iter().map(|(letter, end)| (format!("everyone {letter}"), end)));
        for line in LINES {
            let script = voices.script(line);
            all.push((format!("{line:?} open"), &script.open));
            all.push((format!("{line:?} introduce"), &script.introduce));
            all.push((format!("{line:?} ask"), &script.ask));
            exchanges.extend(script.topics.iter().map(|topic| (format!("{line:?} topic"), topic)));
            exchanges.extend(script.ends.iter().map(|(letter, end)| (format!("{line:?} {letter}"), end)));
            assert!(script.talks.is_empty());
        }
        for (place, exchange) in exchanges {
            all.push((format!("{place} person"), &exchange.person));
            all.push((format!("{place} robot"), &exchange.robot));
        }
        all
    }

    #[test]
    fn every_language_has_its_own_words_for_every_line_and_end() {
        for locale in LOCALES {
            let voices = voices(locale).next().unwrap();
            assert_eq!(voices.money.len(), 9, "{locale}");
            for line in LINES {
                let script = voices.script(line);
                assert!(script.open.len() >= 2 && script.ask.len() >= 2, "{locale} {line:?}");
                for letter in INTENTIONS {
                    let end = script.ends.get(letter).or_else(|| voices.everyone.ends.get(letter));
                    let end = end.unwrap_or_else(|| panic!("{locale} {line:?}: no end {letter}"));
                    assert!(end.person.len() >= 2 && end.robot.len() >= 2, "{locale} {line:?} {letter}");
                }
            }
        }
    }

    #[test]
    fn texts_are_spoken_and_their_braces_known() {
        for locale in LOCALES {
            let voices = voices(locale).next().unwrap();
            for (place, texts) in said(voices) {
                assert!(!texts.is_empty(), "{locale} {place}");
                let different: BTreeSet<&String> = texts.iter().collect();
                assert_eq!(different.len(), texts.len(), "{locale} {place} says something twice");
                let names_nobody = texts.iter().any(|text| !text.contains("{name}"));
                assert!(names_nobody, "{locale} {place}: nothing to say to somebody without a name");
                for text in texts {
                    assert!(!text.trim().is_empty() && !text.contains(char::is_numeric), "{locale}: {text}");
                    for part in text.split('{').skip(1) {
                        let (inside, _) = part.split_once('}').unwrap_or_else(|| panic!("{locale}: {text}"));
                        let known = PLACEHOLDERS.contains(&inside)
                            || matches!((inside, place.as_str()), ("item", "other"))
                            || matches!((inside, place.as_str()), ("answer", "right" | "wrong"))
                            || matches!(inside.matches('|').count(), 1 | 2);
                        assert!(known, "{locale} {place}: `{{{inside}}}` in: {text}");
                    }
                }
            }
        }
    }

    #[test]
    fn no_end_and_no_beginning_is_that_of_another_line_or_intention() {
        for locale in LOCALES {
            let voices = voices(locale).next().unwrap();
            let mut seen = BTreeSet::new();
            let ends = LINES.map(|line| &voices.script(line).ends).into_iter().chain([&voices.everyone.ends]);
            let robots = ends.flat_map(|ends| ends.values()).flat_map(|end| &end.robot);
            for text in robots {
                assert!(!text.contains('{'), "{locale}: the last words name nothing: {text}");
                assert!(seen.insert(text), "{locale}: two ends say: {text}");
            }
            for text in LINES
                .iter()
                .flat_map(|line| [&voices.script(*line).open, &voices.script(*line).ask])
                .flatten()
            {
                assert!(seen.insert(text), "{locale}: two lines say: {text}");
            }
        }
    }
}
