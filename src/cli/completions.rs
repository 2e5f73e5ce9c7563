//! `completions`: prints a completion script.

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, CommandError, Exit};

/// The arguments of `completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
    airudder-mock completions bash > ~/.local/share/bash-completion/completions/airudder-mock")]
pub(super) struct Args {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}
pub(super) fn run(args: Args) -> Result<Exit, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "airudder-mock", &mut script);
    super::print(&String::from_utf8_lossy(&script))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_gets_a_script_that_knows_the_commands() {
        use clap::ValueEnum;
        for shell in Shell::value_variants() {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "airudder-mock", &mut script);
            let script = String::from_utf8(script).unwrap();
            assert!(script.contains("completions") && script.contains("config"), "{shell}");
        }
    }
}
