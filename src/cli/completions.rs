//! `completions`: prints a script by which a shell asks this program for completions, and answers such requests.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter};
use clap_complete::env::{CompleteEnv, Shells};
use serde_json::Value;

use super::{Cli, CommandError, Exit};
use crate::audit::Battery;
use crate::console::{asked, described};
use crate::contract::{Catalog, Direction, Entry};
use crate::faults::FaultName;
use crate::scenario::load;

/// The name of the program for the shell.
const NAME: &str = "airudder-mock";

/// The variable that is set when the shell asks for completions.
const ASKED: &str = "AIRUDDER_MOCK_COMPLETE";

/// The arguments of `completions`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
The script asks the program, so it also knows the events, endpoints and groups of your settings. Generate it again \
for a new version.

Examples:
  airudder-mock completions bash \\
          > ~/.local/share/bash-completion/completions/airudder-mock
  airudder-mock completions zsh > ~/.zfunc/_airudder-mock
      The folder must be in $fpath before `compinit` runs: fpath+=(~/.zfunc) in ~/.zshrc.
  airudder-mock completions fish \\
          > ~/.config/fish/completions/airudder-mock.fish")]
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
    let script = String::from_utf8_lossy(&script);
    super::print(&if args.shell == Shell::Zsh { for_zsh(&script) } else { script.into_owned() })
}

/// Completes the script for zsh. When the shell loads it as a function, it has to complete at once, not only from the next
/// time on. After the name of a field no space follows.
fn for_zsh(script: &str) -> String {
    let script = script.replace(
        "        [[ -n $other ]] && _describe -V 'values' other\n",
        "        local -a names=(${(M)other:#*=(|:*)}) whole=(${other:#*=(|:*)})\n        \
         [[ -n $names ]] && _describe -V 'fields' names -S ''\n        \
         [[ -n $whole ]] && _describe -V 'values' whole\n",
    );
    format!(
        "{}\n[[ $funcstack[1] = _{NAME} ]] && _clap_dynamic_completer_{}\n",
        script.trim_end(),
        NAME.replace('-', "_")
    )
}

/// Responds to the shell and ends the process, if the shell asks for completions.
pub(super) fn answer() {
    let words: Vec<OsString> = std::env::args_os().collect();
    CompleteEnv::with_factory(|| command(&words)).var(ASKED).bin(NAME).completer(NAME).complete();
}

/// Returns the commands, with the possible values of their arguments after these words.
fn command(words: &[OsString]) -> Command {
    let operation = words
        .iter()
        .skip_while(|word| *word != "ctl")
        .find_map(|word| described().map(|operation| operation.name).find(|name| *name == word.as_os_str()));
    Cli::command().mut_subcommands(|subcommand| {
        let name = subcommand.get_name().to_owned();
        subcommand.mut_args(|arg| {
            let candidates: fn() -> Vec<CompletionCandidate> = match (&*name, arg.get_id().as_str()) {
                ("emit", "event") | ("audit", "events") => events,
                ("catalog", "id") => entries,
                ("catalog", "group") => groups,
                ("ctl", "operation") => requests,
                ("audit", "only" | "skip") => checks,
                ("run" | "serve" | "load" | "check", "files") | ("serve", "offer") => {
                    return arg.add(ArgValueCompleter::new(stories));
                }
                ("ctl", "fields") => return arg.add(fields_of(operation.unwrap_or_default())),
                ("tail", "fields") => return arg.add(fields_of("stream")),
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

fn entries_that(is_wanted: impl Fn(&Entry) -> bool) -> Vec<CompletionCandidate> {
    let catalog = super::check::catalog(None);
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
    let catalog = super::check::catalog(None);
    let menus = catalog.menus().iter().map(|menu| menu.group.as_str());
    // Without spaces, which not every shell would quote; the command does not mind.
    let groups = catalog.groups().into_iter().chain(menus).map(|group| group.replace(' ', "-"));
    groups.map(CompletionCandidate::new).collect()
}

fn requests() -> Vec<CompletionCandidate> {
    described().map(|operation| candidate(operation.name, operation.what)).collect()
}

/// Returns the shipped stories with this prefix, and the files.
fn stories(typed: &OsStr) -> Vec<CompletionCandidate> {
    let shipped = load::shipped().filter(|name| typed.to_str().is_some_and(|typed| name.starts_with(typed)));
    let is_scenario = |path: &Path| path.extension().is_some_and(|ending| ending == "toml");
    let files = PathCompleter::any().filter(is_scenario).complete(typed);
    shipped.map(CompletionCandidate::new).chain(files).collect()
}

/// Returns what completes the fields of an operation of the control surface.
fn fields_of(operation: &'static str) -> ArgValueCompleter {
    ArgValueCompleter::new(move |typed: &OsStr| {
        let schema = asked(operation).unwrap_or_default();
        let fields = schema["properties"].as_object().into_iter().flatten();
        let fields =
            fields.map(|(name, field)| candidate(&format!("{name}="), first_line(&field["description"])));
        beginning_with(typed, fields.collect())
    })
}

fn first_line(text: &Value) -> &str {
    text.as_str().and_then(|text| text.lines().next()).unwrap_or_default()
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
        let all: Vec<OsString> = std::iter::once(&NAME).chain(words).map(Into::into).collect();
        let found = complete(&mut command(&all), all, words.len(), None).unwrap();
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
            (&["run", "first"], "first-transfer"),
            (&["load", "agent-transfer", "lo"], "load-transfer"),
            (&["serve", "--offer", "own"], "own-channel"),
            (&["check", "scenarios/first"], "scenarios/first-transfer.toml"),
            (&["catalog", "--group", "Numb"], "Number-detection"),
            (&["ctl", "wait", "wi"], "within="),
            (&["ctl", "move", "b"], "by="),
            (&["tail", "ev"], "event="),
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
