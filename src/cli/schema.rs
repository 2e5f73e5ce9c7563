//! `schema`.

use super::{CommandError, Exit};

/// The arguments of `schema`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_args: Args) -> Result<Exit, CommandError> {
    Err(CommandError::start("not built yet"))
}
