//! The files are data that people edit: everything the code relies on is checked here.

use std::collections::BTreeSet;

use super::*;
use crate::content::Person;
use crate::content::facts::Facts;
use crate::content::phrases;
use crate::seed::Seed;

/// The names that a text may use in braces; a bar between two words selects by gender.
const PLACEHOLDERS: [&str; 5] = ["name", "amount", "date", "company", "order"];

#[test]
fn every_language_says_everything_in_several_ways() {
    for source in &SOURCES {
        let content = source.content();
        for key in phrases::keys().into_iter().filter(|key| *key != "long_text") {
            let variants = content.phrases.get(key).unwrap_or_else(|| panic!("{}: no {key}", source.locale));
            let different: BTreeSet<&String> = variants.iter().collect();
            // A label for one thing has one name.
            let least = if key.starts_with("option_") { 1 } else { 4 };
            assert!(variants.len() >= least, "{}: {key} has {} variants", source.locale, variants.len());
            assert_eq!(different.len(), variants.len(), "{}: {key} says something twice", source.locale);
            assert!(variants.iter().all(|text| !text.trim().is_empty()), "{}: {key}", source.locale);
        }
        for key in content.phrases.keys() {
            assert!(phrases::find_key(key).is_ok(), "{}: nobody asks for {key}", source.locale);
        }
    }
}

#[test]
fn texts_use_known_placeholders_only() {
    for source in &SOURCES {
        let content = source.content();
        let texts = content.phrases.values().chain(&content.long_text).flatten();
        for text in texts {
            for part in text.split('{').skip(1) {
                let (inside, _) = part.split_once('}').unwrap_or_else(|| panic!("{}: {text}", source.locale));
                let known = PLACEHOLDERS.contains(&inside) || inside.matches('|').count() == 1;
                assert!(known, "{}: `{{{inside}}}` in: {text}", source.locale);
            }
        }
    }
}

#[test]
fn names_are_many_and_patterns_read() {
    for source in &SOURCES {
        let names = names(source.locale);
        for pool in [&names.female, &names.male, &names.family] {
            let different: BTreeSet<&String> = pool.iter().collect();
            assert!(pool.len() >= 20, "{}: {} names", source.locale, pool.len());
            assert_eq!(different.len(), pool.len(), "{}: a name stands twice", source.locale);
        }
        assert!(names.patterns.iter().all(|pattern| pattern.contains("{given}")), "{}", source.locale);
        let form = &date_form(source.locale).form;
        assert!(form.contains("{day}") && form.contains("{month}"), "{}", source.locale);
    }
}

#[test]
fn long_texts_are_long_and_nothing_is_left_to_fill_in() {
    for source in &SOURCES {
        let mut rng = Seed(3).stream("content", 0);
        let person = Person::draw(&mut rng, crate::content::Country::Id, Some(source.locale));
        let facts = Facts::of(&mut rng, &person, "2030-01-01T00:00:00Z".parse().unwrap());
        for key in phrases::keys() {
            for _ in 0..8 {
                let text = phrases::phrase_with(&mut rng, key, source.locale, &facts).unwrap();
                assert!(!text.contains(['{', '}']), "{} {key}: {text}", source.locale);
                if key == "long_text" {
                    assert!(text.chars().count() > 1_000, "{}: {}", source.locale, text.chars().count());
                }
            }
        }
    }
}

#[test]
fn the_embedded_texts_stay_small() {
    let size: usize = SOURCES.iter().map(|source| source.text.len()).sum();
    assert!(size < 400_000, "{size} bytes");
}
