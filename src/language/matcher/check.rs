//! Mistakes in the matchers of a file, each with its position.

use std::ops::Range;
use std::sync::Arc;

use regex_lite::Regex;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Matcher, is_matcher};
use crate::files::diagnostic::quoted;
use crate::files::{Diagnostic, SourceFile};
use crate::language::template::is_template;

/// Returns all mistakes in the matchers of a table of fields.
pub(crate) fn check(source: &Arc<SourceFile>, fields: &DeTable<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut check = Check { source, found: &mut found };
    fields.iter().for_each(|(_, value)| check.value(value));
    found
}

struct Check<'a> {
    source: &'a Arc<SourceFile>,
    found: &'a mut Vec<Diagnostic>,
}

/// Whether a text is filled in later, so that its value is not known yet.
fn is_open(value: &DeValue<'_>) -> bool {
    value.as_str().is_some_and(is_template)
}

/// Returns a limit as it is read in a sentence.
fn words(limit: &str) -> &str {
    match limit {
        "at_least" => "at least",
        "at_most" => "at most",
        other => other,
    }
}

impl Check<'_> {
    fn wrong(&mut self, span: Range<usize>, message: String, help: &str) {
        self.found.push(Diagnostic::at(self.source, span, message).help(help));
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>) {
        match value.get_ref() {
            DeValue::Table(table) if is_matcher(table.keys().map(|key| key.get_ref().as_ref())) => {
                self.limits(table);
                table.iter().for_each(|(word, value)| self.word(word.get_ref(), value));
            }
            DeValue::Table(table) => table.iter().for_each(|(_, value)| self.value(value)),
            DeValue::Array(items) => items.iter().for_each(|item| self.value(item)),
            _ => {}
        }
    }

    /// Checks that the limits of a number leave room for one.
    fn limits(&mut self, table: &DeTable<'_>) {
        let limit = |key: &str| {
            let value = table.get(key)?;
            let text = match value.get_ref() {
                DeValue::Integer(number) => number.as_str().parse::<f64>().ok(),
                DeValue::Float(number) => number.as_str().parse().ok(),
                _ => None,
            };
            Some((text?, value.span()))
        };
        for (low, high) in
            ["above", "at_least"].iter().flat_map(|low| ["below", "at_most"].map(|high| (low, high)))
        {
            let (Some((from, _)), Some((to, span))) = (limit(low), limit(high)) else { continue };
            let has_one = from < to || from == to && (*low, high) == ("at_least", "at_most");
            if !has_one {
                let message = format!("no number is {} {from} and {} {to}", words(low), words(high));
                self.wrong(span, message, "exchange them, or leave one out");
            }
        }
    }

    /// Checks the value of a matcher's key.
    fn word(&mut self, word: &str, value: &Spanned<DeValue<'_>>) {
        let inner = value.get_ref();
        let literal = self.source.text().get(value.span()).unwrap_or_default().to_owned();
        match word {
            _ if is_open(inner) => {}
            "equals" => {}
            "not" | "contains" => self.value(value),
            "one_of" => match inner.as_array() {
                Some(items) if items.is_empty() => self.wrong(
                    value.span(),
                    "`one_of` is empty, so nothing matches it".to_owned(),
                    "list the values that are right",
                ),
                Some(items) => items.iter().for_each(|item| self.value(item)),
                None => self.wrong(
                    value.span(),
                    "`one_of` must be a list".to_owned(),
                    &format!("put it in brackets: {}", quoted(&format!("[{literal}]"))),
                ),
            },
            "matches" => {
                let regex = inner.as_str().map(Regex::new);
                match regex {
                    Some(Ok(_)) => {}
                    Some(Err(error)) => self.wrong(
                        value.span(),
                        format!(
                            "{} is not a regular expression: {error}",
                            quoted(inner.as_str().unwrap_or_default())
                        ),
                        "to find a text literally write `contains`",
                    ),
                    None => self.wrong(
                        value.span(),
                        "`matches` must be a text".to_owned(),
                        "write a regular expression such as `\"^[0-9]+$\"`",
                    ),
                }
            }
            "exists" => {
                if !inner.is_bool() {
                    self.wrong(
                        value.span(),
                        "`exists` must be `true` or `false`".to_owned(),
                        "write `exists = true` for a field that must exist",
                    );
                }
            }
            "count" => match inner {
                DeValue::Table(_) => self.value(value),
                DeValue::Integer(_) => {}
                _ => self.wrong(
                    value.span(),
                    "`count` must be a whole number or a matcher".to_owned(),
                    "write `count = 2`, or `count = { at_least = 1 }`",
                ),
            },
            _ => {
                debug_assert!(Matcher::WORDS.contains(&word));
                if !inner.is_integer() && !inner.is_float() {
                    self.wrong(
                        value.span(),
                        format!("`{word}` must be a number"),
                        &format!("for example `{word} = 100`"),
                    );
                }
            }
        }
    }
}
