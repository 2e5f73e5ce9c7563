//! The questions of an info check, and its results.

use rand::RngExt;
use schemars::JsonSchema;
use serde::Serialize;

use super::row_text::RowText;
use crate::content::voice::{Asked, Heard, Item, Reply};
use crate::seed::Rng;
use crate::simulator::outcome::ForcedChecks;
use crate::simulator::rules::calling::Question;

/// Maximum number of a row's variables that are asked for if no questions are declared.
const MOST_VARIABLES: usize = 5;

/// Maximum length, in letters, of a text that a person is asked to confirm if no questions are declared.
const LONGEST_ANSWER: usize = 80;

/// One question of an info check (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::simulator) struct CheckResult {
    /// The field of the row that was asked for, for example `company_name`.
    item: String,
    /// The value in the list.
    expected: String,
    /// The person's words; empty without an answer.
    answer: String,
    /// How the answer compares.
    result: Comparison,
}

/// How an answer compares with what the list says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Comparison {
    Match,
    Mismatch,
    Unanswered,
}

/// Returns the questions for a row: the declared ones, or else the name and those variables that a person can be asked for.
pub(super) fn asked(
    rng: &mut Rng,
    declared: &[Question],
    name: Option<String>,
    row: &str,
    forced: Option<ForcedChecks>,
) -> Vec<Asked> {
    let mut questions = Vec::new();
    let mut number = 0;
    let mut add = |item: &str, expected: String, question: Option<&Question>| {
        number += 1;
        let reply = reply(rng, number, forced);
        questions.push(Asked {
            item: item.to_owned(),
            ask: question.and_then(|question| question.ask.clone()),
            expected,
            others: question.map(|question| question.others.clone()).unwrap_or_default(),
            reply,
        });
    };
    if declared.is_empty() {
        if let Some(name) = name {
            add("Debtor", name, None);
        }
        let variables = RowText::variables(row).into_iter();
        let texts = variables.filter_map(|(name, value)| Some((name, value.as_str()?.trim().to_owned())));
        for (item, value) in texts.filter(|(name, value)| makes_sense(name, value)).take(MOST_VARIABLES) {
            add(&item, value, None);
        }
    }
    for question in declared {
        if let Some(expected) = RowText::field(row, &question.item) {
            add(&question.item, expected, Some(question));
        }
    }
    questions
}

/// Whether a person can be asked for a variable: it has a meaningful name, and a value that can be said.
fn makes_sense(name: &str, value: &str) -> bool {
    let lower = name.to_lowercase();
    let is_technical = ["extra", "callee_", "url", "link", "token", "uuid", "robot", "script"]
        .iter()
        .any(|word| lower.starts_with(word) || lower.ends_with(word));
    let is_known = Item::of_field(name) != Item::Other;
    let is_id = lower == "id" || lower.ends_with("_id") || name.ends_with("ID") || name.ends_with("Id");
    let can_be_said = !value.is_empty()
        && value.chars().count() <= LONGEST_ANSWER
        && !value.contains("://")
        && value.chars().any(char::is_alphanumeric);
    can_be_said && (is_known || (!is_technical && !is_id && name.chars().count() > 2))
}

fn reply(rng: &mut Rng, number: u32, forced: Option<ForcedChecks>) -> Reply {
    let drawn = match rng.random_range(0..10) {
        0 => Reply::Silent,
        1 => Reply::Wrong,
        _ => Reply::Right,
    };
    let is_named = |questions: u16| questions.checked_shr(number).unwrap_or(0) & 1 == 1;
    match forced {
        None => drawn,
        Some(ForcedChecks { wrong, .. }) if is_named(wrong) => Reply::Wrong,
        Some(ForcedChecks { silent, .. }) if is_named(silent) => Reply::Silent,
        Some(_) => Reply::Right,
    }
}

/// Returns the results of the questions. Questions that were not reached have no answer.
pub(super) fn results(questions: Vec<Asked>, heard: &[Heard]) -> Vec<CheckResult> {
    let result = |(at, asked): (usize, Asked)| {
        let answer = heard.iter().find(|heard| heard.question == at).map_or("", |heard| &heard.answer);
        CheckResult {
            result: match answer {
                "" => Comparison::Unanswered,
                answer if answer == asked.expected => Comparison::Match,
                _ => Comparison::Mismatch,
            },
            answer: answer.to_owned(),
            item: asked.item,
            expected: asked.expected,
        }
    };
    questions.into_iter().enumerate().map(result).collect()
}
