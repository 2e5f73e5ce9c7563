//! `man`: writes the manual pages.

use std::fs;
use std::path::PathBuf;

use clap::CommandFactory;

use super::{Cli, CommandError, Exit};

/// The arguments of `man`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
    airudder-mock man --out ~/.local/share/man/man1")]
pub(super) struct Args {
    /// The folder. It is created if it does not exist.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

pub(super) fn run(args: &Args) -> Result<Exit, CommandError> {
    fs::create_dir_all(&args.out)
        .and_then(|()| clap_mangen::generate_to(Cli::command(), &args.out))
        .map_err(|error| super::cannot_write(&args.out, &error))?;
    super::print(&format!(
        "wrote the manual pages; `man -l {}` shows the first\n",
        args.out.join("airudder-mock.1").display()
    ))
}
