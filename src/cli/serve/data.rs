//! `serve --data-dir`: a state that outlives the process.

use std::path::Path;

use super::super::CommandError;
use super::Args;
use crate::console::Beginning;
use crate::mock::{Folder, FolderError};

/// Opens the folder. A new state in it has this seed.
pub(super) fn open(path: &Path, args: &Args, seed: u64) -> Result<Folder, CommandError> {
    let folder = Folder::open(path, || Beginning { seed, stories: None, namespace: None })
        .map_err(CommandError::start)?;
    let its = folder.beginning().seed;
    if let Some(given) = args.seed.filter(|given| *given != its) {
        let path = folder.path().display().to_string();
        return Err(CommandError::usage(FolderError::Seed { path, given, its }.to_string()));
    }
    if args.epoch.is_some() && !folder.inputs().is_empty() {
        return Err(CommandError::usage(format!(
            "--epoch: the clock of the state in {} continues from where it was; leave --epoch out, or give another folder",
            folder.path().display()
        )));
    }
    if folder.torn() > 0 {
        let (path, torn) = (folder.path().display(), folder.torn());
        super::super::remark(&format!(
            "{path}: its last {torn} bytes are an incomplete line and were dropped; that request was never answered"
        ));
    }
    Ok(folder)
}

/// Returns the line of the start page about it.
pub(super) fn line(folder: &Folder) -> String {
    let path = folder.path().display();
    match folder.inputs().last() {
        None => format!("state             kept in {path}, which is new"),
        Some(last) => format!(
            "state             kept in {path}: {} inputs, continues from {:.0}",
            folder.inputs().len(),
            last.at
        ),
    }
}
