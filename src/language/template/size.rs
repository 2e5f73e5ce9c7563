//! Limits the size of one tag. The template engine recurses for every operator without a limit of its own, so that a long
//! tag would overflow the stack.

use super::tokens::{Token, tokens};
use crate::language::FormatMistake;

/// Maximum number of operators in one tag.
const MOST_OPERATORS: usize = 500;

/// Words that are operators.
const WORDS: [&str; 8] = ["not", "and", "or", "if", "elif", "else", "in", "is"];

/// Checks every tag of a template.
///
/// # Errors
///
/// If a tag has too many operators.
pub(super) fn check(source: &str) -> Result<(), FormatMistake> {
    let (mut tag, mut count) = (0..0, 0);
    for (range, token) in tokens(source) {
        match token {
            Token::Tag => (tag, count) = (range, 0),
            Token::Name(word) => count += usize::from(WORDS.contains(&word)),
            Token::Sign(sign) => count += usize::from("+-*/%~|.<>=!([".contains(sign)),
            Token::Text(_) => {}
        }
        if count > MOST_OPERATORS {
            return Err(FormatMistake {
                message: format!("the tag has more than {MOST_OPERATORS} operators"),
                help: Some("compute parts of it in separate variables, with `set`".to_owned()),
                range: Some(tag),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::language::template::{self, TemplateSet};

    #[test]
    fn expressions_without_end_are_refused_before_they_exhaust_the_stack() {
        for begin in ["-", "not ", "1+", "1 if x else ", "1**", "- not "] {
            let source = format!("text {{{{ {}1 }}}}", begin.repeat(100_000));
            let mistake = check(&source).unwrap_err();
            assert_eq!(mistake.range, Some(5..7), "{begin}");
            assert!(template::check(&source).is_err() && TemplateSet::default().add(&source).is_err());
            assert!(template::values(&source).is_empty());
        }
        for end in ["|upper", ".x", "[0]", "()", " is string"] {
            assert!(check(&format!("{{{{ x{} }}}}", end.repeat(1_000))).is_err(), "{end}");
        }
        assert!(check(&format!("{{% set x = {}1", "-".repeat(1_000))).is_err());
    }

    #[test]
    fn long_lists_and_many_tags_are_no_matter() {
        let list = format!("{{{{ pick([{}]) }}}}", "'Mr. O-Neil is (not) in', ".repeat(2_000));
        let many = "{{ user.name|upper }}{% if x %}{{ x + 1 }}{% endif %}".repeat(2_000);
        assert!(check(&list).is_ok() && check(&many).is_ok());
        assert!(template::check(&format!("{{{{ {}1 }}}}", "1+".repeat(400))).is_ok());
    }
}
