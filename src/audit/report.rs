//! The result of an audit, as data.

use serde::Serialize;

use super::battery::{Check, Grade};

/// The lowest grade of a finding that fails the audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Threshold {
    /// Errors.
    Error,
    /// Warnings and errors.
    Warning,
    /// Errors, warnings and hints.
    Hint,
    /// No finding.
    None,
}

impl Threshold {
    /// Whether a finding of this grade makes the audit fail.
    pub fn is_reached_by(self, grade: Grade) -> bool {
        match self {
            Self::Error => grade == Grade::Error,
            Self::Warning => grade >= Grade::Warning,
            Self::Hint => true,
            Self::None => false,
        }
    }
}

/// The report of an audit.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The format of this report.
    pub format: &'static str,
    /// The version of the program.
    pub version: &'static str,
    /// The target of the callbacks.
    pub url: String,
    /// How they were signed, in words.
    pub signed: String,
    /// The seed of the requests.
    pub seed: u64,
    /// When it began.
    pub began: String,
    /// How long it took.
    pub seconds: f64,
    /// Whether no finding reaches the threshold, and all checks had their turn.
    pub passed: bool,
    /// Whether it was interrupted.
    pub interrupted: bool,
    /// The numbers of checks by result.
    pub counts: Counts,
    /// All checks, in order.
    pub checks: Vec<Outcome>,
    /// Names in the baseline whose checks pass now.
    pub baseline_outdated: Vec<String>,
}

/// The numbers of checks by result. They sum up to the number of checks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Checks that passed.
    pub passed: usize,
    /// Findings graded as errors, without those accepted.
    pub errors: usize,
    /// Findings graded as warnings, without those accepted.
    pub warnings: usize,
    /// Findings graded as hints, without those accepted.
    pub hints: usize,
    /// Findings that the baseline accepts.
    pub accepted: usize,
    /// Checks that could not be judged.
    pub not_judged: usize,
}

/// The result of a check.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The check.
    pub id: String,
    /// Its group.
    pub group: String,
    /// How serious it is if the check fails.
    pub grade: Grade,
    /// What a receiver that passes does.
    pub title: String,
    /// The verdict.
    pub verdict: Verdict,
    /// How long it took.
    pub seconds: f64,
}

/// The verdict of a check.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The check passed.
    Passed,
    /// The check failed.
    Found(Box<Finding>),
    /// The check could not be judged, for this reason.
    NotJudged(String),
}

/// The finding of a check.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What was sent.
    pub sent: String,
    /// The response, and what is wrong with it.
    pub came: String,
    /// The consequences.
    pub why: String,
    /// How to fix it.
    pub fix: String,
    /// The fix in the receiver's language, if it is known.
    pub code: Option<Code>,
    /// A command that repeats the check.
    pub again: String,
    /// A command that sends the same bytes, if curl can do it.
    pub curl: Option<String>,
    /// Why the baseline accepts it, if it does.
    pub accepted: Option<String>,
}

/// A few lines of code.
#[derive(Clone, Debug, Serialize)]
pub struct Code {
    /// The language.
    pub language: &'static str,
    /// The lines.
    pub text: String,
}

impl Outcome {
    /// A check that had no turn.
    pub(super) fn not_judged(check: &Check, why: &str) -> Self {
        Self {
            id: check.id.clone(),
            group: check.group.to_string(),
            grade: check.grade,
            title: check.title.clone(),
            verdict: Verdict::NotJudged(why.to_owned()),
            seconds: 0.0,
        }
    }

    /// Returns the finding, if there is one.
    pub fn finding(&self) -> Option<&Finding> {
        match &self.verdict {
            Verdict::Found(finding) => Some(finding),
            Verdict::Passed | Verdict::NotJudged(_) => None,
        }
    }

    /// Returns the finding, if there is one that is not accepted.
    pub fn open_finding(&self) -> Option<&Finding> {
        self.finding().filter(|finding| finding.accepted.is_none())
    }
}

impl Report {
    /// Returns the groups in order, each with its checks.
    pub(super) fn groups(&self) -> Vec<(&str, Vec<&Outcome>)> {
        let mut groups: Vec<(&str, Vec<&Outcome>)> = Vec::new();
        for outcome in &self.checks {
            match groups.last_mut() {
                Some((name, outcomes)) if *name == outcome.group => outcomes.push(outcome),
                _ => groups.push((&outcome.group, vec![outcome])),
            }
        }
        groups
    }

    /// Returns the report as JSON.
    pub fn json(&self) -> String {
        // The report is plain data, which can always be written as JSON.
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        text + "\n"
    }

    /// Returns a one-line summary.
    pub fn verdict(&self) -> String {
        let Counts { passed, errors, warnings, hints, accepted, not_judged } = self.counts;
        let some = |count: usize, one: &str, many: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            count => Some(format!("{count} {many}")),
        };
        let parts: Vec<String> = [
            some(errors, "error", "errors"),
            some(warnings, "warning", "warnings"),
            some(hints, "hint", "hints"),
            some(accepted, "accepted", "accepted"),
            some(passed, "passed", "passed"),
            some(not_judged, "not judged", "not judged"),
        ]
        .into_iter()
        .flatten()
        .collect();
        let word = if self.passed { "PASSED" } else { "FAILED" };
        format!("{word}: {} ({:.1} s)", parts.join(", "), self.seconds)
    }
}

impl Counts {
    /// Counts the results.
    pub(super) fn of(outcomes: &[Outcome]) -> Self {
        let mut counts = Self::default();
        for outcome in outcomes {
            let count = match (&outcome.verdict, outcome.grade) {
                (Verdict::Passed, _) => &mut counts.passed,
                (Verdict::NotJudged(_), _) => &mut counts.not_judged,
                (Verdict::Found(finding), _) if finding.accepted.is_some() => &mut counts.accepted,
                (Verdict::Found(_), Grade::Error) => &mut counts.errors,
                (Verdict::Found(_), Grade::Warning) => &mut counts.warnings,
                (Verdict::Found(_), Grade::Hint) => &mut counts.hints,
            };
            *count += 1;
        }
        counts
    }
}
