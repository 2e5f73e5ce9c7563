//! The command line: the arguments, one file per command, and the exit codes.

mod announce;
mod argument;
mod assumed;
mod audit;
mod authority;
mod body_field;
#[cfg(test)]
mod broken;
mod ca;
mod catalog;
mod chat;
mod check;
mod code_list;
mod completions;
mod control;
mod ctl;
mod destinations;
mod diff;
mod emit;
mod exec;
mod exit;
mod fault_list;
mod format;
mod found;
#[cfg(test)]
mod help;
mod init;
mod lines;
mod load;
mod load_report;
mod magic;
mod man;
mod mcp;
mod merge;
mod output;
mod preview;
mod reachable;
mod ready;
mod receive;
mod recording;
mod reference;
mod remote;
mod replay;
mod run;
mod schema;
mod serve;
mod shell;
mod sign;
mod signals;
mod stories;
mod tail;
mod taken;
mod terminal;
mod timeline;
mod tips;
mod trace;
mod trust;
mod verdicts;
mod verify;
mod watch;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;

use clap::{CommandFactory, Parser, Subcommand};

pub use exit::{CommandError, Exit};
use signals::{interrupted, interrupted_or, interrupted_with};

use crate::mock::Prepared;
use crate::settings::Flags;
use crate::sync::lock;

/// A mock AI Rudder server: signed callbacks from scenario files, and fake REST endpoints with state.
///
/// Everything runs offline, and on loopback unless you say otherwise.
#[derive(Debug, Parser)]
#[command(name = "airudder-mock", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = exit::HELP)]
pub struct Cli {
    /// The settings file. Default: `airudder-mock.toml` in this folder, if it exists.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create a folder to start from: settings with every key, a story, and a receiver in your language (Python's and Node's with tests).
    Init(init::Args),
    /// Run scenario files as stories: send their callbacks, wait for your requests, check the results.
    Run(run::Args),
    /// Serve the vendor's REST endpoints with state, and send the callbacks that your requests cause.
    Serve(serve::Args),
    /// Run a command, such as your tests, alongside a mock that runs for as long as the command.
    Exec(exec::Args),
    /// Inspect and control a running mock, and wait for its requests and callbacks.
    Ctl(ctl::Args),
    /// Offer a running mock to an AI agent as tools, through the Model Context Protocol over standard input and output.
    Mcp(mcp::Args),
    /// Check whether a mock is ready, or wait until it is: the health check of containers.
    Ready(ready::Args),
    /// Watch a running mock: a live timeline of its requests and callbacks.
    Tail(tail::Args),
    /// Play the end user of a WhatsApp conversation in the terminal.
    Chat(chat::Args),
    /// Send callbacks at a set rate, and measure how the receiver copes.
    Load(load::Args),
    /// Test your receiver with about fifty crafted callbacks, and report what is wrong, why it matters and how to fix
    /// it.
    Audit(audit::Args),
    /// Send one callback now, or print it.
    Emit(emit::Args),
    /// Receive callbacks, verify their signatures, and explain what is wrong.
    Receive(receive::Args),
    /// Merge the load reports of several shards; write the result as a page or compare it with a baseline.
    Merge(merge::Args),
    /// Sign a body from standard input.
    Sign(sign::Args),
    /// Verify the signature of a body from standard input, and explain a mismatch.
    Verify(verify::Args),
    /// List every endpoint and callback, with the provenance of each.
    Catalog(catalog::Args),
    /// Print where the certificate authority of `serve --tls` and `--proxy` is, and how to make programs trust it.
    Ca(ca::Args),
    /// Check scenario and settings files without running them.
    Check(check::Args),
    /// Send the callbacks of a record again.
    Replay(replay::Args),
    /// Show the first difference between two recorded runs.
    Diff(diff::Args),
    /// Print the JSON Schema of the files you write, or an OpenAPI document.
    Schema(schema::Args),
    /// Print the script that completes commands, flags, events, endpoints and groups in your shell.
    Completions(completions::Args),
    /// Write the manual pages.
    Man(man::Args),
}

/// Parses the arguments, runs the command and turns its result into the exit code of the process.
pub fn main() -> ExitCode {
    completions::answer();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let words: Vec<_> = std::env::args_os().collect();
            return exit::usage(&tips::with_tips(error, &Cli::command(), &words));
        }
    };
    let config = cli.config.as_deref();
    raise_descriptors();
    exit::code(|| {
        said(match cli.command {
            Command::Init(args) => init::run(&args),
            Command::Run(args) => run::run(args, config),
            Command::Serve(args) => serve::run(args, config),
            Command::Exec(args) => exec::run(args, config),
            Command::Ctl(args) => ctl::run(&args),
            Command::Mcp(args) => mcp::run(&args),
            Command::Ready(args) => ready::run(&args),
            Command::Tail(args) => tail::run(&args),
            Command::Chat(args) => chat::run(args, config),
            Command::Load(args) => load::run(args, config),
            Command::Audit(args) => audit::run(args, config),
            Command::Emit(args) => emit::run(args, config),
            Command::Receive(args) => receive::run(args, config),
            Command::Merge(args) => merge::run(&args),
            Command::Sign(args) => sign::run(args, config),
            Command::Verify(args) => verify::run(args, config),
            Command::Catalog(args) => catalog::run(args, config),
            Command::Ca(args) => ca::run(&args),
            Command::Check(args) => check::run(args, config),
            Command::Replay(args) => replay::run(args, config),
            Command::Diff(args) => diff::run(&args),
            Command::Schema(args) => schema::run(args, config),
            Command::Completions(args) => completions::run(&args),
            Command::Man(args) => man::run(&args),
        })
    })
}

/// Raises the limit on file descriptors: every connection takes one, and many systems start programs with a lower limit
/// than allowed.
fn raise_descriptors() {
    #[cfg(unix)]
    {
        use nix::sys::resource::{Resource, getrlimit, setrlimit};
        if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
            && soft < hard
        {
            // If the system refuses, the present limit has to suffice.
            let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
        }
    }
}

fn cannot_write(path: &Path, error: &std::io::Error) -> CommandError {
    CommandError::start(format!("{} can't be written: {error}", path.display()))
}

/// Makes success an error if a line could not be printed: a result that nobody can read is none.
fn said(result: Result<Exit, CommandError>) -> Result<Exit, CommandError> {
    match (result, lock(&UNSAID).take()) {
        (Ok(Exit::Ok), Some(error)) => Err(error),
        (result, _) => result,
    }
}

/// Why a line of [`say`] could not be written: the first one.
static UNSAID: Mutex<Option<CommandError>> = Mutex::new(None);

/// Prints a line. If it can't be written, the program continues, and ends with the error unless it fails otherwise.
fn say(line: &str) {
    if let Err(error) = print(&format!("{line}\n")) {
        lock(&UNSAID).get_or_insert(error);
    }
}

/// Returns standard output, written on a separate thread.
fn standard_output() -> Result<output::Output, CommandError> {
    output::Output::standard().map_err(|error| CommandError::start(format!("cannot start a thread: {error}")))
}

/// Returns the error of a failed standard output. A reader that closed the pipe (`| head -1`) is not an error.
fn cannot_print(error: std::io::Error) -> CommandError {
    CommandError::start(format!("cannot write to standard output: {error}"))
}

/// Prints the requested text. A reader that closed the pipe (`| head -1`) is not an error.
fn print(text: &str) -> Result<Exit, CommandError> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(cannot_print(error)),
        _ => Ok(Exit::Ok),
    }
}

/// Reads the settings under these flags. Keys under their old names are reported once.
fn prepare(config: Option<&Path>, flags: &Flags, listen: Option<&str>) -> Result<Prepared, CommandError> {
    if flags.insecure {
        remark("warning: --insecure accepts any certificate, so receivers are not authenticated");
    }
    let flags = Flags { listen: listen.map(str::to_owned), ..flags.clone() };
    let prepared = Prepared::load(config, flags)?;
    prepared.settings.notes.iter().for_each(|note| remark(note));
    Ok(prepared)
}

/// Prints a line for people to standard error. If it can't be written, the program continues.
fn remark(line: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{line}");
}

/// Returns a seed for when the user gives none, so that no two runs have the same ids. It is short enough to be typed
/// again.
fn fresh_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish() % 1_000_000_000
}

/// Creates the runtime of commands that use the network.
fn runtime() -> Result<tokio::runtime::Runtime, CommandError> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|error| CommandError::start(format!("cannot start an event loop: {error}")))
}
