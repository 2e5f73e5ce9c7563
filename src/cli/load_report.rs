//! Common to commands with a load report: prints the summary, writes files, compares, and decides the exit code.

use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{CommandError, Exit, cannot_write};
use crate::files::read_within;
use crate::load::{ConditionError, FailIf, Report, compare, markdown, page, summary};

/// The arguments about reports.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct ReportArgs {
    /// Write the report to this file: all data as .json, an HTML page as .html, Markdown for a pull request as .md. May
    /// be given more than once.
    #[arg(long, value_name = "FILE")]
    report: Vec<PathBuf>,
    /// Compare with this earlier JSON report.
    #[arg(long, value_name = "FILE.json")]
    baseline: Option<PathBuf>,
    /// Exit with 1 if this condition is met: `p99>50ms`, `errors>1%`, `rate<4900/s`, or against the baseline
    /// `p99>+20%`, `rate<-5%`. May be given more than once. Metrics: p50 to p99.99, max, mean, each also as send.p99 or
    /// lag.p99; errors, timeouts, late, dropped, rate, busy, cpu. Default, unless a condition is about errors:
    /// `errors>50%`; `never` switches it off.
    #[arg(long, value_name = "CONDITION")]
    fail_if: Vec<Gate>,
}

/// A value of `--fail-if`.
#[derive(Clone, Debug, PartialEq)]
enum Gate {
    If(FailIf),
    /// Disables the default condition.
    Never,
}

impl Gate {
    fn condition(&self) -> Option<&FailIf> {
        match self {
            Self::If(condition) => Some(condition),
            Self::Never => None,
        }
    }
}

impl FromStr for Gate {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        if text.trim() == "never" { Ok(Self::Never) } else { text.parse().map(Self::If) }
    }
}

/// The validated arguments.
#[derive(Debug)]
pub(super) struct Prepared {
    files: Vec<(PathBuf, Form)>,
    baseline: Option<Report>,
    fail_if: Vec<FailIf>,
    /// The condition that applies if no condition is about errors. It does not apply without events.
    usual: Option<FailIf>,
}

/// The format of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Html,
    Markdown,
}

impl ReportArgs {
    /// Reads and validates the arguments and files, before a long run starts.
    pub(super) fn prepare(&self) -> Result<Prepared, CommandError> {
        let files = self
            .report
            .iter()
            .map(|path| Ok((path.clone(), form(path)?)))
            .collect::<Result<_, CommandError>>()?;
        let baseline = self.baseline.as_deref().map(read).transpose()?;
        let given = self.fail_if.iter().filter_map(Gate::condition);
        let fail_if: Vec<FailIf> = given.cloned().collect();
        let is_said = self.fail_if.contains(&Gate::Never) || fail_if.iter().any(FailIf::is_about_errors);
        let usual = (!is_said).then(FailIf::most_went_wrong);
        if let (None, Some(relative)) = (&baseline, fail_if.iter().find(|condition| condition.is_relative()))
        {
            return Err(CommandError::usage(format!(
                "`{relative}` is relative to a baseline: add `--baseline FILE.json` with an earlier report"
            )));
        }
        Ok(Prepared { files, baseline, fail_if, usual })
    }
}

impl Prepared {
    /// Prints the summary, writes the files and decides the exit code: [`Exit::Void`] if the figures are not reliable,
    /// [`Exit::Failed`] if a condition is met.
    pub(super) fn finish(&self, report: &Report) -> Result<Exit, CommandError> {
        let comparison = self.baseline.as_ref().map(|baseline| compare(baseline, report));
        let comparison = comparison.as_ref();
        let usual = self.usual.iter().filter(|_| report.counts.planned > 0);
        let conditions = self.fail_if.iter().chain(usual);
        let hits = conditions.filter_map(|condition| condition.check(report, self.baseline.as_ref()));
        let failed: Vec<String> = hits.collect();
        super::say(summary(report, comparison, &failed, super::terminal::width()).trim_end());
        for (path, form) in &self.files {
            let text = match form {
                Form::Json => report.write(),
                Form::Html => page(report, comparison, &failed),
                Form::Markdown => markdown(report, comparison, &failed),
            };
            std::fs::write(path, text).map_err(|error| cannot_write(path, &error))?;
        }
        Ok(match (&report.void, failed.is_empty()) {
            (Some(_), _) => Exit::Void,
            (None, true) => Exit::Ok,
            (None, false) => Exit::Failed,
        })
    }
}

/// Maximum size of a report, in megabytes.
const MOST_MEGABYTES: u64 = 256;

/// Reads a JSON report.
pub(super) fn read(path: &Path) -> Result<Report, CommandError> {
    let shown = path.display();
    let text = read_within(path, MOST_MEGABYTES)
        .and_then(|bytes| {
            String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
        })
        .map_err(|error| CommandError::usage(format!("{shown} can't be read: {error}")))?;
    Report::read(&text).map_err(|error| CommandError::usage(format!("{shown}: {error}")))
}

/// Returns the format of a file, by its extension. Its folder must exist.
fn form(path: &Path) -> Result<Form, CommandError> {
    let shown = path.display();
    let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
    let form = match extension.as_deref() {
        Some("json") => Form::Json,
        Some("html" | "htm") => Form::Html,
        Some("md" | "markdown") => Form::Markdown,
        _ => {
            return Err(CommandError::usage(format!(
                "`--report {shown}` must end with .json (all data), .html (a page) or .md (Markdown)"
            )));
        }
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(CommandError::usage(format!(
            "`--report {shown}`: the folder {} does not exist, create it first",
            folder.display()
        )));
    }
    if path.is_dir() {
        return Err(CommandError::usage(format!("`--report {shown}` is a folder, name a file")));
    }
    Ok(form)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::samples;

    fn args(folder: &Path, files: &[&str], conditions: &[&str]) -> ReportArgs {
        ReportArgs {
            report: files.iter().map(|file| folder.join(file)).collect(),
            baseline: None,
            fail_if: conditions.iter().map(|text| text.parse().unwrap()).collect(),
        }
    }

    #[test]
    fn every_form_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let report = samples::steady();
        let args = args(folder.path(), &["a.json", "b.HTML", "c.md"], &["errors>1%"]);
        assert_eq!(args.prepare().unwrap().finish(&report).unwrap(), Exit::Ok);
        let text = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert_eq!(Report::read(&text("a.json")).unwrap().counts, report.counts);
        assert!(text("b.HTML").starts_with("<!doctype html>"));
        assert!(text("c.md").starts_with("### Load"));
    }

    #[test]
    fn a_condition_that_is_hit_fails_after_writing() {
        let folder = tempfile::tempdir().unwrap();
        let baseline = folder.path().join("old.json");
        std::fs::write(&baseline, samples::steady().write()).unwrap();
        let mut args = args(folder.path(), &["c.md"], &["p99>+20%"]);
        args.baseline = Some(baseline);
        let prepared = args.prepare().unwrap();
        assert_eq!(prepared.finish(&samples::stall()).unwrap(), Exit::Failed);
        let text = std::fs::read_to_string(folder.path().join("c.md")).unwrap();
        assert!(text.contains("**failed:** p99&gt;+20%: p99 is"), "{text}");
        assert_eq!(prepared.finish(&samples::steady()).unwrap(), Exit::Ok);
    }

    #[test]
    fn a_run_most_of_which_went_wrong_fails_unless_somebody_says_otherwise() {
        let mut report = samples::steady();
        report.counts.ok = report.counts.planned / 4;
        report.counts.wrong_status = report.counts.planned - report.counts.ok;
        let folder = tempfile::tempdir().unwrap();
        let exit = |conditions: &[&str]| {
            args(folder.path(), &[], conditions).prepare().unwrap().finish(&report).unwrap()
        };
        assert_eq!(exit(&[]), Exit::Failed);
        assert_eq!(exit(&["p99>10s"]), Exit::Failed, "it says nothing of errors");
        for conditions in [&["errors>80%"][..], &["never"], &["never", "p99>10s"]] {
            assert_eq!(exit(conditions), Exit::Ok, "{conditions:?}");
        }
        assert_eq!(exit(&["never", "errors>1%"]), Exit::Failed);
        // If nothing was planned, there is nothing to judge by default.
        report.counts = Default::default();
        let finished = args(folder.path(), &[], &[]).prepare().unwrap().finish(&report).unwrap();
        assert_eq!(finished, Exit::Ok);
    }

    #[test]
    fn what_is_wrong_is_reported_before_a_run() {
        let folder = tempfile::tempdir().unwrap();
        let mistake = |args: &ReportArgs| {
            let text = format!("{:?}", args.prepare().unwrap_err());
            text.replace(&folder.path().display().to_string(), "DIR")
        };
        std::fs::write(folder.path().join("other.json"), "{\"passed\":true}").unwrap();
        std::fs::write(folder.path().join("older.json"), "{\"format\":\"airudder-mock load 1\"}").unwrap();
        let with =
            |name: &str| ReportArgs { baseline: Some(folder.path().join(name)), ..ReportArgs::default() };
        let texts = [
            mistake(&args(folder.path(), &["a.pdf"], &[])),
            mistake(&args(folder.path(), &["report"], &[])),
            mistake(&args(folder.path(), &["missing/a.json"], &[])),
            mistake(&args(folder.path(), &[], &["errors>1%", "p99>+20%"])),
            mistake(&with("nowhere.json")),
            mistake(&with("other.json")),
            mistake(&with("older.json")),
        ];
        insta::assert_snapshot!(texts.join("\n"));
    }
}
