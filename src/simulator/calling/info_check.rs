//! What an info check asked for and heard.

use rand::RngExt;
use rand::seq::IndexedRandom;
use schemars::JsonSchema;
use serde::Serialize;

use crate::seed::Rng;

/// The longest list of what an info check asked for.
const MOST_CHECKS: usize = 5;

/// One question of an info check (assumed).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "PascalCase")]
pub(in crate::simulator) struct CheckResult {
    /// What was asked for, for example `company_name`.
    item: String,
    /// What the list says.
    expected: String,
    /// What the person said; empty without an answer.
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

/// Asks for the debtor's name and the first of a row's own variables that are texts.
pub(super) fn checks(
    rng: &mut Rng,
    debtor: Option<String>,
    variables: impl Iterator<Item = (String, String)>,
    talked: bool,
) -> Vec<CheckResult> {
    let debtor = debtor.map(|debtor| ("Debtor".to_owned(), debtor));
    debtor
        .into_iter()
        .chain(variables.take(MOST_CHECKS))
        .map(|(item, expected)| check(rng, item, expected, talked))
        .collect()
}

fn check(rng: &mut Rng, item: String, expected: String, talked: bool) -> CheckResult {
    let result = match rng.random_range(0..10) {
        _ if !talked => Comparison::Unanswered,
        0 => Comparison::Unanswered,
        1 => Comparison::Mismatch,
        _ => Comparison::Match,
    };
    let answer = match result {
        Comparison::Match => expected.clone(),
        Comparison::Mismatch => other_answer(rng, &expected),
        Comparison::Unanswered => String::new(),
    };
    CheckResult { item, expected, answer, result }
}

/// What somebody says who says something else.
fn other_answer(rng: &mut Rng, expected: &str) -> String {
    const OTHERS: [&str; 4] = ["-", "?", "2", "B"];
    let other = OTHERS.choose(rng).copied().unwrap_or("-");
    match expected.parse::<i64>() {
        Ok(number) => number.wrapping_add(rng.random_range(1..10)).to_string(),
        Err(_) => format!("{expected} {other}"),
    }
}
