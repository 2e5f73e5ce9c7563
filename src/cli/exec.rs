//! `exec`: runs a mock while a command runs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::authority::{self, CaDir};
use super::control::ControlArgs;
use super::run::variables;
use super::signals::{Ending, Signals};
use super::trace::{Outcome, TraceArgs, Tracing};
use super::trust::{Proxied, TrustFiles};
use super::{CommandError, Exit, argument, taken};
use crate::engine::Speed;
use crate::journal::{Entry, Event, Lines, Mask};
use crate::mock::{Assembly, Builder, CallbackUrl, Options, PROXY_REFUSED, Prepared, Secured};
use crate::net::Target;
use crate::seed::Seed;
use crate::settings::Flags;

const EXAMPLES: &str = "\
Examples:
  airudder-mock exec -- pytest
      The tests find the URL of the mock in AIRUDDER_MOCK_URL, and its credentials in \
      AIRUDDER_MOCK_APP_KEY, _APP_SECRET, _SIGN_KEY, _SIGN_SECRET and _SECRET; \
      with --control-token, the token is in AIRUDDER_MOCK_CONTROL_TOKEN.
  airudder-mock exec --receive-on 3000 --speed max -- npm test
      Callbacks go to http://127.0.0.1:3000/, where the tests listen.
  airudder-mock exec --intercept -- pytest
      For code with https://api.airudder.com hard-coded: environment variables for a \
      proxy and a certificate authority redirect its requests to the mock.

Exits with the exit code of COMMAND.";

/// The arguments of `exec`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    target: Flags,
    /// The address to listen on. Default: a free port on this machine.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0", hide_default_value = true)]
    listen: String,
    /// Send callbacks to this port on this machine, where COMMAND listens. COMMAND gets the port in the variable PORT.
    #[arg(long, value_name = "PORT", conflicts_with = "callback_url", value_parser = clap::value_parser!(u16).range(1..))]
    receive_on: Option<u16>,
    /// The seed of all random values. Default: a different one each time.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The speed of the mock's clock: 1, 60, ... times real time; `max`, which jumps to the next event; or 0, which
    /// stops the clock until it is moved.
    #[arg(long, value_name = "0|1|60|max", default_value = "1")]
    speed: Speed,
    /// The time on the mock's clock at the start, for example 2030-01-01T00:00:00Z. Default: now.
    #[arg(long, value_name = "TIME", value_parser = argument::epoch)]
    epoch: Option<Timestamp>,
    /// If COMMAND fails, write everything that happened to this file, one JSON object per line.
    #[arg(long, value_name = "FILE.ndjson", default_value = "airudder-mock-exec.ndjson")]
    journal: PathBuf,
    #[command(flatten)]
    trace: TraceArgs,
    #[command(flatten)]
    control: ControlArgs,
    /// Show tokens and account secrets in the journal and the trace.
    #[arg(long)]
    show_secrets: bool,
    /// Use TLS: AIRUDDER_MOCK_URL begins with https://, and COMMAND trusts the certificate through the variables that
    /// curl, Python, Node.js, Go, Java, PHP and Ruby read.
    #[arg(long)]
    tls: bool,
    /// Redirect the requests of COMMAND for https://api.airudder.com to the mock, even if that URL is hard-coded:
    /// through the variables for proxies and trust that curl, Python, Node.js, Go, Java, PHP and Ruby read.
    #[arg(long)]
    intercept: bool,
    /// Another host to redirect to the mock, besides api.airudder.com and detection.airudder.com. May be given more
    /// than once.
    #[arg(long = "proxy-host", value_name = "HOST", requires = "intercept", value_parser = argument::host)]
    proxy_hosts: Vec<String>,
    #[command(flatten)]
    ca: CaDir,
    /// The command to run, with its arguments.
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
    let secured = secured(args)?;
    let options = Options {
        callback_url: CallbackUrl::given(args.target.callback_url.as_ref()),
        seed: Seed(seed),
        speed: args.speed,
        epoch: args.epoch,
        kept: prepared.settings.journal,
        show_secrets: args.show_secrets,
        can_go_back: true,
        control: args.control.control(),
        secured: secured.clone(),
        ..Options::default()
    };
    let builder = Builder::with(Ok(prepared.clone()), options).listen(&args.listen);
    let (tracing, builder) = Tracing::begin(&args.trace, builder)?;
    let mock = match builder.assemble().await {
        Ok(mock) => mock,
        Err(error) => return Err(taken::why(error).await),
    };
    let mut variables = variables(&prepared, &mock.url(), &[]);
    variables.extend(args.receive_on.map(|port| ("PORT", port.to_string())));
    variables.extend(args.control.variable());
    let shown = args.command.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
    let [program, arguments @ ..] = args.command.as_slice() else {
        return Err(CommandError::usage("a command must follow `--`, for example `-- pytest`"));
    };
    let trust = secured.as_ref().map(|secured| trusting(secured, &mock)).transpose()?.unwrap_or_default();
    // From here on the end of this program is that of the command.
    let mut signals = Signals::catch();
    let started = Command::new(program).args(arguments).envs(variables).envs(trust).spawn();
    let mut child =
        started.map_err(|error| CommandError::start(format!("`{shown}` can't be started: {error}")))?;
    let id = child.id();
    let mut waiting = tokio::task::spawn_blocking(move || child.wait());
    let mut ended = None;
    mock.drive(async {
        // The command decides what a request to end does; this program ends when the command does.
        loop {
            tokio::select! {
                // First, so that nothing is sent to another process that has its number by now.
                biased;
                status = &mut waiting => {
                    ended = Some(status);
                    return;
                }
                ending = signals.next() => pass_on(ending, id),
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
        Some(Err(_)) | None => return Err(CommandError::start(format!("cannot tell how `{shown}` ended"))),
    };
    traced?;
    let entries = kept.after(0);
    for text in refused_hosts(&entries) {
        super::remark(&format!("airudder-mock: {text}"));
    }
    if status.success() {
        return Ok(Exit::Ok);
    }
    let lines = Lines {
        timing: true,
        show_secrets: args.show_secrets,
        mask: Mask::of(&prepared.catalog),
        ..Lines::default()
    };
    leave_journal(&args.journal, &entries, &lines)?;
    let left = match entries.len() {
        0 => "the mock received no requests and sent no callbacks".to_owned(),
        _ => format!("the journal is in {}", args.journal.display()),
    };
    super::remark(&format!("airudder-mock: {left}; for the same ids again: --seed {seed}"));
    Ok(Exit::OfCommand(code(status)))
}

/// Passes a request to end on to the command. It is in the group of this program, so that the terminal sends an interruption
/// to both.
fn pass_on(ending: Ending, command: u32) {
    #[cfg(unix)]
    {
        use nix::sys::signal::{Signal, kill};
        let signal = match ending {
            Ending::Interrupt => return,
            Ending::Terminate => Signal::SIGTERM,
            Ending::HangUp => Signal::SIGHUP,
        };
        if let Ok(command) = i32::try_from(command) {
            // An error means that it has ended.
            let _ = kill(nix::unistd::Pid::from_raw(command), signal);
        }
    }
    #[cfg(not(unix))]
    let _ = (ending, command);
}

/// Opens the certificate authority, if TLS or the proxy needs it.
fn secured(args: &Args) -> Result<Option<Secured>, CommandError> {
    if !args.tls && !args.intercept {
        return Ok(None);
    }
    Ok(Some(Secured {
        authority: Arc::new(args.ca.open()?),
        tls: args.tls,
        proxy: args.intercept.then(|| "127.0.0.1:0".to_owned()),
        proxied: args.proxy_hosts.clone(),
    }))
}

/// Returns the variables that make a command trust the mock and use its proxy.
fn trusting(secured: &Secured, mock: &Assembly) -> Result<Vec<(&'static str, OsString)>, CommandError> {
    let proxied = mock.proxy_url().and_then(|url| {
        let target: Target = url.parse().ok()?;
        let (host, port) = (target.host().to_owned(), target.port());
        Some(Proxied { url, host, port, hosts: secured.hosts().collect() })
    });
    let files = TrustFiles::write(&secured.authority)?;
    let mut variables = files.variables(proxied.as_ref(), |name| std::env::var_os(name));
    variables.push((authority::VARIABLE, secured.authority.folder().as_os_str().to_owned()));
    Ok(variables)
}

/// Returns the notes about hosts that the command tried to reach and the proxy refused: most programs do not show them.
fn refused_hosts(entries: &[Entry]) -> impl Iterator<Item = &str> {
    entries.iter().filter_map(|entry| match &entry.event {
        Event::Note(text) if text.starts_with(PROXY_REFUSED) => Some(text.as_str()),
        _ => None,
    })
}

/// Writes the latest entries of the journal.
fn leave_journal(path: &Path, entries: &[Entry], lines: &Lines) -> Result<(), CommandError> {
    let text: String =
        entries.iter().map(|entry| format!("{}\n", Value::Object(lines.line(entry)))).collect();
    std::fs::write(path, text).map_err(|error| super::cannot_write(path, &error))
}

/// Returns the exit code of a command as shells report it: 128 plus the signal for a command that was killed.
fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal: Option<i32> = None;
    let number = status.code().or(signal.map(|signal| 128 + signal));
    number.and_then(|number| u8::try_from(number).ok()).unwrap_or(1)
}
