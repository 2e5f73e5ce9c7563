//! `--record`: the file to which the journal is written.

use std::fs::File;
use std::path::Path;

use super::output::{Output, WhenFull};
use super::{CommandError, cannot_write};
use crate::journal::{RecordHandle, Recorder};
use crate::mock::Builder;

/// The open record of a command, if one was requested.
pub(super) struct Recording<'a>(Option<(&'a Path, RecordHandle)>);

impl<'a> Recording<'a> {
    /// Opens the file and writes every entry to it, in whole lines as soon as they are complete. Everything else is as for
    /// [`Recorder::new`].
    pub(super) fn open(
        path: Option<&'a Path>,
        timing: bool,
        embedded: Option<String>,
        show_secrets: bool,
        builder: Builder,
    ) -> Result<(Self, Builder), CommandError> {
        let Some(path) = path else { return Ok((Self(None), builder)) };
        let file = File::create(path).map_err(|error| cannot_write(path, &error))?;
        let shown = path.display().to_string();
        let tell = move |error: &std::io::Error| {
            super::remark(&format!("error: recording to {shown} has stopped: {error}"));
        };
        let output = Output::new(file, WhenFull::Wait, tell).map_err(|error| cannot_write(path, &error))?;
        let (recorder, handle) = Recorder::new(Box::new(output), timing, embedded);
        let recorder = recorder.mask(builder.mask());
        Ok((Self(Some((path, handle))), builder.sink(recorder.show_secrets(show_secrets))))
    }

    /// Checks that the record is complete.
    pub(super) fn finish(self) -> Result<(), CommandError> {
        let Some((path, handle)) = self.0 else { return Ok(()) };
        handle.finish().map_err(|error| cannot_write(path, &error))
    }
}
