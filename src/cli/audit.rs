//! `audit`: checks a receiver and reports the findings.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::reachable::ReceiverWait;
use super::shell::quoted;
use super::{CommandError, Exit, cannot_write, taken};
use crate::audit::{
    self, Baseline, Battery, Kit, Language, Options, Printer, Probe, Progress, Report, Restart, Selection,
    Threshold,
};
use crate::contract::signature::{DEFAULT_SECRET, Preset, Scheme, Signer};
use crate::files::{read_text_within, visible};
use crate::http::Connector;
use crate::mock::{Prepared, StartError};
use crate::net::{Guard, Target};
use crate::seed::Seed;
use crate::settings::{Flags, url_for};
use crate::time::HumanDuration;

/// Maximum size of a baseline.
const MOST_MEGABYTES: u64 = 64;

const EXAMPLES: &str = "\
Examples:
  airudder-mock audit --callback-url http://127.0.0.1:3000/hook
      Judges the receiver by its responses only.
  airudder-mock audit --callback-url http://127.0.0.1:3000/hook \\
          --probe http://127.0.0.1:3000/probe
      Also judges the effects: the probe says how many distinct events were processed.
  airudder-mock audit --callback-url http://127.0.0.1:3000/hook \\
          --listen 127.0.0.1:2478
      Also judges the requests that the receiver sends to the mock because of callbacks.
  airudder-mock audit --callback-url http://127.0.0.1:3000/hook \\
          --only signature-wrong --traffic
      Runs one check and prints every byte.
  airudder-mock audit --callback-url http://127.0.0.1:3000/hook \\
          --junit report.xml --threshold warning
      For CI: writes a JUnit report, and warnings fail the audit, too.
  airudder-mock audit --list
      Lists all checks.

Exits with 1 if a finding reaches --threshold. See docs/audit.md.";

/// The arguments of `audit`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    target: Flags,
    #[command(flatten)]
    receiver_wait: ReceiverWait,
    /// The signature scheme. Default: the one in the settings, or else `airudder`.
    #[arg(long, value_name = "NAME", value_parser = super::sign::presets())]
    preset: Option<Preset>,
    /// The secret that will replace yours in a rotation: the receiver must accept both.
    #[arg(long, value_name = "S")]
    next_secret: Option<String>,
    /// A URL to GET, or a shell command, that returns the number of distinct events your receiver has processed: the
    /// number alone, or as the only number of a JSON object.
    #[arg(long, value_name = "URL|COMMAND")]
    probe: Option<String>,
    /// A shell command that kills your receiver, starts it again, and then ends.
    #[arg(long, value_name = "COMMAND", requires = "probe")]
    restart: Option<String>,
    /// Serve the vendor's REST endpoints to your receiver at this address, and judge the requests that it sends because
    /// of callbacks. Set the base URL of its AI Rudder client to this address.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Also check these callbacks: ids, groups such as `workflow.*`, or `all`.
    #[arg(long, value_name = "EVENT", value_delimiter = ',')]
    events: Vec<String>,
    /// Run only these checks: names, groups, or prefixes such as `signature-*`.
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    only: Vec<String>,
    /// Skip these checks.
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    skip: Vec<String>,
    /// Also run the checks in this file. May be given more than once.
    #[arg(long, value_name = "FILE.toml")]
    checks: Vec<PathBuf>,
    /// Accept the findings listed in this file: one check per line, with a reason after `#`.
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// The lowest grade of a finding that fails the audit.
    #[arg(long, value_name = "GRADE", value_enum, default_value_t = Threshold::Error)]
    threshold: Threshold,
    /// Maximum time until a response is complete.
    #[arg(long, value_name = "TIME", default_value = "3s")]
    answer_within: HumanDuration,
    /// Maximum time for your receiver to process an event after its response.
    #[arg(long, value_name = "TIME", default_value = "2s")]
    work_within: HumanDuration,
    /// How long the number of the probe must stay unchanged before it counts.
    #[arg(long, value_name = "TIME", default_value = "200ms")]
    settle: HumanDuration,
    /// The language of the code in suggested fixes. Default: detected from your receiver's responses.
    #[arg(long, value_name = "LANGUAGE", value_enum)]
    language: Option<Language>,
    /// The seed of all random values. Default: a different one each time.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Write the report as JSON.
    #[arg(long, value_name = "FILE.json")]
    json: Option<PathBuf>,
    /// Write the report as an HTML page.
    #[arg(long, value_name = "FILE.html")]
    html: Option<PathBuf>,
    /// Write the report as JUnit XML, one test case for each check.
    #[arg(long, value_name = "FILE.xml")]
    junit: Option<PathBuf>,
    /// Write the report as SARIF, for code scanning.
    #[arg(long, value_name = "FILE.sarif")]
    sarif: Option<PathBuf>,
    /// The source file that findings are attached to in the SARIF report.
    #[arg(long, value_name = "FILE", requires = "sarif")]
    sarif_file: Option<String>,
    /// Print a line for every check.
    #[arg(long, short)]
    verbose: bool,
    /// Print every request and response in full.
    #[arg(long)]
    traffic: bool,
    /// List the checks without sending anything.
    #[arg(long)]
    list: bool,
}

pub(super) fn run(args: Args, config: Option<&Path>) -> Result<Exit, CommandError> {
    if let Some(fault) = args.target.faults.first() {
        let message = format!("the audit has its own faults: remove --fault {}", quoted(fault));
        return Err(CommandError::usage(message));
    }
    let mut prepared = super::prepare(config, &args.target, None)?;
    let battery =
        Battery::load(&args.checks, &args.events, &prepared.catalog).map_err(CommandError::usage)?;
    if args.list {
        return super::print(&list(&battery));
    }
    if let Some(preset) = args.preset {
        let signer = Signer::try_new(Scheme::preset(preset), &prepared.settings.secret);
        prepared.signer = signer.map_err(CommandError::usage)?;
    }
    let url = prepared.settings.callback_url.clone().ok_or_else(|| {
        CommandError::usage("the audit needs your receiver: --callback-url http://127.0.0.1:3000/hook")
    })?;
    let seed = args.seed.unwrap_or_else(super::fresh_seed);
    let options = options(&args, &url, &battery, &prepared, seed)?;
    let guard = Guard::allowing(&prepared.settings.allow).map_err(CommandError::usage)?;
    let connector = Connector::new(guard.clone(), &prepared.settings.tls).map_err(CommandError::usage)?;
    let report = super::runtime()?.block_on(async {
        let kit = Kit::new(prepared, &url, Seed(seed), Timestamp::now(), args.listen.as_deref()).await;
        let kit = match kit {
            Ok(kit) => kit,
            Err(error) => return Err(taken::why(error).await),
        };
        let mut kit = kit.with_next(args.next_secret.as_deref()).map_err(CommandError::usage)?;
        let mut interrupted = Box::pin(super::interrupted());
        connector.check(&options.target).await.map_err(CommandError::usage)?;
        let receivers = [options.target.clone()];
        tokio::select! {
            reached = args.receiver_wait.wait_for(&receivers, &guard) => reached?,
            () = &mut interrupted => return Ok(None),
        }
        super::say(&format!("audit of {url}\nsigned {}, seed {seed}", kit.scheme().describe()));
        super::say(&match kit.url() {
            Some(mock) => format!("its requests go to {mock}\n"),
            None => String::new(),
        });
        let mut printer = Printer::new(args.verbose);
        let tell = |progress: Progress<'_>| match progress {
            Progress::Begins(check) if args.traffic => super::say(&format!("---- {}\n", check.id)),
            Progress::Exchange { request, came } if args.traffic => traffic(&request, &came),
            Progress::Begins(_) | Progress::Exchange { .. } => {}
            Progress::Slow { took, left } => super::remark(&slow(took, left, args.answer_within)),
            Progress::Outcome(outcome) => {
                if let Some(text) = printer.take(outcome) {
                    super::say(text.trim_end());
                }
            }
        };
        let audit = audit::audit(&mut kit, &connector, &battery, &options, interrupted, tell);
        let report = audit.await.map_err(CommandError::usage)?;
        super::say(printer.finish(&report).trim_end());
        Ok::<_, CommandError>(Some(report))
    })?;
    let Some(report) = report else { return Ok(Exit::Interrupted) };
    write(&args, &report, &battery)?;
    Ok(match report.passed {
        _ if report.interrupted => Exit::Interrupted,
        true => Exit::Ok,
        false => Exit::Failed,
    })
}

fn options(
    args: &Args,
    url: &str,
    battery: &Battery,
    prepared: &Prepared,
    seed: u64,
) -> Result<Options, CommandError> {
    let target: Target = url_for(url, "session.transfer")
        .parse()
        .map_err(|error| CommandError::from(StartError::CallbackUrl { url: url.to_owned(), error }))?;
    let selection = Selection { only: args.only.clone(), skip: args.skip.clone() };
    selection.verify(battery).map_err(CommandError::usage)?;
    let baseline = match &args.baseline {
        None => Baseline::default(),
        Some(path) => {
            let shown = path.display();
            let text = read_text_within(path, MOST_MEGABYTES)
                .map_err(|error| CommandError::usage(format!("{shown} can't be read: {error}")))?;
            Baseline::read(&text, battery)
                .map_err(|error| CommandError::usage(format!("{shown}: {error}")))?
        }
    };
    let probe = args.probe.as_deref().map(Probe::read).transpose();
    Ok(Options {
        target,
        selection,
        baseline,
        threshold: args.threshold,
        probe: probe.map_err(|error| CommandError::usage(format!("--probe: {error}")))?,
        restart: args.restart.clone().map(Restart),
        quick: args.answer_within.0,
        timeout: prepared.settings.policy.timeout,
        work: args.work_within.0,
        settle: args.settle.0,
        language: args.language,
        seed,
        again: again(args, url, seed),
    })
}

/// Returns the note that the rest of the audit will take a while.
fn slow(took: Duration, left: Duration, within: HumanDuration) -> String {
    let tenths = |time: Duration| Duration::from_secs_f64((time.as_secs_f64() * 10.0).floor() / 10.0);
    format!(
        "note: a response took {}, but only {within} is allowed (--answer-within); if all responses take this long, the \
         remaining checks take {} or more",
        HumanDuration(tenths(took)),
        HumanDuration(Duration::from_secs(left.as_secs()))
    )
}

/// Returns the command that repeats the audit, without the name of a check. Secrets are left to the shell.
fn again(args: &Args, url: &str, seed: u64) -> String {
    let mut command = format!("airudder-mock audit --callback-url {} --seed {seed}", quoted(url));
    let mut put = |flag: &str, value: &str| command.push_str(&format!(" {flag} {value}"));
    for host in &args.target.allow {
        put("--allow-target", &quoted(host));
    }
    if args.target.secret.as_deref().is_some_and(|secret| secret != DEFAULT_SECRET) {
        put("--secret", "\"$SECRET\"");
    }
    if args.next_secret.is_some() {
        put("--next-secret", "\"$NEXT_SECRET\"");
    }
    if let Some(preset) = args.preset {
        put("--preset", preset.as_str());
    }
    for (flag, value) in [("--probe", &args.probe), ("--restart", &args.restart)] {
        if let Some(value) = value {
            put(flag, &quoted(value));
        }
    }
    if let Some(address) = &args.listen {
        put("--listen", &quoted(address));
    }
    if !args.events.is_empty() {
        put("--events", &quoted(&args.events.join(",")));
    }
    for path in &args.checks {
        put("--checks", &quoted(&path.display().to_string()));
    }
    command
}

fn list(battery: &Battery) -> String {
    let mut text = String::new();
    let mut group = "";
    for check in &battery.checks {
        if *check.group != *group {
            group = &check.group;
            text.push_str(&format!("{}{group}\n", if text.is_empty() { "" } else { "\n" }));
        }
        text.push_str(&format!("  {:<28}{:<9}{}\n", check.id, check.grade.as_str(), check.title));
    }
    text
}

/// Shows a request and its response completely.
fn traffic(request: &[u8], came: &str) {
    for (mark, text) in [('>', &*String::from_utf8_lossy(request)), ('<', came)] {
        for line in text.lines() {
            super::say(&format!("{mark} {}", visible(line)));
        }
        super::say("");
    }
}

/// Writes the requested files.
fn write(args: &Args, report: &Report, battery: &Battery) -> Result<(), CommandError> {
    let write = |path: &Option<PathBuf>, text: &dyn Fn() -> std::io::Result<Vec<u8>>| match path {
        Some(path) => {
            let written = text().and_then(|text| std::fs::write(path, text));
            written.map_err(|error| cannot_write(path, &error))
        }
        None => Ok(()),
    };
    write(&args.json, &|| Ok(report.json().into_bytes()))?;
    write(&args.html, &|| Ok(report.page().into_bytes()))?;
    write(&args.sarif, &|| Ok(report.sarif(battery, args.sarif_file.as_deref()).into_bytes()))?;
    write(&args.junit, &|| {
        let mut xml = Vec::new();
        report.junit(args.threshold, &mut xml).map(|()| xml)
    })
}
