//! The values that a template reads, as they are written in it: a name and the fields and items behind it.

use std::fmt::Write;
use std::ops::Range;

use minijinja::Value;

use super::tokens::{Token, tokens};

/// A value that a template reads: `call.body.messages[0].text`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReadValue<'t> {
    /// Its position in the template, in bytes.
    pub(crate) range: Range<usize>,
    keys: Vec<Key<'t>>,
    /// Whether the template says what happens if it is undefined: `is defined`, `| default(...)`.
    is_guarded: bool,
}

/// A step into a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key<'t> {
    /// A field.
    Name(&'t str),
    /// An item of a list; a negative number counts from its end.
    Item(i64),
}

impl<'t> Key<'t> {
    fn name(&self) -> Option<&'t str> {
        match *self {
            Key::Name(name) => Some(name),
            Key::Item(_) => None,
        }
    }
}

impl ReadValue<'_> {
    /// Returns the name that it begins with.
    pub(crate) fn root(&self) -> &str {
        match self.keys.first() {
            Some(Key::Name(name)) => name,
            _ => "",
        }
    }

    /// Returns the fields that it goes through behind the name, without items of lists.
    pub(crate) fn fields(&self) -> Vec<&str> {
        self.keys.iter().skip(1).filter_map(Key::name).collect()
    }

    /// Returns it as text, with all items as `[N]`: `call.body.messages[0].text`.
    pub(crate) fn path(&self) -> String {
        self.part(self.keys.len())
    }

    /// Returns the first keys of it as text.
    fn part(&self, keys: usize) -> String {
        let mut path = String::new();
        for key in &self.keys[..keys] {
            let _ = match key {
                Key::Name(name) if path.is_empty() => write!(path, "{name}"),
                Key::Name(name) => write!(path, ".{name}"),
                Key::Item(item) => write!(path, "[{item}]"),
            };
        }
        path
    }

    /// Returns its value; the error is the part that is undefined.
    pub(crate) fn find(&self, scope: &Value) -> Result<Value, String> {
        let mut value = scope.clone();
        for (at, key) in self.keys.iter().enumerate() {
            let inner = match key {
                Key::Name(name) => value.get_attr(name),
                Key::Item(item) => value.get_item(&Value::from(*item)),
            };
            value = inner.ok().filter(|value| !value.is_undefined()).ok_or_else(|| self.part(at + 1))?;
        }
        Ok(value)
    }
}

/// Returns every value that the tags of a template read, in order, including its own variables and functions.
pub(super) fn all(template: &str) -> Vec<ReadValue<'_>> {
    let tokens = tokens(template);
    let token = |at: usize| tokens.get(at).map(|(_, token)| *token);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let Some(Token::Name(name)) = token(at) else {
            at += 1;
            continue;
        };
        let before = at.checked_sub(1).and_then(token);
        let mut keys = vec![Key::Name(name)];
        let mut range = tokens[at].0.clone();
        let first = at;
        at += 1;
        while let Some((key, length)) = key_at(&tokens, at) {
            // A method of a value, such as `items()`, is not a field.
            if token(at + length) == Some(Token::Sign('(')) {
                break;
            }
            keys.push(key);
            range.end = tokens[at + length - 1].0.end;
            at += length;
        }
        // Filters, tests and what follows a value that is computed are no names of values.
        let is_test = before == Some(Token::Name("is"))
            || before == Some(Token::Name("not"))
                && first.checked_sub(2).and_then(token) == Some(Token::Name("is"));
        if matches!(before, Some(Token::Sign('.' | '|'))) || is_test {
            continue;
        }
        let is_guarded = token(at) == Some(Token::Name("is"))
            || token(at) == Some(Token::Sign('|'))
                && matches!(token(at + 1), Some(Token::Name("default" | "d")));
        found.push(ReadValue { range, keys, is_guarded });
    }
    found
}

/// Returns the step into a value that begins at a token, and its number of tokens: `.text`, `[0]`, `["text"]`.
fn key_at<'t>(tokens: &[(Range<usize>, Token<'t>)], at: usize) -> Option<(Key<'t>, usize)> {
    let token = |at: usize| tokens.get(at).map(|(_, token)| *token);
    match (token(at)?, token(at + 1)?) {
        (Token::Sign('.'), Token::Name(name)) => Some((Key::Name(name), 2)),
        (Token::Sign('['), Token::Text(name)) if token(at + 2) == Some(Token::Sign(']')) => {
            Some((Key::Name(name), 3))
        }
        (Token::Sign('['), _) => {
            let sign = |at: usize| match token(at) {
                Some(Token::Sign(sign)) => Some(sign),
                _ => None,
            };
            let digits: String = (at + 1..).map_while(sign).take_while(|sign| *sign != ']').collect();
            let end = at + 1 + digits.len();
            let item = digits.parse().ok().filter(|_| sign(end) == Some(']'))?;
            Some((Key::Item(item), end - at + 1))
        }
        _ => None,
    }
}

/// Finds where a template reads a name: its first occurrence in a tag that is not a field.
pub(crate) fn place(template: &str, name: &str) -> Option<Range<usize>> {
    let read = all(template).into_iter().find(|read| read.root() == name)?;
    Some(read.range.start..read.range.start + name.len())
}

/// Returns what an expression misses: the first value in it that is undefined, unless the expression provides for that.
pub(super) fn missing(template: &str, names: &[String], scope: &Value) -> Option<String> {
    let read = all(template);
    let mut read =
        read.iter().filter(|read| !read.is_guarded && names.iter().any(|name| name == read.root()));
    read.find_map(|read| read.find(scope).err())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_where_they_are_read() {
        for (template, wanted) in [
            ("{{ call.body.messages[0].text }}", vec!["call.body.messages[0].text"]),
            ("{{ a['b'].c ~ x[-1].y ~ z[i].w }}", vec!["a.b.c", "x[-1].y", "z", "i"]),
            ("{{ a.items() | length }}{# b.c #} d.e", vec!["a"]),
            (
                "{{ pick(a.b, 'c.d') is defined and f is not none }}",
                vec!["pick", "a.b", "is", "and", "f", "is"],
            ),
            ("{{ a.b", vec!["a.b"]),
            ("{{ a[", vec!["a"]),
            ("{{ 'it\\'s a.b' ~ c }}", vec!["c"]),
        ] {
            let found: Vec<String> = all(template).iter().map(ReadValue::path).collect();
            assert_eq!(found, wanted, "{template}");
        }
    }

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
            ("{# b {{ b }} #}{{ b }}", "b", Some(18..19)),
            ("{{ 'it\\'s b' ~ b }}", "b", Some(15..16)),
        ] {
            assert_eq!(place(template, name), wanted, "{template}");
        }
    }

    #[test]
    fn what_is_missing_is_the_part_that_is_undefined() {
        let call = minijinja::context! { body => minijinja::context! { messages => [minijinja::context! { type => "image" }] } };
        let scope = minijinja::context! { call };
        let names = ["call".to_owned(), "other".to_owned()];
        for (template, wanted) in [
            ("{{ 'a' in call.body.messages[0].text }}", Some("call.body.messages[0].text")),
            ("{{ call.body.messages[1].type == 'a' }}", Some("call.body.messages[1]")),
            ("{{ call.body.note | default('') ~ other.id }}", Some("other")),
            ("{{ call.body.messages[0].type ~ unknown }}", None),
        ] {
            assert_eq!(missing(template, &names, &scope).as_deref(), wanted, "{template}");
        }
    }
}
