//! Makes texts from outside fit to be shown: a terminal obeys some characters instead of showing them.

use std::borrow::Cow;

/// Escapes control characters (C0, C1, except line feeds) and direction marks in a text, as in `\\u{1b}`. Right-to-left letters
/// stay as they are; only the marks that reorder their surroundings are escaped.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if is_obeyed(letter) { shown.extend(letter.escape_unicode()) } else { shown.push(letter) }
    }
    Cow::Owned(shown)
}

fn is_obeyed(letter: char) -> bool {
    let is_mark = matches!(
        letter,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    is_mark || (letter.is_control() && letter != '\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_shown() {
        for (text, shown) in [
            ("plain, süß, سلام\nhere", "plain, süß, سلام\nhere"),
            ("\u{1b}[31mred\u{7}", "\\u{1b}[31mred\\u{7}"),
            ("a\rb\tc\u{9b}d\u{7f}", "a\\u{d}b\\u{9}c\\u{9b}d\\u{7f}"),
            ("\u{202e}gpj.exe\u{2066}", "\\u{202e}gpj.exe\\u{2066}"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }
}
