//! `check`.

use std::path::Path;

use super::{CommandError, Exit};

/// The arguments of `check`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: Args, _config: Option<&Path>) -> Result<Exit, CommandError> {
    Err(CommandError::start("not built yet"))
}
