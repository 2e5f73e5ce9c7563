//! The tokens of the tags of a template, as far as they matter before it is compiled.

use std::ops::Range;

/// A token of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'t> {
    /// The beginning of a tag, `{{` or `{%`.
    Tag,
    Name(&'t str),
    /// A text, without its quotes.
    Text(&'t str),
    Sign(char),
}

/// Returns the tokens of all tags, with their positions.
pub(crate) fn tokens(template: &str) -> Vec<(Range<usize>, Token<'_>)> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(open) = ["{{", "{%", "{#"].iter().filter_map(|open| template[at..].find(open)).min() {
        let start = at + open;
        let (close, is_comment) = match &template[start..start + 2] {
            "{{" => ("}}", false),
            "{%" => ("%}", false),
            _ => ("#}", true),
        };
        at = start + 2;
        if is_comment {
            at = template[at..].find(close).map_or(template.len(), |end| at + end);
        } else {
            tokens.push((start..at, Token::Tag));
        }
        while let Some(letter) = template[at..].chars().next().filter(|_| !template[at..].starts_with(close))
        {
            let rest = &template[at..];
            let word = |c: char| c.is_alphanumeric() || c == '_';
            let length = match letter {
                '\'' | '"' => {
                    let mut escaped = false;
                    let end = rest[1..].find(|c| {
                        let ends = c == letter && !escaped;
                        escaped = c == '\\' && !escaped;
                        ends
                    });
                    let end = end.unwrap_or(rest.len() - 1);
                    tokens.push((at + 1..at + 1 + end, Token::Text(&rest[1..1 + end])));
                    (end + 2).min(rest.len())
                }
                c if c.is_alphabetic() || c == '_' => {
                    let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
                    tokens.push((at..at + end, Token::Name(&rest[..end])));
                    end
                }
                c => {
                    if !c.is_whitespace() {
                        tokens.push((at..at + c.len_utf8(), Token::Sign(c)));
                    }
                    c.len_utf8()
                }
            };
            at += length;
        }
        at = (at + 2).min(template.len());
    }
    tokens
}
