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
    let place = template::place(text, &name);
    let is_function = place.as_ref().is_some_and(|at| text[at.end..].trim_start().starts_with('('));
    let inner = place.and_then(|at| inside_text(source.text(), &literal, text, &at));
    Read { name, span: inner.unwrap_or(literal), is_function }
}
