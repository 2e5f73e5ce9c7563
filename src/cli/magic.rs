//! `catalog --magic`: lists numbers and texts that control the mock without changes to the integrator's code.

use std::fmt::Write as _;

use serde_json::json;

use super::format::Format;
use crate::faults;
use crate::settings::Settings;
use crate::simulator::calling::{MAGIC, MOCK_OUTCOMES, MockOutcome, Rules};

/// A magic number: its last four digits, the outcome it asks for, and the effect.
struct Number {
    digits: String,
    mock_outcome: String,
    what: String,
}

/// Returns the magic numbers in force.
fn numbers(rules: &Rules) -> Vec<Number> {
    let number = |(digits, mock_outcome): (&u16, &MockOutcome)| {
        let digits = format!("{digits:04}");
        // Built-in numbers have their own descriptions; those of the settings are generated.
        let usual = MAGIC.iter().find(|(known, name)| *known == digits && name.parse() == Ok(*mock_outcome));
        let words: Vec<(&str, &str)> = match usual {
            Some((_, name)) => MOCK_OUTCOMES.iter().filter(|(known, _)| known == name).copied().collect(),
            None => MOCK_OUTCOMES.iter().filter(|(name, _)| includes(mock_outcome, name)).copied().collect(),
        };
        Number {
            digits,
            mock_outcome: words.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" "),
            what: words.iter().map(|(_, what)| *what).collect::<Vec<_>>().join("; "),
        }
    };
    rules.magic.iter().map(number).collect()
}

/// Returns the words that no number asks for, each with its effect.
fn words(numbers: &[Number]) -> impl Iterator<Item = (&'static str, &'static str)> {
    let has_number = |name: &str| numbers.iter().any(|number| number.mock_outcome == name);
    MOCK_OUTCOMES.into_iter().filter(move |(name, _)| !has_number(name))
}

/// Whether an outcome is part of another.
fn includes(whole: &MockOutcome, name: &str) -> bool {
    let Ok(part) = name.parse::<MockOutcome>() else { return false };
    let usual = MockOutcome::default();
    let same = |a: bool, b: bool| !a || b;
    part != usual
        && (part.outcome.is_none() || part.outcome == whole.outcome)
        && (part.answers_on.is_none() || part.answers_on == whole.answers_on)
        && (part.intention.is_none() || part.intention == whole.intention)
        && (part.number_status.is_none() || part.number_status == whole.number_status)
        && (part.chat.is_none() || part.chat == whole.chat)
        && (part.notice == usual.notice || part.notice == whole.notice)
        && same(part.long_talk, whole.long_talk)
        && same(part.refused, whole.refused)
        && same(part.sms_fails, whole.sms_fails)
}

/// Returns the list of all magic numbers and texts.
pub(super) fn text(settings: &Settings, format: Format) -> String {
    let numbers = numbers(&settings.calling);
    match format {
        Format::Json => {
            // `wish` is the old name of `mock_outcome`.
            let numbers = numbers.iter().map(|Number { digits, mock_outcome, what }| {
                json!({ "digits": digits, "mock_outcome": mock_outcome, "wish": mock_outcome, "what": what })
            });
            let named = |(name, what): &(&str, &str)| json!({ "name": name, "what": what });
            let all = json!({
                "numbers": numbers.collect::<Vec<_>>(),
                "mock_outcome": MOCK_OUTCOMES.iter().map(named).collect::<Vec<_>>(),
                "faults": faults::MAGIC.iter().map(named).collect::<Vec<_>>(),
            });
            format!("{all:#}\n")
        }
        Format::Markdown => {
            let mut out =
                String::from("| last four digits | `mock_outcome` | what happens |\n| --- | --- | --- |\n");
            for number in &numbers {
                let _ = writeln!(out, "| {} | `{}` | {} |", number.digits, number.mock_outcome, number.what);
            }
            out.push_str("\n| `mock_outcome` without a number | what happens |\n| --- | --- |\n");
            for (name, what) in words(&numbers) {
                let _ = writeln!(out, "| `{name}` | {what} |");
            }
            out.push_str(
                "\n| `mock:` or `X-Mock-Fault` | what goes wrong with the request |\n| --- | --- |\n",
            );
            for (name, what) in faults::MAGIC {
                let _ = writeln!(out, "| `{name}` | {what} |");
            }
            out
        }
        Format::Table => {
            let mut out = String::from(
                "Numbers, by their last four digits, and rows, by the variable `mock_outcome`:\n\n",
            );
            for number in &numbers {
                let _ = writeln!(out, "  {}  {:15} {}", number.digits, number.mock_outcome, number.what);
            }
            out.push_str("\nWords without a number, for rows only:\n\n");
            for (name, what) in words(&numbers) {
                let _ = writeln!(out, "  {name:18} {what}");
            }
            out.push_str(
                "\nRequests, by `mock:NAME` in a text of the request or by the header `X-Mock-Fault: NAME`:\n\n",
            );
            for (name, what) in faults::MAGIC {
                let _ = writeln!(out, "  {name:15} {what}");
            }
            out
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_listed() {
        for format in [Format::Markdown, Format::Table] {
            let text = text(&Settings::default(), format);
            let listed = |name: &str| {
                let is_it = |word: &str| word.trim_matches('`') == name;
                // The number, if there is one, and the word.
                let has_it =
                    |line: &&str| line.split([' ', '|']).filter(|word| !word.is_empty()).take(2).any(is_it);
                text.lines().filter(has_it).count()
            };
            for (name, _) in MOCK_OUTCOMES {
                assert!(listed(name) > 0, "{name} is in no table:\n{text}");
            }
            for name in ["wa_text", "none", "mismatch_5", "busy"] {
                assert_eq!(listed(name), 1, "{name}");
            }
        }
    }
}
