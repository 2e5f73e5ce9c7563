//! `exec`: a mock for as long as a command runs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use jiff::Timestamp;
use serde_json::Value;

use super::run::variables;
use super::trace::{Outcome, TraceArgs, Tracing};
use super::{CommandError, Exit, argument, taken};
use crate::engine::Speed;
use crate::journal::{Kept, KeptLimits, Lines};
use crate::mock::{Builder, Prepared};
use crate::settings::Flags;

const EXAMPLES: &str = "\
Examples:
  airudder-mock exec -- pytest
      The tests find the mock by AIRUDDER_MOCK_URL, and its credentials by
      AIRUDDER_MOCK_APP_KEY, _APP_SECRET, _SIGN_KEY, _SIGN_SECRET and _SECRET.
  airudder-mock exec --receive-on 3000 --speed max -- npm test
      Callbacks go to http://127.0.0.1:3000/, where the tests listen.

It ends with the exit code of COMMAND.";

/// The arguments of `exec`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    target: Flags,
    /// The address to listen on. Default: a free port of this machine.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0", hide_default_value = true)]
    listen: String,
    /// Send callbacks to this port of this machine, where COMMAND listens; it is told by PORT.
    #[arg(long, value_name = "PORT", conflicts_with = "callback_url", value_parser = clap::value_parser!(u16).range(1..))]
    receive_on: Option<u16>,
    /// The seed of all random values. Default: another one each time.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How fast the mock's clock runs: 1, 60, ... times real time; `max`, which jumps to whatever happens next; or 0, which
    /// stands still until it is moved.
    #[arg(long, value_name = "0|1|60|max", default_value = "1")]
    speed: Speed,
    /// The time on the mock's clock at the start, for example 2030-01-01T00:00:00Z. Default: now.
    #[arg(long, value_name = "TIME", value_parser = argument::moment)]
    epoch: Option<Timestamp>,
    /// If COMMAND fails: write what happened to this file, one JSON object per line.
    #[arg(long, value_name = "FILE.ndjson", default_value = "airudder-mock-exec.ndjson")]
    journal: PathBuf,
    #[command(flatten)]
    trace: TraceArgs,
    /// Show tokens and the secrets of accounts in the journal and the trace.
    #[arg(long)]
    show_secrets: bool,
    /// What to run, with its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub(super) fn run(mut args: Args, config: Option<&Path>) -> Result<Exit, CommandError> {
    if let Some(port) = args.receive_on {
        args.target.callback_url = Some(format!("http://127.0.0.1:{port}/"));
    }
    let prepared = super::prepare(config, &args.target, Some(&args.listen))?;
    super::runtime()?.block_on(exec(&args, prepared))
}

async fn exec(args: &Args, prepared: Prepared) -> Result<Exit, CommandError> {
    let seed = args.seed.unwrap_or_else(super::fresh_seed);
    let mut builder = Builder::new(Ok(prepared.clone()))
        .seed(seed)
        .speed(args.speed)
        .listen(&args.listen)
        .kept(KeptLimits::default())
        .show_secrets(args.show_secrets);
    if let Some(url) = &args.target.callback_url {
        builder = builder.callback_url(url);
    }
    if let Some(epoch) = args.epoch {
        builder = builder.epoch(epoch);
    }
    let (tracing, builder) = Tracing::begin(&args.trace, builder);
    let mock = match builder.assemble().await {
        Ok(mock) => mock,
        Err(error) => return Err(taken::why(error).await),
    };
    let mut variables = variables(&prepared, &mock.url(), &[]);
    variables.extend(args.receive_on.map(|port| ("PORT", port.to_string())));
    let shown = args.command.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    let [program, arguments @ ..] = args.command.as_slice() else {
        return Err(CommandError::usage("after `--` goes a command, for example `-- pytest`"));
    };
    let started = Command::new(program).args(arguments).envs(variables).spawn();
    let mut child =
        started.map_err(|error| CommandError::start(format!("`{shown}` can't be started: {error}")))?;
    // It is in the group of this program, so that an interruption at the terminal reaches it, too.
    let waiting = tokio::task::spawn_blocking(move || child.wait());
    let mut ended = None;
    mock.drive(async {
        // An interruption is the command's to heed: this program ends when it does.
        let interrupted = super::interrupted();
        tokio::pin!(waiting, interrupted);
        loop {
            tokio::select! {
                status = &mut waiting => {
                    ended = Some(status);
                    return;
                }
                () = &mut interrupted => interrupted.set(super::interrupted()),
            }
        }
    })
    .await;
    let kept = mock.kept().clone();
    let traced = tracing.write(
        mock.driver(),
        Outcome {
            command: format!("exec -- {}", program.to_string_lossy()),
            passed: matches!(&ended, Some(Ok(Ok(status))) if status.success()),
            url: mock.url(),
            facts: vec![("again", format!("--seed {seed}"))],
            show_secrets: args.show_secrets,
        },
    );
    mock.close().await;
    let status = match ended {
        Some(Ok(Ok(status))) => status,
        Some(Ok(Err(error))) => return Err(CommandError::start(format!("`{shown}`: {error}"))),
        Some(Err(_)) | None => return Err(CommandError::start(format!("`{shown}` was lost sight of"))),
    };
    traced?;
    if status.success() {
        return Ok(Exit::Ok);
    }
    leave_journal(&args.journal, &kept, args.show_secrets)?;
    super::remark(&format!(
        "airudder-mock: what happened is in {}; the same ids again: --seed {seed}",
        args.journal.display()
    ));
    Ok(Exit::OfCommand(code(status)))
}

/// Writes what is kept of the journal.
fn leave_journal(path: &Path, kept: &Kept, show_secrets: bool) -> Result<(), CommandError> {
    let lines = Lines { timing: true, show_secrets, ..Lines::default() };
    let text: String =
        kept.after(0).iter().map(|entry| format!("{}\n", Value::Object(lines.line(entry)))).collect();
    std::fs::write(path, text).map_err(|error| super::cannot_write(path, &error))
}

/// The exit code of a command, as a shell has it: 128 and the signal for one that was killed.
fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal: Option<i32> = None;
    let number = status.code().or(signal.map(|signal| 128 + signal));
    number.and_then(|number| u8::try_from(number).ok()).unwrap_or(1)
}
