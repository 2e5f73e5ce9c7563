//! `serve`: runs the simulated REST side until it is interrupted.

mod data;
mod secured;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use self::secured::SecuredArgs;
use super::announce::AddressFiles;
use super::assumed::Assumed;
use super::control::ControlArgs;
use super::destinations::{Destination, destinations};
use super::output::Output;
use super::recording::Recording;
use super::shell::quoted;
use super::timeline::{Look, Timeline};
use super::trace::{Outcome, TraceArgs, Tracing};
use super::verdicts::Verdicts;
use super::watch::{self, Watch};
use super::{CommandError, Exit, stories, taken};
use crate::contract::{Catalog, Direction, Provenance};
use crate::engine::{Left, Pace, Speed, Watchdog};
use crate::files::visible;
use crate::journal::Event;
use crate::mock::{Assembly, Builder, CallbackUrl, Options, Prepared};
use crate::scenario::{Library, Story, StoryRun, begin};
use crate::seed::Seed;
use crate::settings::{AssumedFile, Flags, Settings};
use crate::simulator::{DEFAULT_APP_KEY, DEFAULT_APP_SECRET};
use crate::time::HumanDuration;

const EXAMPLES: &str = "\
Examples:
  airudder-mock serve --callback-url http://127.0.0.1:3000/hook
      Point the base URL of your AI Rudder client at http://127.0.0.1:2478.
  airudder-mock serve --listen 127.0.0.1:0 --port-file port.txt --speed max
      For CI: uses a free port, writes it to a file, and does not wait for simulated people.
  airudder-mock serve --proxy 127.0.0.1:8081
      For programs with https://api.airudder.com hard-coded: set \
      https_proxy=http://127.0.0.1:8081, and trust the certificate that `airudder-mock ca` names.
  airudder-mock serve own-channel --callback-url http://127.0.0.1:3000/hook
      Also runs a story, which waits for the requests of your server.";

/// Maximum number of callbacks to one URL that the start page names.
const SHOWN_EVENTS: usize = 6;

/// Time limit for printing the last lines.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A turn of this length is noticeable to clients.
const LONG_TURN: Duration = Duration::from_millis(250);

/// The arguments of `serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Scenario files, or names of stories that ship with the program. Their stories run alongside the server, from its
    /// start.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// A scenario file whose stories you start later, on the page or with `airudder-mock ctl start-story`.
    /// The stories that ship with the mock, and those of FILE, can be started in the same way.
    #[arg(long, value_name = "FILE")]
    offer: Vec<PathBuf>,
    #[command(flatten)]
    target: Flags,
    /// The address to listen on. Port 0 picks a free one. Default: 127.0.0.1:2478.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    #[command(flatten)]
    secured: SecuredArgs,
    #[command(flatten)]
    address_files: AddressFiles,
    /// The seed of all random values. Default: a different one each time.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The speed of the mock's clock: 1, 60, ... times real time; `max`, which jumps to the next event; or 0, which
    /// stops the clock until POST /_mock/clock moves it.
    #[arg(long, value_name = "0|1|60|max", default_value = "1")]
    speed: Speed,
    /// With --speed max: how long, in real time, a receiver that refuses connections may take to accept them before the
    /// refusal counts as an attempt.
    #[arg(long, value_name = "TIME", default_value = "5s")]
    patience: HumanDuration,
    /// With --speed max: how long, in real time, your server may take to send a request after it accepted a callback,
    /// or after its last request, before the clock jumps ahead. Default: 100ms with stories, 0 without.
    #[arg(long, value_name = "TIME")]
    settle: Option<HumanDuration>,
    /// The time on the mock's clock at the start, for example 2030-01-01T00:00:00Z. Default: now.
    #[arg(long, value_name = "TIME", value_parser = super::argument::epoch)]
    epoch: Option<Timestamp>,
    /// Set a variable of the stories, in place of its value in the files: `--set amount=200`. JSON values keep their
    /// type.
    #[arg(long = "set", value_name = "VAR=VALUE", value_parser = super::argument::variable)]
    set: Vec<(String, Value)>,
    /// Write everything that happens to this file, one JSON object per line.
    #[arg(long, value_name = "FILE.ndjson")]
    record: Option<PathBuf>,
    /// Keep the state in this folder, and continue from the state that is there: accounts, tokens, tasks,
    /// conversations, files, everything planned or due, and the clock. Can't be combined with stories or --watch.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    trace: TraceArgs,
    /// Show the secrets of the settings on the start page (the default secrets are always shown), and tokens and
    /// account secrets in the record.
    #[arg(long)]
    show_secrets: bool,
    /// Exit with 0 even if callbacks were not sent (they are listed in any case).
    #[arg(long)]
    may_leave: bool,
    /// Apply changes to the settings file and the scenario files while the mock runs. Mistakes are reported, and the
    /// previous version stays in force. Most settings take effect only at the next start; a message says which.
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    control: ControlArgs,
    /// Also stop when standard input is closed. For programs that start the mock: it ends with them even if they are
    /// killed.
    #[arg(long)]
    until_stdin_closes: bool,
    /// Print only the address, and at the end what was not sent.
    #[arg(long, short)]
    quiet: bool,
}

/// Reports options that conflict with `--data-dir`, and why.
fn check_data_dir(args: &Args) -> Result<(), CommandError> {
    let why = match args.data_dir {
        Some(_) if args.watch => {
            "--data-dir and --watch can't be combined: the folder keeps what happened, and settings that change meanwhile \
             would lead to a different state at the next start; leave --watch out, and restart the mock after a change"
        }
        Some(_) if !args.files.is_empty() => {
            "--data-dir and stories to run can't be combined: a story begins with the mock, and would begin again in the \
             middle of a restored state; offer the file with --offer FILE, and start its story when you want it"
        }
        _ => return Ok(()),
    };
    Err(CommandError::usage(why))
}

pub(super) fn run(args: Args, config: Option<&Path>) -> Result<Exit, CommandError> {
    check_data_dir(&args)?;
    let prepared = super::prepare(config, &args.target, args.listen.as_deref())?;
    let set: Vec<&str> = args.set.iter().map(|(name, _)| name.as_str()).collect();
    let run = stories::scenarios(&args.files, &set, &prepared)?;
    let stories = stories::of(&run, &set, &prepared)?;
    let offered = stories::scenarios(&args.offer, &[], &prepared)?;
    let scenarios = Library::new(prepared.settings.policy.clone());
    run.iter().chain(&offered).for_each(|scenario| scenarios.give(scenario));
    super::runtime()?.block_on(serve(args, config, prepared, stories, scenarios))
}

async fn serve(
    args: Args,
    config: Option<&Path>,
    prepared: Prepared,
    stories: Vec<Arc<Story>>,
    scenarios: Library,
) -> Result<Exit, CommandError> {
    let epoch = args.epoch.unwrap_or_else(Timestamp::now);
    let seed = args.seed.or_else(|| Some(stories.first()?.seed?.0)).unwrap_or_else(super::fresh_seed);
    let folder = args.data_dir.as_deref().map(|path| data::open(path, &args, seed)).transpose()?;
    let seed = folder.as_ref().map_or(seed, |folder| folder.beginning().seed);
    let goes_on = folder.as_ref().map(data::line);
    let watch = args.watch.then(|| watch(&args, config, &prepared, &stories, seed));
    let mut stories = begin::runs((0, 1), &stories, args.seed.map(Seed), Seed(seed), epoch, &args.set);
    stories.iter_mut().for_each(StoryRun::fail_fast);
    let (verdicts, beside) = (Verdicts::default(), stories.len());
    let usual = if beside > 0 { Pace::default().settle } else { Duration::ZERO };
    let settle = args.settle.map_or(usual, |settle| settle.0);
    let secured = args.secured.open()?;
    let options = Options {
        callback_url: CallbackUrl::given(args.target.callback_url.as_ref()),
        seed: Seed(seed),
        speed: args.speed,
        epoch: Some(epoch),
        pace: Pace { refused: args.patience.0, settle, ..Pace::default() },
        scenarios: Some(scenarios),
        kept: prepared.settings.journal,
        show_secrets: args.show_secrets,
        // Settings that change while the mock runs would change the effect of recorded inputs.
        can_go_back: !args.watch,
        control: args.control.control(),
        secured: secured.clone(),
        ..Options::default()
    };
    let mut builder = Builder::with(Ok(prepared.clone()), options).folder(folder);
    let assumed = Assumed::default();
    let look =
        Look::of_server(stories.iter().map(|story| story.story().name.as_str()), args.speed.is_virtual());
    let output = super::standard_output()?;
    if !args.quiet {
        let mask = builder.mask();
        builder =
            builder.sink(Timeline::new(output.clone(), look, mask).telling_assumed()).sink(assumed.clone());
    }
    let (recording, builder) = Recording::open(
        args.record.as_deref(),
        args.speed != Speed::Still,
        None,
        args.show_secrets,
        builder,
    )?;
    let (tracing, builder) = Tracing::begin(&args.trace, builder)?;
    let watchdog = Watchdog::new(LONG_TURN, |long| super::remark(&format!("slow: {long}")));
    let builder = builder.watchdog(watchdog).sink(verdicts.clone()).stories(stories);
    let mock = match builder.assemble().await {
        Ok(mock) => mock,
        Err(error) => return Err(taken::why(error).await),
    };
    let files = args.address_files.write(mock.address(), &mock.url()).map_err(CommandError::start)?;
    let input_ends = args.until_stdin_closes.then(super::lines::standard_input_ends).transpose()?;
    let input_ends = async {
        match input_ends {
            Some(ends) => ends.await,
            None => std::future::pending().await,
        }
    };
    let interrupted = super::interrupted_or(input_ends, files.remover());
    if args.quiet {
        super::say(&format!("{}://{}", args.secured.via().scheme(), mock.address()));
        mock.proxy_url().iter().for_each(|url| super::say(&format!("proxy {url}")));
    } else {
        let trusted = secured.as_ref().filter(|secured| secured.tls);
        let trusted = trusted.map(|secured| quoted(&secured.authority.file().display().to_string()));
        let secured = secured::lines(secured.as_ref(), mock.proxy_url());
        let beside = Beside { goes_on, secured, trusted };
        super::say(&page(&args, &prepared, &mock.url(), seed, beside));
    }

    let watching = async {
        match watch {
            Some(watch) => watch.run(&mock).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = mock.drive(interrupted) => {}
        () = watching => {}
    }
    let served = Served { args: &args, seed, output, assumed, verdicts, recording, tracing };
    served.conclude(mock).await
}

/// Watches the settings and the scenario files of a mock.
fn watch(
    args: &Args,
    config: Option<&Path>,
    prepared: &Prepared,
    stories: &[Arc<Story>],
    seed: u64,
) -> Watch {
    let copies: Vec<usize> = stories.iter().map(|story| story.copies as usize).collect();
    let given = watch::Given {
        config,
        flags: Flags { listen: args.listen.clone(), ..args.target.clone() },
        files: &args.files,
        set: &args.set,
        seed: args.seed,
        fallback: Seed(seed),
    };
    Watch::new(given, prepared.clone(), &copies)
}

/// The mock as it was served, without its sockets.
struct Served<'a> {
    args: &'a Args,
    seed: u64,
    output: Output,
    assumed: Assumed,
    verdicts: Verdicts,
    recording: Recording<'a>,
    tracing: Tracing<'a>,
}

impl Served<'_> {
    /// Closes the mock, writes the reports and prints what is left.
    async fn conclude(self, mock: Assembly) -> Result<Exit, CommandError> {
        let Self { args, seed, output, assumed, verdicts, recording, tracing } = self;
        let (left, hits) = (mock.left(), mock.hits());
        let begun = mock.driver().look(|engine, _| engine.stories().len());
        let found = mock.driver().with(|engine, now| {
            for line in &left.lines {
                engine.journal().write(now, None, Event::Note(format!("left: {line}")));
            }
            engine.findings().clone()
        });
        let has_failed = found.strict_errors() > 0 || verdicts.has_failed();
        let traced = tracing.write(
            mock.driver(),
            Outcome {
                command: "serve".to_owned(),
                passed: !has_failed,
                url: mock.url(),
                facts: vec![("again", format!("--seed {seed}")), ("left", last_line(&left))],
                show_secrets: args.show_secrets,
            },
        );
        mock.close().await;
        let last = last_line(&left);
        if !args.quiet {
            output.line(&last);
        } else if !left.is_empty() {
            left.lines.iter().for_each(|line| super::remark(&visible(&format!("left: {line}"))));
            super::remark(&last);
        }
        if !args.quiet && !hits.is_empty() {
            output.line(&format!("on purpose  {hits}"));
        }
        if !args.quiet && !found.counts().is_empty() {
            output.line(&format!("found   {}", super::found::summed(found.counts())));
            for found in found.all() {
                output.line(&format!("    {}", super::found::line(found)));
            }
        }
        assumed.lines().iter().for_each(|line| output.line(line));
        if begun > 0 {
            verdicts.lines(begun).iter().for_each(|line| output.line(line));
        }
        // A stuck terminal must not keep the mock from ending.
        output.finish(Some(LAST_WORDS)).map_err(super::cannot_print)?;
        recording.finish()?;
        traced?;
        Ok(match has_failed {
            true => Exit::Failed,
            false if left.unstored > 0 => Exit::Left,
            false if left.callbacks > 0 && !args.may_leave => Exit::Left,
            false => Exit::Ok,
        })
    }
}

/// Summarises the unfinished work in numbers.
fn last_line(left: &Left) -> String {
    let many =
        |count: usize, one: &str, more: &str| format!("{count} {}", if count == 1 { one } else { more });
    let mut line = format!("stopped; {} not sent", many(left.callbacks, "callback was", "callbacks were"));
    if left.numbers > 0 {
        line.push_str(&format!(", {} not dialled", many(left.numbers, "number was", "numbers were")));
    }
    if left.notices > 0 {
        line.push_str(&format!(", {} planned", many(left.notices, "notice was", "notices were")));
    }
    if left.unstored > 0 {
        line.push_str(&format!(", {} not stored", many(left.unstored, "input was", "inputs were")));
    }
    line
}

/// Describes how strict the mock is, and the accounts that differ.
fn strict(settings: &Settings) -> String {
    let others = settings.accounts.iter().filter(|account| account.strict != settings.strict);
    let others = others.map(|account| format!("; {} for {}", account.strict.as_str(), account.name));
    format!("{}{}", settings.strict.as_str(), others.collect::<String>())
}

/// Describes where callbacks are sent: one line if all go to one URL, else a line for each URL.
fn callbacks(args: &Args, settings: &Settings) -> Vec<String> {
    const LABEL: &str = "callbacks         ";
    if let Some(url) = &args.target.callback_url {
        let routes = if settings.routes.has_url() { "; --callback-url wins over [[routes]]" } else { "" };
        return vec![format!("{LABEL}to {url}{routes}")];
    }
    if !settings.routes.has_url() {
        return vec![match &settings.callback_url {
            Some(url) => format!("{LABEL}to {url}"),
            None => format!("{LABEL}not sent: give --callback-url URL"),
        }];
    }
    let all = destinations(settings);
    let mut urls: Vec<Option<&str>> = Vec::new();
    for destination in &all {
        if !urls.contains(&destination.written.as_deref()) {
            urls.push(destination.written.as_deref());
        }
    }
    // Callbacks without a URL come last.
    urls.sort_by_key(|url| url.is_none());
    let mut lines = vec![format!("{LABEL}by [[routes]]; `airudder-mock check --routes` shows details")];
    for url in urls {
        let there = all.iter().filter(|destination| destination.written.as_deref() == url);
        let names: Vec<String> = there.map(Destination::what).collect();
        let names = match names.split_at_checked(SHOWN_EVENTS) {
            Some((first, rest)) if !rest.is_empty() => {
                format!("{} and {} more", first.join(", "), rest.len())
            }
            _ => names.join(", "),
        };
        lines.push(format!(
            "  {}  {names}",
            url.map_or_else(|| "not sent:".to_owned(), |url| format!("to {url}"))
        ));
    }
    lines
}

/// Lines of the start page about options that not every mock has.
struct Beside {
    goes_on: Option<String>,
    secured: Vec<String>,
    /// The certificate that clients must trust, quoted for the shell.
    trusted: Option<String>,
}

/// Returns the command that fetches a token, with the path and the names of the user's corrections. `None` if one of the user's
/// own endpoints is served in its place.
fn first_request(settings: &Settings, catalog: &Catalog, trusted: &str, base: &str) -> Option<String> {
    let entry = catalog.get("auth.token")?;
    let route = entry.routes.first()?;
    let method = match route.method.as_str() {
        "POST" => String::new(),
        "GET" => "-G ".to_owned(),
        other => format!("-X {other} "),
    };
    let name = |own: &str| {
        let other = entry.names.as_ref().and_then(|names| names.request.path(own));
        other.unwrap_or_else(|| own.to_owned())
    };
    let account = settings.accounts.first();
    let key = account.map_or(DEFAULT_APP_KEY, |account| &account.app_key);
    let is_default = account.is_none_or(|account| account.app_secret == DEFAULT_APP_SECRET);
    let secret = if is_default { DEFAULT_APP_SECRET } else { "..." };
    Some(format!(
        "first request     curl -s {method}{trusted}{base}{} -d '{}={key}' -d '{}={secret}'",
        route.path,
        name("APPKey"),
        name("APPSecret"),
    ))
}

/// Returns what a user needs to know for the first request.
fn page(args: &Args, prepared: &Prepared, base: &str, seed: u64, beside: Beside) -> String {
    let Prepared { settings, catalog, signer, .. } = prepared;
    let scheme = signer.scheme().describe();
    let mut lines = vec![format!("AI Rudder mock    {base}   (HTTP/1.1 and HTTP/2)")];
    lines.extend(beside.secured);
    for account in &settings.accounts {
        let is_default = account.app_secret == DEFAULT_APP_SECRET;
        let secret = if is_default || args.show_secrets { &account.app_secret } else { "(see the settings)" };
        let mut line = format!("account           APPKey {}   APPSecret {secret}", account.app_key);
        if account.cipher.is_some() {
            line.push_str(match account.encryption {
                crate::simulator::Encryption::Off => "   encryption off",
                crate::simulator::Encryption::Accept => "   encryption accepted",
                crate::simulator::Encryption::Require => "   encryption required",
            });
        }
        lines.push(line);
        // The value of the header beside the signature, for requests to /api/v1/*.
        lines.push(format!("chatbot requests  X-AIRudder-Sign-Key {}", account.sign_key));
    }
    lines.extend(callbacks(args, settings));
    lines.push(format!("strict            {}", strict(settings)));
    let default_secret = settings.secret == crate::contract::signature::DEFAULT_SECRET;
    let secret = if default_secret || args.show_secrets { &settings.secret } else { "(see the settings)" };
    lines.push(format!("signing           secret {secret}   {scheme}"));
    lines.push(format!("seed              {seed}   (for the same ids again: --seed {seed})"));
    lines.extend(beside.goes_on);
    let assumed = catalog
        .entries()
        .iter()
        .filter(|entry| match entry.direction {
            Direction::Request => entry.routes.iter().all(|route| route.provenance == Provenance::Assumed),
            Direction::Callback => entry.provenance == Provenance::Assumed,
        })
        .count();
    let what = match settings.assumed {
        AssumedFile::Serve => "served silently",
        AssumedFile::Warn => "noted at first use",
        AssumedFile::Refuse => "refused",
    };
    lines.push(format!(
        "assumed           {assumed} of {} entries, {what}; `airudder-mock catalog` lists them",
        catalog.entries().len()
    ));
    let trusted = beside.trusted.map(|file| format!("--cacert {file} ")).unwrap_or_default();
    lines.extend(first_request(settings, catalog, &trusted, base));
    lines.push(format!(
        "look inside       {base}/_mock/   (in a browser: all requests and callbacks, and a phone)"
    ));
    lines.push("stop              Ctrl-C\n".to_owned());
    lines.join("\n")
}
