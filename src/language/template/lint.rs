//! Words in templates that the template engine checks only at run time: filters, tests, and arguments that must be words
//! from a list.

use std::ops::Range;
use std::sync::Arc;

use jiff::Timestamp;
use minijinja::{ErrorKind, Value};

use super::tokens::{Token, tokens};
use super::{CHECKER, Helpers};
use crate::content::{Country, phrases, texts};
use crate::files::diagnostic::{joined, quoted};
use crate::files::suggest::nearest;
use crate::seed::Seed;

/// The filters of the template language, for suggestions.
const FILTERS: [&str; 45] = [
    "abs",
    "attr",
    "batch",
    "bool",
    "capitalize",
    "chain",
    "count",
    "default",
    "dictsort",
    "escape",
    "first",
    "float",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "pprint",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
];

/// The tests of the template language, for suggestions.
const TESTS: [&str; 22] = [
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "equalto",
    "even",
    "false",
    "float",
    "greaterthan",
    "in",
    "integer",
    "iterable",
    "lessthan",
    "lower",
    "mapping",
    "none",
    "number",
    "odd",
    "sequence",
    "startingwith",
    "string",
    "undefined",
];

/// A word in a template that is wrong, or that is probably not what was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lint {
    /// Position in the template, in bytes.
    pub(crate) range: Range<usize>,
    /// The message, in one line.
    pub(crate) message: String,
    /// A hint what to write.
    pub(crate) help: Option<String>,
    /// Whether the template can still be filled in.
    pub(crate) is_doubt: bool,
}

fn has_filter(name: &str) -> bool {
    let found = CHECKER.empty_state().apply_filter(name, &[]);
    !matches!(found, Err(error) if error.kind() == ErrorKind::UnknownFilter)
}

fn has_test(name: &str) -> bool {
    let found = CHECKER.empty_state().perform_test(name, &[]);
    !matches!(found, Err(error) if error.kind() == ErrorKind::UnknownTest)
}

/// Returns every wrong or doubtful word of a template, in order.
pub(crate) fn lint(template: &str) -> Vec<Lint> {
    let tokens = tokens(template);
    let token = |at: usize| tokens.get(at).map(|(_, token)| *token);
    let mut found = Vec::new();
    let mut report = |at: usize, message: String, help: Option<String>, is_doubt: bool| {
        found.push(Lint { range: tokens[at].0.clone(), message, help, is_doubt });
    };
    let meant = |name: &str, known: &[&'static str], all: &str| match nearest(name, known.iter().copied()) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None => Some(all.to_owned()),
    };
    for at in 0..tokens.len() {
        let before = at.checked_sub(1).and_then(token);
        match (before, token(at)) {
            (Some(Token::Sign('|')), Some(Token::Name(name))) if !has_filter(name) => {
                let help = meant(name, &FILTERS, "docs.rs/minijinja lists its filters");
                report(at, format!("there is no filter {}", quoted(name)), help, false);
            }
            (Some(Token::Name("is")), Some(Token::Name("not"))) => {}
            (Some(Token::Name("is" | "not")), Some(Token::Name(name)))
                if is_tested(&tokens, at) && !has_test(name) =>
            {
                let help = meant(name, &TESTS, "for example `is defined`");
                report(at, format!("there is no test {}", quoted(name)), help, false);
            }
            (Some(Token::Sign('.')), _) => {}
            (_, Some(Token::Name("between" | "chance" | "pick" | "now" | "hex" | "digits"))) => {
                if let Some(message) = refused(template, &tokens, at) {
                    report(at, message, None, false);
                }
            }
            (_, Some(Token::Name(function @ ("phrase" | "name" | "phone"))))
                if token(at + 1) == Some(Token::Sign('(')) =>
            {
                for (argument, place) in texts_of(&tokens, at + 2) {
                    let Some(Token::Text(text)) = token(place) else { continue };
                    match (function, argument) {
                        ("phrase", 0) => {
                            if let Err(unknown) = phrases::find_key(text) {
                                let help = unknown.suggestion.map(|near| format!("did you mean `{near}`?"));
                                let all = || format!("the phrases are {}", phrases::keys().join(", "));
                                let message = format!("there is no phrase {}", quoted(text));
                                report(place, message, help.or_else(|| Some(all())), false);
                            }
                        }
                        ("phrase", 1) if !texts::knows(text) => {
                            let help = meant(text, &texts::locales(), &all_locales());
                            let message =
                                format!("there are no texts in {}, so English is used", quoted(text));
                            report(place, message, help, true);
                        }
                        ("name" | "phone", 0) if text.parse::<Country>().is_err() => {
                            let codes = Country::ALL.map(Country::code);
                            let all = format!("the countries are {}", joined(&codes, "and"));
                            let message = format!("there are no people from {}", quoted(text));
                            report(place, message, meant(text, &codes, &all), false);
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    found
}

/// Returns why the call of a function at a position always fails, if its arguments are constant.
fn refused(template: &str, tokens: &[(Range<usize>, Token<'_>)], at: usize) -> Option<String> {
    let mut rest = tokens[at + 1..].iter();
    if rest.next()?.1 != Token::Sign('(') {
        return None;
    }
    let end = rest.find_map(|(range, token)| match token {
        Token::Sign(')') => Some(Some(range.end)),
        Token::Text(_) | Token::Sign('0'..='9' | '.' | ',' | '-') => None,
        _ => Some(None),
    })??;
    let call = &template[tokens[at].0.start..end];
    let helpers = Helpers::new(Seed(0).stream("lint", 0), Country::Id, None, Timestamp::UNIX_EPOCH);
    let scope = minijinja::context! { __helpers => Value::from_dyn_object(Arc::new(helpers)) };
    let result = CHECKER.template_from_str(&format!("{{{{ {call} }}}}")).and_then(|call| call.render(scope));
    let error = result.err()?;
    Some(error.detail().map_or_else(|| format!("`{call}`: {}", error.kind()), str::to_owned))
}

/// Lists the locales that have texts.
pub(crate) fn all_locales() -> String {
    format!("the languages are {}", joined(&texts::locales(), "and"))
}

/// Whether the name at a position follows `is` or `is not`.
fn is_tested(tokens: &[(Range<usize>, Token<'_>)], at: usize) -> bool {
    let name = |back: usize| at.checked_sub(back).map(|at| tokens[at].1);
    name(1) == Some(Token::Name("is"))
        || name(1) == Some(Token::Name("not")) && name(2) == Some(Token::Name("is"))
}

/// Returns the texts among the arguments of a call that begin at a position, each with the number of its argument; also the
/// texts that `pick` chooses from.
fn texts_of(tokens: &[(Range<usize>, Token<'_>)], from: usize) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let (mut argument, mut depth) = (0, 0_usize);
    for (place, (_, token)) in tokens.iter().enumerate().skip(from) {
        let is_alone =
            |at: usize| !matches!(tokens.get(at), Some((_, Token::Sign('~' | '+' | '[' | '.' | '|'))));
        match token {
            Token::Sign('(') => depth += 1,
            Token::Sign(')') if depth == 0 => break,
            Token::Sign(')') => depth -= 1,
            Token::Sign(',') if depth == 0 => argument += 1,
            Token::Text(_) if depth == 0 && is_alone(place + 1) && is_alone(place.wrapping_sub(1)) => {
                found.push((argument, place));
            }
            Token::Text(_)
                if depth == 1
                    && is_alone(place + 1)
                    && tokens.get(from).map(|(_, token)| *token) == Some(Token::Name("pick")) =>
            {
                found.push((argument, place));
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_for_suggestions_are_those_of_the_template_language() {
        for name in FILTERS {
            assert!(has_filter(name), "{name}");
        }
        for name in TESTS {
            assert!(has_test(name), "{name}");
        }
        assert!(!has_filter("uper") && !has_test("definde"));
    }

    #[test]
    fn wrong_words_are_found_where_they_stand() {
        for (template, wrong) in [
            ("{{ x | uper }}", vec!["uper"]),
            ("{{ x | default('a | b') | lenght }} | none", vec!["lenght"]),
            ("{# x | none #}{% if x is definde and y is not nonne %}{% endif %}", vec!["definde", "nonne"]),
            ("{{ not x is defined or not y }}", vec![]),
            ("{{ phrase('greting') ~ phrase(\"greeting\") }}", vec!["greting"]),
            ("{{ phrase(pick('greeting', 'buton_yes')) }}", vec!["buton_yes"]),
            ("{{ phrase('gree' ~ 'ting') }}{{ phrase(key, 'xx') }}", vec!["xx"]),
            ("{{ phrase('greeting', 'es-AR') }}{{ name('PL') }}{{ phone('id') }}", vec!["PL"]),
            ("{{ user.name('XX') }}{{ 'it''s' }}", vec![]),
            ("{{ between(5, 1) }}{{ between(1, 5) }}{{ between(n, 1) }}", vec!["between"]),
            ("{{ chance(50) }}{{ chance(0.5) }}{{ pick() }}{{ pick('a', 2) }}", vec!["chance", "pick"]),
            (
                "{{ now('%') }}{{ now('%d.%m.%Y') }}{{ now() }}{{ hex(8) }}{{ digits() }}",
                vec!["now", "digits"],
            ),
            ("{{ x | ", vec![]),
            ("{{ 'open", vec![]),
        ] {
            let found: Vec<&str> = lint(template).iter().map(|lint| &template[lint.range.clone()]).collect();
            assert_eq!(found, wrong, "{template}");
        }
    }
}
