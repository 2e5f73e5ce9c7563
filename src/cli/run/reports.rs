//! The report files of a run: old ones are gone from the start on, and a run that could not begin writes why, so that nobody
//! takes a report of yesterday for one of today.

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
    /// Removes what an earlier run has left there.
    pub(super) fn begin(json: Option<PathBuf>, junit: Option<PathBuf>) -> Result<Self, CommandError> {
        for path in json.iter().chain(&junit) {
            // What is no file of its own, such as /dev/stdout, is only written to.
            if fs::symlink_metadata(path).is_ok_and(|there| there.is_file()) {
                fs::remove_file(path).map_err(|error| cannot_write(path, &error))?;
            }
        }
        Ok(Self { json, junit, begun: Instant::now(), began: Timestamp::now(), is_written: Cell::new(false) })
    }

    /// Writes how the run went.
    pub(super) fn write(&self, tally: &Tally, facts: &Facts) -> Result<(), CommandError> {
        self.is_written.set(true);
        self.write_with(|| report::json(tally, facts), |out| junit::junit(tally, facts, out))
    }

    /// Writes why there was no run, unless a report of it is written already.
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
