//! The report files of a run. Old ones are removed at the start, and a run that could not begin writes why, so that an old
//! report is not mistaken for a new one.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use jiff::Timestamp;

use super::junit;
use super::report::{self, Facts};
use super::tally::Tally;
use crate::cli::{CommandError, cannot_write};

/// The files that `--report` and `--junit` name.
pub(super) struct Reports {
    json: Option<PathBuf>,
    junit: Option<PathBuf>,
    begun: Instant,
    began: Timestamp,
    is_written: Cell<bool>,
}

impl Reports {
    /// Removes the reports of an earlier run.
    pub(super) fn begin(json: Option<PathBuf>, junit: Option<PathBuf>) -> Result<Self, CommandError> {
        for path in json.iter().chain(&junit) {
            // A special file such as /dev/stdout is only written to.
            if fs::symlink_metadata(path).is_ok_and(|there| there.is_file()) {
                fs::remove_file(path).map_err(|error| cannot_write(path, &error))?;
            }
        }
        Ok(Self { json, junit, begun: Instant::now(), began: Timestamp::now(), is_written: Cell::new(false) })
    }

    /// Writes the result of the run.
    pub(super) fn write(&self, tally: &Tally, facts: &Facts) -> Result<(), CommandError> {
        self.is_written.set(true);
        self.write_with(|| report::json(tally, facts), |out| junit::junit(tally, facts, out))
    }

    /// Writes why there was no run, unless a report is written already.
    pub(super) fn write_error(&self, error: &str) -> Result<(), CommandError> {
        if self.is_written.replace(true) {
            return Ok(());
        }
        let error = anstream::adapter::strip_str(error).to_string();
        let error = error.trim_end().trim_start_matches("error: ");
        self.write_with(
            || report::could_not_run(error),
            |out| junit::could_not_run(error, self.began, self.begun.elapsed(), out),
        )
    }

    fn write_with(
        &self,
        json: impl FnOnce() -> serde_json::Value,
        junit: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<(), CommandError> {
        if let Some(path) = &self.json {
            write_text(path, &format!("{:#}\n", json()))?;
        }
        if let Some(path) = &self.junit {
            let file = File::create(path).map_err(|error| cannot_write(path, &error))?;
            let mut out = BufWriter::new(file);
            junit(&mut out).and_then(|()| out.flush()).map_err(|error| cannot_write(path, &error))?;
        }
        Ok(())
    }
}

fn write_text(path: &Path, text: &str) -> Result<(), CommandError> {
    fs::write(path, text).map_err(|error| cannot_write(path, &error))
}
