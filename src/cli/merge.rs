//! `merge`: merges the load reports of several shards, and writes or compares the result.

use std::path::{Path, PathBuf};

use super::load_report::{ReportArgs, read};
use super::{CommandError, Exit};
use crate::load::{Report, merge};

const EXAMPLES: &str = "\
Counts and distributions add up exactly, in any order; percentiles are computed \
from the sum, never averaged. Merged reports can be merged again. If a shard is \
missing, the report is VOID. A single report can be compared and written again.

Examples:
  Two processes shared a load:
      airudder-mock merge a.json b.json --report whole.json --report whole.html
  Every part wrote its report into a folder:
      airudder-mock merge parts --report whole.html
  Is today slower than yesterday?
      airudder-mock merge today.json --baseline yesterday.json \\
          --fail-if 'p99>+20%' --report today.md";

/// The arguments of `merge`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// JSON reports of the shards of one run, or folders with them. From a folder, every `.json` file that is the
    /// report of a shard is read.
    #[arg(required = true, value_name = "FILE.json|DIR")]
    files: Vec<PathBuf>,
    /// Accept that shards are missing: otherwise the report is VOID, and the exit code 5.
    #[arg(long)]
    allow_missing: bool,
    #[command(flatten)]
    reports: ReportArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, CommandError> {
    let prepared = args.reports.prepare()?;
    let mut reports = Vec::new();
    for path in &args.files {
        if path.is_dir() {
            reports.extend(of_folder(path)?);
        } else {
            reports.push((path.display().to_string(), read(path)?));
        }
    }
    let whole = merge(reports, args.allow_missing).map_err(CommandError::usage)?;
    prepared.finish(&whole)
}

/// Returns the reports of shards in a folder, by name. Other files are skipped, which is reported.
fn of_folder(folder: &Path) -> Result<Vec<(String, Report)>, CommandError> {
    let shown = folder.display();
    let unreadable = |error| CommandError::usage(format!("{shown} can't be read: {error}"));
    let entries =
        std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(unreadable)?;
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")));
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        let name = path.display().to_string();
        match read(&path) {
            Ok(report) if report.plan.shard.is_some() => found.push((name, report)),
            Ok(_) => super::remark(&format!("note: {name} is ignored: it is not the report of a shard")),
            Err(_) => super::remark(&format!("note: {name} is ignored: it is not a load report")),
        }
    }
    if found.is_empty() {
        return Err(CommandError::usage(format!(
            "{shown} contains no report of a shard: each part of a run writes one with `--shard I/N --report PART.json`"
        )));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::load::samples;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn shards_become_one_report() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        for index in 0..2 {
            std::fs::write(path(&format!("{index}.json")), samples::shard(index, 2).write()).unwrap();
        }
        let merge = |words: &[String]| {
            let line = Line::try_parse_from(std::iter::once("merge".to_owned()).chain(words.iter().cloned()));
            run(&line.unwrap().args)
        };
        let (one, other, whole) = (path("0.json"), path("1.json"), path("whole.json"));
        let exit = merge(&[one.clone(), other.clone(), "--report".to_owned(), whole.clone()]).unwrap();
        assert_eq!(exit, Exit::Ok);
        let report = Report::read(&std::fs::read_to_string(&whole).unwrap()).unwrap();
        assert_eq!(report.counts.planned, 2_500);
        // A part alone says nothing about the load.
        assert_eq!(merge(std::slice::from_ref(&one)).unwrap(), Exit::Void);
        assert_eq!(merge(&[one.clone(), "--allow-missing".to_owned()]).unwrap(), Exit::Ok);
        // The parts can't be separated from the whole any more, so that neither may be added again.
        let error = merge(&[whole.clone(), other]).unwrap_err();
        assert!(format!("{error:?}").contains("both have shard 1"), "{error:?}");
        let hit = merge(&[whole, "--fail-if".to_owned(), "errors>0.5%".to_owned()]).unwrap();
        assert_eq!(hit, Exit::Failed);
        assert!(Line::try_parse_from(["merge", &one, "--fail-if", "p98.5<<1"]).is_err());
        assert!(Line::try_parse_from(["merge"]).is_err());
        // In a folder, only the parts count.
        std::fs::write(path("other.json"), "{}").unwrap();
        let of_folder =
            merge(&[folder.path().display().to_string(), "--report".to_owned(), path("again.json")]);
        assert_eq!(of_folder.unwrap(), Exit::Ok);
        let again = Report::read(&std::fs::read_to_string(path("again.json")).unwrap()).unwrap();
        assert_eq!(again.counts.planned, 2_500);
        let empty = tempfile::tempdir().unwrap();
        let error = merge(&[empty.path().display().to_string()]).unwrap_err();
        assert!(format!("{error:?}").contains("no report of a shard"), "{error:?}");
    }
}
