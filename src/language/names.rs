//! The names that the templates of a file read, with their positions.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeValue;

use super::template;
use super::template::tokens::{Token, tokens};
use crate::files::SourceFile;
use crate::files::syntax::inside_text;

/// A name that a template reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) name: String,
    /// Position in the file; the whole text if it can't be determined.
    pub(crate) span: Range<usize>,
    /// Whether the name is called as a function.
    pub(crate) is_function: bool,
}

/// Returns every name that the texts of a value read, text by text. A template with a syntax error yields none: the check
/// of its format reports the error.
pub(crate) fn reads(source: &SourceFile, value: &Spanned<DeValue<'_>>) -> Vec<Read> {
    match value.get_ref() {
        DeValue::String(text) => {
            let names = template::check(text).unwrap_or_default();
            names.into_iter().map(|name| read(source, text, name, value.span())).collect()
        }
        DeValue::Array(items) => items.iter().flat_map(|item| reads(source, item)).collect(),
        DeValue::Table(table) => table.iter().flat_map(|(_, value)| reads(source, value)).collect(),
        _ => Vec::new(),
    }
}

fn read(source: &SourceFile, text: &str, name: String, literal: Range<usize>) -> Read {
    let place = find(text, &name);
    let is_function = place.as_ref().is_some_and(|at| text[at.end..].trim_start().starts_with('('));
    let inner = place.and_then(|at| inside_text(source.text(), &literal, text, &at));
    Read { name, span: inner.unwrap_or(literal), is_function }
}

/// Finds where a template reads a name, or a path such as `transfer.body.id`: its first occurrence in a tag, outside of texts
/// and not as a field of something else.
pub(crate) fn find(template: &str, path: &str) -> Option<Range<usize>> {
    let names = path.split('.').flat_map(|name| [Token::Sign('.'), Token::Name(name)]);
    let wanted: Vec<Token<'_>> = names.skip(1).collect();
    let tokens = tokens(template);
    let found = tokens.windows(wanted.len()).enumerate().find(|(at, window)| {
        let is_field = *at > 0 && tokens[at - 1].1 == Token::Sign('.');
        !is_field && window.iter().map(|(_, token)| token).eq(&wanted)
    });
    let (_, window) = found?;
    Some(window.first()?.0.start..window.last()?.0.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_templates() {
        for (template, name, wanted) in [
            ("{{ a.b }}", "b", None),
            ("b {{ 'b' ~ a.b ~ b }} b", "b", Some(17..18)),
            ("{% if ab and b %}x{% endif %}", "b", Some(13..14)),
            ("ü{{ü}}{{ b }}", "b", Some(11..12)),
            ("{{ b", "b", Some(3..4)),
            ("{{", "b", None),
            ("no tags b", "b", None),
            ("{# b #}{{ b }}", "b", Some(10..11)),
            (r"{{ 'it\'s b' ~ b }}", "b", Some(15..16)),
            ("a.b {{ 'a.b' ~ x.a.b ~ a.b }}", "a.b", Some(23..26)),
            ("{{ a.bc }}", "a.b", None),
        ] {
            assert_eq!(find(template, name), wanted, "{template}");
        }
    }
}
