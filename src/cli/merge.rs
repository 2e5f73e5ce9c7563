//! `merge`: merges the load reports of several shards, and writes or compares the result.

use std::path::PathBuf;

use super::load_report::{ReportArgs, read};
use super::{CommandError, Exit};
use crate::load::merge;

const EXAMPLES: &str = "\
Counts and distributions add up exactly, whatever the order; percentiles are taken
from the sum, never averaged. Merged reports can be merged again. A missing shard
is among the findings. One report alone is summed up, compared and written anew.

Examples:
  Two processes shared a load:
      airudder-mock merge a.json b.json --report whole.json --report whole.html
  Is today slower than yesterday?
      airudder-mock merge today.json --baseline yesterday.json --fail-if 'p99>+20%' --report today.md";

/// The arguments of `merge`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// JSON reports of the shards of one run.
    #[arg(required = true, value_name = "FILE.json")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    reports: ReportArgs,
}

pub(super) fn run(args: &Args) -> Result<Exit, CommandError> {
    let prepared = args.reports.prepare()?;
    let reports = args.files.iter().map(|path| Ok((path.display().to_string(), read(path)?)));
    let whole = merge(reports.collect::<Result<_, CommandError>>()?).map_err(CommandError::usage)?;
    prepared.finish(&whole)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::load::{Report, samples};

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
        // The parts can't be separated from the whole any more: neither may be added again.
        let error = merge(&[whole.clone(), other]).unwrap_err();
        assert!(format!("{error:?}").contains("both have shard 1"), "{error:?}");
        let hit = merge(&[whole, "--fail-if".to_owned(), "errors>0.5%".to_owned()]).unwrap();
        assert_eq!(hit, Exit::Failed);
        assert!(Line::try_parse_from(["merge", &one, "--fail-if", "p98.5<<1"]).is_err());
        assert!(Line::try_parse_from(["merge"]).is_err());
    }
}
