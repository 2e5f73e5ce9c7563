//! Simulated customers: a name in the script in which people write it, a number, a language.

use rand::seq::IndexedRandom;
use serde::Serialize;

use super::country::Country;
use super::gender::Gender;
use super::phone::phone;
use super::placeholders;
use super::texts::{self, Names};
use crate::seed::Rng;

/// A simulated customer. Names are composed from lists of common given and family names and do not refer to real people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Person {
    /// The id on WhatsApp: the digits of the number (assumed for this vendor).
    pub user_id: String,
    /// The full name, as the person would set it on WhatsApp.
    pub name: String,
    /// The gender of the name.
    pub gender: Gender,
    /// The mobile number, E.164 with `+`.
    pub phone: String,
    /// The country in which the person lives.
    pub country: Country,
    /// The language in which the person writes, one of [`texts::locales`].
    pub locale: &'static str,
}

impl Person {
    /// Draws a person of a country. Without a locale the person writes the country's usual language; a locale without texts
    /// counts as `en` (see [`texts::find_locale`] to refuse it instead).
    pub fn draw(rng: &mut Rng, country: Country, locale: Option<&str>) -> Self {
        let locale = texts::closest_locale(locale.unwrap_or_else(|| country.default_locale()));
        let (gender, name) = Self::draw_name(rng, locale);
        let phone = phone(rng, country);
        Self { user_id: phone.trim_start_matches('+').to_owned(), name, gender, phone, country, locale }
    }
}

impl Person {
    /// Draws the gender and the name of a person who writes a known language, the first step of [`Person::draw`].
    pub(crate) fn draw_name(rng: &mut Rng, locale: &str) -> (Gender, String) {
        let gender = Gender::draw(rng);
        let name = name(rng, texts::names(locale), gender);
        (gender, name)
    }
}

fn name(rng: &mut Rng, names: &'static Names, gender: Gender) -> String {
    let given = match gender {
        Gender::Male => &names.male,
        Gender::Female => &names.female,
    };
    let mut pick = |pool: &'static [String]| pool.choose(rng).map_or("", String::as_str);
    let (pattern, given, family) = (pick(&names.patterns), pick(given), pick(&names.family));
    placeholders::fill(pattern, gender, Some(gender), |placeholder| match placeholder {
        "given" => Some(given.into()),
        "family" => Some(family.into()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::seed::Seed;

    fn draw(seed: u64, country: Country, locale: Option<&str>) -> Person {
        Person::draw(&mut Seed(seed).stream("person", 0), country, locale)
    }

    #[test]
    fn one_seed_makes_one_person() {
        for country in Country::ALL {
            let person = draw(7, country, None);
            assert_eq!(person, draw(7, country, None));
            assert_ne!(person, draw(8, country, None));
            assert_eq!(person.country, country);
            assert_eq!(person.locale, country.default_locale());
            assert_eq!(format!("+{}", person.user_id), person.phone);
        }
    }

    #[test]
    fn names_are_written_in_the_script_of_the_language() {
        for (locale, script) in [
            ("th", '\u{e00}'..='\u{e7f}'),
            ("hi", '\u{900}'..='\u{97f}'),
            ("zh-CN", '\u{4e00}'..='\u{9fff}'),
            ("ar", '\u{600}'..='\u{6ff}'),
            ("id", 'A'..='z'),
            ("en-IN", 'A'..='z'),
        ] {
            for seed in 0..200 {
                let person = draw(seed, Country::Id, Some(locale));
                assert_eq!(person.locale, locale);
                assert!(
                    person.name.chars().all(|c| c == ' ' || script.contains(&c)),
                    "{locale}: {}",
                    person.name
                );
            }
        }
    }

    #[test]
    fn other_spellings_of_a_locale_are_understood() {
        for (given, meant) in [("es", "es-MX"), ("en_us", "en"), ("ZH", "zh-CN"), ("fil", "tl"), ("xx", "en")]
        {
            assert_eq!(draw(1, Country::Mx, Some(given)).locale, meant);
        }
    }

    #[test]
    fn people_of_every_country() {
        let people: Vec<String> = Country::ALL
            .into_iter()
            .flat_map(|country| (0..3).map(move |seed| draw(seed, country, None)))
            .map(|p| format!("{} {:6} {} {} {}", p.country, p.locale, p.phone, p.gender, p.name))
            .collect();
        insta::assert_snapshot!(people.join("\n"));
    }

    proptest! {
        #[test]
        fn nobody_is_without_a_name(seed: u64, locale in ".{0,8}") {
            for country in Country::ALL {
                let person = draw(seed, country, Some(&locale));
                prop_assert!(person.name.trim() == person.name && !person.name.is_empty());
                let filled = !person.name.contains(['{', '}', '|']);
                prop_assert!(filled);
            }
        }
    }
}
