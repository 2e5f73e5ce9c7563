//! The report for the terminal.

use anstyle::{AnsiColor, Style};

use super::battery::Grade;
use super::report::{Finding, Outcome, Report, Verdict};
use crate::files::visible;

/// The width of text in columns, and the column where it begins after the name of a line.
const WIDTH: usize = 100;
const INDENT: usize = 9;

const DIM: Style = Style::new().dimmed();
const BOLD: Style = Style::new().bold();

/// Writes a group with its findings; with `all`, each of its checks has a line.
fn group(name: &str, outcomes: &[&Outcome], all: bool, out: &mut String) {
    let passed = outcomes.iter().filter(|outcome| matches!(outcome.verdict, Verdict::Passed)).count();
    let judged = outcomes.iter().filter(|outcome| !matches!(outcome.verdict, Verdict::NotJudged(_))).count();
    let good = if passed == judged { AnsiColor::Green.on_default() } else { Style::new() };
    let aside = match outcomes.len() - judged {
        0 => String::new(),
        left => format!("{DIM}, {left} not judged{DIM:#}"),
    };
    out.push_str(&format!("{BOLD}{name:<19}{BOLD:#} {good}{passed} of {judged}{good:#}{aside}\n"));
    for outcome in outcomes {
        match &outcome.verdict {
            Verdict::Found(found) => finding(outcome, found, out),
            Verdict::Passed if all => {
                let style = AnsiColor::Green.on_default();
                out.push_str(&format!("  {style}ok{style:#}     {:<28}{}\n", outcome.id, outcome.title));
            }
            Verdict::NotJudged(why) if all => {
                out.push_str(&format!("  {DIM}-      {:<28}{why}{DIM:#}\n", outcome.id));
            }
            Verdict::Passed | Verdict::NotJudged(_) => {}
        }
    }
}

fn finding(outcome: &Outcome, finding: &Finding, out: &mut String) {
    let (word, style) = match (&finding.accepted, outcome.grade) {
        (Some(_), _) => ("known", DIM),
        (None, Grade::Error) => ("ERROR", AnsiColor::Red.on_default().bold()),
        (None, Grade::Warning) => ("WARN", AnsiColor::Yellow.on_default().bold()),
        (None, Grade::Hint) => ("hint", AnsiColor::Cyan.on_default()),
    };
    out.push_str(&format!("  {style}{word:<7}{style:#}{BOLD}{}{BOLD:#}: {}\n", outcome.id, outcome.title));
    if let Some(reason) = &finding.accepted {
        let reason = if reason.is_empty() { "no reason given" } else { reason };
        line("known", &format!("{}: {reason}", finding.came), out);
        return;
    }
    line("sent", &finding.sent, out);
    line("got", &finding.came, out);
    line("why", &finding.why, out);
    line("fix", &finding.fix, out);
    for code in finding.code.iter().flat_map(|code| code.text.lines()) {
        out.push_str(&format!("{:INDENT$}       {}\n", "", visible(code)));
    }
    let again = finding.curl.as_ref().unwrap_or(&finding.again);
    // A command is not wrapped, so that it can be copied.
    out.push_str(&format!("{:INDENT$}{DIM}rerun  {DIM:#}{}\n", "", visible(again)));
}

/// Writes a line with its name, wrapped between words.
fn line(name: &str, text: &str, out: &mut String) {
    let text = visible(text);
    let mut name = name;
    let mut row = String::new();
    let mut put = |row: &mut String| {
        out.push_str(&format!("{:INDENT$}{DIM}{name:<7}{DIM:#}{row}\n", ""));
        name = "";
        row.clear();
    };
    for word in text.split_whitespace() {
        if !row.is_empty() && INDENT + 7 + row.chars().count() + 1 + word.chars().count() > WIDTH {
            put(&mut row);
        }
        if !row.is_empty() {
            row.push(' ');
        }
        row.push_str(word);
    }
    put(&mut row);
}

/// Writes the report during the audit: a group once it is complete, and the summary at the end.
#[derive(Debug, Default)]
pub struct Printer {
    /// Whether every check has a line, not only findings.
    pub all: bool,
    waiting: Vec<Outcome>,
}

impl Printer {
    /// Creates a printer that writes a line for every check, or only findings.
    pub fn new(all: bool) -> Self {
        Self { all, waiting: Vec::new() }
    }

    /// Takes an outcome. Returns the previous group, if it is now complete.
    pub fn take(&mut self, outcome: &Outcome) -> Option<String> {
        let is_other = self.waiting.first().is_some_and(|first| first.group != outcome.group);
        let text = is_other.then(|| self.rest());
        self.waiting.push(outcome.clone());
        text
    }

    fn rest(&mut self) -> String {
        let mut out = String::new();
        let outcomes = std::mem::take(&mut self.waiting);
        if let Some(first) = outcomes.first() {
            group(&first.group, &outcomes.iter().collect::<Vec<_>>(), self.all, &mut out);
        }
        out
    }

    /// Returns the last group and the summary.
    pub fn finish(&mut self, report: &Report) -> String {
        let mut out = self.rest();
        out.push('\n');
        for id in &report.baseline_outdated {
            out.push_str(&format!("`{id}` passes now: remove it from the baseline\n"));
        }
        if !self.all && report.counts.not_judged > 0 {
            for (why, count) in reasons(report) {
                out.push_str(&format!("{DIM}{count} not judged: {}{DIM:#}\n", visible(why)));
            }
        }
        let color = if report.passed { AnsiColor::Green } else { AnsiColor::Red };
        let style = color.on_default().bold();
        out.push_str(&format!("{style}{}{style:#}\n", report.verdict()));
        out
    }
}

/// Returns why checks were not judged: each reason once, with the number of checks.
fn reasons(report: &Report) -> Vec<(&str, usize)> {
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    for outcome in &report.checks {
        let Verdict::NotJudged(why) = &outcome.verdict else { continue };
        match reasons.iter_mut().find(|(known, _)| known == why) {
            Some((_, count)) => *count += 1,
            None => reasons.push((why, 1)),
        }
    }
    reasons
}
