//! The report as a self-contained HTML page: no network, no fonts, no other file.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, Value, context};
use serde::Serialize;

use super::report::{Outcome, Report, Verdict};

const TEMPLATE: &str = include_str!("page.html");

/// A group on the page.
#[derive(Serialize)]
struct Group<'a> {
    name: &'a str,
    passed: usize,
    judged: usize,
    checks: Vec<Row<'a>>,
}

/// A check on the page.
#[derive(Serialize)]
struct Row<'a> {
    outcome: &'a Outcome,
    /// The style: `passed`, `error`, `warning`, `hint`, `accepted`, `aside`.
    mood: &'static str,
    not_judged: Option<&'a str>,
}

impl Report {
    /// Returns the report as HTML.
    pub fn page(&self) -> String {
        let mut env = Environment::new();
        env.set_auto_escape_callback(|_| AutoEscape::Html);
        let groups: Vec<Group<'_>> = self
            .groups()
            .into_iter()
            .map(|(name, outcomes)| {
                let checks: Vec<Row<'_>> = outcomes.into_iter().map(row).collect();
                let judged = checks.iter().filter(|row| row.not_judged.is_none()).count();
                let passed = checks.iter().filter(|row| row.mood == "passed").count();
                Group { name, passed, judged, checks }
            })
            .collect();
        let values = context! {
            report => Value::from(Serde(self)),
            verdict => self.verdict(),
            groups => Value::from(Serde(groups)),
        };
        env.render_str(TEMPLATE, values).expect("the template is constant and its values are always there")
    }
}

fn row(outcome: &Outcome) -> Row<'_> {
    let (mood, not_judged) = match &outcome.verdict {
        Verdict::Passed => ("passed", None),
        Verdict::NotJudged(why) => ("aside", Some(why.as_str())),
        Verdict::Found(finding) if finding.accepted.is_some() => ("accepted", None),
        Verdict::Found(_) => (outcome.grade.as_str(), None),
    };
    Row { outcome, mood, not_judged }
}
