//! `completions`: prints a script by which a shell asks this program for completions, and answers such requests.

use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{CompleteEnv, Shells};

use super::{Cli, CommandError, Exit};
use crate::audit::Battery;
use crate::console::described;
use crate::contract::{Catalog, Direction, Entry};
use crate::faults::FaultName;
use crate::files::SourceFile;
use crate::settings::{DEFAULT_FILE, check_file};

/// The name of the program for the shell.
const NAME: &str = "airudder-mock";

/// The variable that is set when the shell asks for completions.
const ASKED: &str = "AIRUDDER_MOCK_COMPLETE";

/// The arguments of `completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
    airudder-mock completions bash > ~/.local/share/bash-completion/completions/airudder-mock
    airudder-mock completions zsh > ~/.zfunc/_airudder-mock      with ~/.zfunc in $fpath
    airudder-mock completions fish > ~/.config/fish/completions/airudder-mock.fish
The script asks the program, so it also knows the events, endpoints and groups of your settings. Generate it again for
a new version.")]
pub(super) struct Args {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &Args) -> Result<Exit, CommandError> {
    let mut script = Vec::new();
    let shells = Shells::builtins();
    let written = match shells.completer(&args.shell.to_string()) {
        Some(shell) => shell.write_registration(ASKED, NAME, NAME, NAME, &mut script),
        None => return Err(CommandError::usage(format!("there are no completions for {}", args.shell))),
    };
    written.map_err(super::cannot_print)?;
    super::print(&String::from_utf8_lossy(&script))
}

/// Responds to the shell and ends the process, if the shell asks for completions.
pub(super) fn answer() {
    CompleteEnv::with_factory(command).var(ASKED).bin(NAME).completer(NAME).complete();
}

/// Returns the commands, with the possible values of their arguments.
fn command() -> Command {
    Cli::command().mut_subcommands(|subcommand| {
        let name = subcommand.get_name().to_owned();
        subcommand.mut_args(|arg| {
            let candidates: fn() -> Vec<CompletionCandidate> = match (&*name, arg.get_id().as_str()) {
                ("emit", "event") | ("audit", "events") => events,
                ("catalog", "id") => entries,
                ("catalog", "group") => groups,
                ("ctl", "operation") => requests,
                ("audit", "only" | "skip") => checks,
                (_, "faults") if arg.get_action().takes_values() => faults,
                _ => return arg,
            };
            arg.add(ArgValueCompleter::new(move |typed: &OsStr| beginning_with(typed, candidates())))
        })
    })
}

/// Returns the candidates with this prefix. In a list with commas, the last part counts.
fn beginning_with(typed: &OsStr, candidates: Vec<CompletionCandidate>) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    let (before, part) = typed
        .rsplit_once(',')
        .map_or((String::new(), &*typed), |(before, part)| (format!("{before},"), part));
    candidates
        .into_iter()
        .filter(|candidate| candidate.get_value().to_string_lossy().starts_with(part))
        .map(|candidate| candidate.add_prefix(&before))
        .collect()
}

fn candidate(value: &str, help: &str) -> CompletionCandidate {
    CompletionCandidate::new(value).help(Some(help.to_owned().into()))
}

/// Returns the catalog with the settings file in this folder, if there is a valid one.
fn catalog() -> Arc<Catalog> {
    let source = SourceFile::read(Path::new(DEFAULT_FILE)).ok();
    match source.and_then(|source| check_file(&source, Catalog::builtin()).ok()) {
        Some(checked) => Arc::new(checked.catalog),
        None => Arc::new(Catalog::builtin().clone()),
    }
}

fn entries_that(is_wanted: impl Fn(&Entry) -> bool) -> Vec<CompletionCandidate> {
    let catalog = catalog();
    let wanted = catalog.entries().iter().filter(|entry| is_wanted(entry));
    wanted.map(|entry| candidate(&entry.id, &entry.help)).collect()
}

fn entries() -> Vec<CompletionCandidate> {
    entries_that(|_| true)
}

fn events() -> Vec<CompletionCandidate> {
    entries_that(|entry| entry.direction == Direction::Callback)
}

fn groups() -> Vec<CompletionCandidate> {
    let catalog = catalog();
    let menus = catalog.menus().iter().map(|menu| menu.group.as_str());
    catalog
        .groups()
        .into_iter()
        .chain(menus)
        .map(|group| CompletionCandidate::new(group.to_owned()))
        .collect()
}

fn requests() -> Vec<CompletionCandidate> {
    described().map(|operation| candidate(operation.name, operation.what)).collect()
}

fn faults() -> Vec<CompletionCandidate> {
    FaultName::ALL.iter().map(|name| candidate(name.as_str(), name.what())).collect()
}

fn checks() -> Vec<CompletionCandidate> {
    let battery = Battery::load(&[], &[], Catalog::builtin());
    let checks = battery.iter().flat_map(|battery| &battery.checks);
    checks.map(|check| candidate(&check.id, &check.title)).collect()
}

#[cfg(test)]
mod tests {
    use clap_complete::engine::complete;

    use super::*;

    /// Returns the values of the completions.
    fn next(words: &[&str]) -> Vec<String> {
        let all = std::iter::once(&NAME).chain(words).map(Into::into).collect();
        let found = complete(&mut command(), all, words.len(), None).unwrap();
        found.iter().map(|one| one.get_value().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn every_kind_of_argument_is_completed() {
        for (words, expected) in [
            (&["em"][..], "emit"),
            (&["emit", "session.tr"], "session.transfer"),
            (&["emit", "session.end", "--cou"], "--count"),
            (&["emit", "session.end", "--fault", "signature-wr"], "signature-wrong"),
            (&["catalog", "task.cr"], "task.create"),
            (&["ctl", "jour"], "journal"),
            (&["audit", "--events", "call.completed,workflow.ap"], "call.completed,workflow.api_push"),
            (&["audit", "--only", "signature-wr"], "signature-wrong"),
            (&["audit", "--only", "order-statuses,signature-wr"], "order-statuses,signature-wrong"),
            (&["schema", "scen"], "scenario"),
        ] {
            assert!(next(words).contains(&expected.to_owned()), "{words:?}: {:?}", next(words));
        }
        assert!(!next(&["emit", ""]).contains(&"task.create".to_owned()), "a request is no event");
        assert!(
            next(&["catalog", "--group", ""]).iter().any(|group| group.to_lowercase().contains("chatbot"))
        );
        assert!(
            next(&["catalog", "--faults", ""]).contains(&"task.create".to_owned()),
            "a flag has no value"
        );
    }
}
