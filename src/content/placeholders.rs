//! Placeholders in texts: `{name}` and the like, and `{he|she}` for words that depend on the customer's gender.

use std::borrow::Cow;

use memchr::memchr;

use super::gender::Gender;

/// Fills a text in one pass: the inserted texts are not scanned again. `{a|b}` becomes `a` for a man and `b` for a woman;
/// `{a|b|c}` becomes `c` if the form of address is not known. A placeholder that `value` does not know stays as it is.
pub(crate) fn fill<'v>(
    text: &str,
    gender: Gender,
    form: Option<Gender>,
    value: impl Fn(&str) -> Option<Cow<'v, str>>,
) -> String {
    let mut filled = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some(start) = memchr(b'{', rest.as_bytes()) {
        let Some(length) = memchr(b'}', &rest.as_bytes()[start..]) else { break };
        let inside = &rest[start + 1..start + length];
        filled.push_str(&rest[..start]);
        if let Some(bar) = memchr(b'|', inside.as_bytes()) {
            let (male, others) = (&inside[..bar], &inside[bar + 1..]);
            let (female, neither) = others.split_once('|').map_or((others, None), |(f, n)| (f, Some(n)));
            filled.push_str(match (neither, form) {
                (Some(neither), None) => neither,
                (Some(_), Some(Gender::Male)) => male,
                (Some(_), Some(Gender::Female)) => female,
                (None, _) if gender == Gender::Male => male,
                (None, _) => female,
            });
        } else if let Some(value) = value(inside) {
            filled.push_str(&value);
        } else {
            filled.push_str(&rest[start..=start + length]);
        }
        rest = &rest[start + length + 1..];
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_and_forms_are_filled_in() {
        let value = |name: &str| (name == "name").then_some(Cow::Borrowed("{name}"));
        assert_eq!(fill("Dear {Mr|Ms} {name}, {x}", Gender::Female, None, value), "Dear Ms {name}, {x}");
        assert_eq!(fill("ขอบคุณ{ครับ|ค่ะ}", Gender::Male, None, value), "ขอบคุณครับ");
        let address = |form| fill("{Mr |Ms |}{name}", Gender::Male, form, value);
        assert_eq!(address(None), "{name}");
        assert_eq!(address(Some(Gender::Female)), "Ms {name}");
        assert_eq!(fill("open { end", Gender::Male, None, value), "open { end");
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in ".*") {
            fill(&text, Gender::Male, Some(Gender::Female), |_| None);
        }
    }
}
