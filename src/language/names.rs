//! The names that the templates of a file read, with their positions.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeValue;

use super::template;
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

/// Finds where a template reads a name: its first occurrence in a tag as a separate word that is not a field.
fn find(template: &str, name: &str) -> Option<Range<usize>> {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    let mut open = 0;
    while let Some(start) = template[open..].find("{{").into_iter().chain(template[open..].find("{%")).min() {
        let start = open + start + 2;
        let end = ["}}", "%}"].iter().filter_map(|close| template[start..].find(close)).min();
        let end = end.map_or(template.len(), |end| start + end);
        let mut quote = None;
        for (at, letter) in template[start..end].char_indices().map(|(at, letter)| (start + at, letter)) {
            match quote {
                Some(open) if open == letter => quote = None,
                Some(_) => continue,
                None if matches!(letter, '\'' | '"') => quote = Some(letter),
                None => {}
            }
            let before = template[..at].chars().next_back();
            if template[at..end].starts_with(name)
                && !before.is_some_and(|c| word(c) || c == '.')
                && !template[at + name.len()..].starts_with(word)
            {
                return Some(at..at + name.len());
            }
        }
        open = end;
    }
    None
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
        ] {
            assert_eq!(find(template, name), wanted, "{template}");
        }
    }
}
