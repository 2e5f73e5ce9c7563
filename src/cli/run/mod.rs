//! `run`: runs stories to their end.

mod addresses;
mod embedded;
mod integrator;
mod junit;
mod report;
mod reports;
mod tally;

use std::cell::RefCell;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;

use super::announce::AddressFiles;
use super::assumed::Assumed;
use super::reachable::ReceiverWait;
use super::recording::Recording;
use super::timeline::Timeline;
use super::trace::{Outcome, TraceArgs, Tracing};
use super::{CommandError, Exit, argument, stories, taken};
use crate::delivery::{CallbackId, QueuedCallback};
use crate::engine::{Clients, Driver, End, Pace, Speed};
use crate::files::diagnostic::counted;
use crate::files::visible;
use crate::http::{Limits, Server};
use crate::mock::{Builder, Prepared, StartError};
use crate::net::Guard;
use crate::scenario::{Story, StoryRun, begin};
use crate::seed::Seed;
use crate::settings::Flags;
use crate::time::HumanDuration;
pub(super) use addresses::variables;
use addresses::{listen, receivers, with_free_port};
use embedded::Embedded;
use integrator::Integrator;
use reports::Reports;
use tally::{FailureTally, SharedTally, Tally};

const EXAMPLES: &str = "\
Examples:
  airudder-mock run scenarios/agent-transfer.toml
      The embedded sample receiver takes the callbacks and responds as your server would.
  airudder-mock run scenarios/agent-transfer.toml --callback-url http://127.0.0.1:3000/hook
      Your own server receives them; it sends its requests to http://127.0.0.1:2478.
  airudder-mock run scenarios/*.toml --speed max --junit report.xml --quiet
      In CI: every story as fast as possible.
  airudder-mock run scenarios/first-transfer.toml --speed max -- node receiver.js
      The same with your own server, which is started with its port in PORT, and stopped at the end.
  airudder-mock run scenarios/agent-transfer.toml --seed 42 --epoch 2030-01-01T00:00:00Z --speed max --record run.ndjson
      Sends the same bytes every time.";

/// How long, after its `--timeout`, a run waits for responses to attempts under way.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// The arguments of `run`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Scenario files, or the names of stories that ship with the program: `first-transfer`. Several run concurrently.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    target: Flags,
    /// The seed of all random values, in place of the seeds in the files. Default: the seed of the first file that has
    /// one, or a different one each time.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The speed of the story's clock: 1, 60, ... times real time, or `max`, which jumps over every pause.
    #[arg(long, value_name = "1|60|max", default_value = "1", value_parser = argument::moving)]
    speed: Speed,
    /// The time on the story's clock at the start, for example 2030-01-01T00:00:00Z. Default: now.
    #[arg(long, value_name = "TIME", value_parser = argument::epoch)]
    epoch: Option<Timestamp>,
    /// The address on which the mock takes your requests. Port 0 picks a free one. Default: 127.0.0.1:2478; a free port
    /// with the embedded receiver, and with a COMMAND, which gets the address in a variable.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    #[command(flatten)]
    address_files: AddressFiles,
    #[command(flatten)]
    receiver_wait: ReceiverWait,
    /// With --speed max: how long, in real time, to wait for other programs. A request that a story awaits must arrive
    /// within this time [default: as long as the story says]; a receiver that refuses connections must accept them
    /// within this time, or it counts as an attempt [default: 5s].
    #[arg(long, value_name = "TIME")]
    patience: Option<HumanDuration>,
    /// With --speed max: how long, in real time, your server may take to send a request after it accepted a callback,
    /// or after its last request, before the clock jumps ahead.
    #[arg(long, value_name = "TIME", default_value = "100ms")]
    settle: HumanDuration,
    /// Continue a story after one of its expectations failed. Default: it stops and skips its remaining steps;
    /// `keep_going = true` in a file lets that story continue.
    #[arg(long)]
    keep_going: bool,
    /// Time limit of the whole run, in real time: a story that has not ended by then fails. The time limit of a story
    /// on its own clock is `within` at the top of its file. Default: no limit.
    #[arg(long, value_name = "TIME")]
    timeout: Option<HumanDuration>,
    /// Set a variable of the stories, in place of its value in the files: `--set amount=200`. JSON values keep their
    /// type.
    #[arg(long = "set", value_name = "VAR=VALUE", value_parser = argument::variable)]
    set: Vec<(String, Value)>,
    /// Write everything that happens to this file, one JSON object per line.
    #[arg(long, value_name = "FILE.ndjson")]
    record: Option<PathBuf>,
    /// Write a report as JSON.
    #[arg(long, value_name = "FILE.json")]
    report: Option<PathBuf>,
    /// Write a report as JUnit XML, one test case per story.
    #[arg(long, value_name = "FILE.xml")]
    junit: Option<PathBuf>,
    #[command(flatten)]
    trace: TraceArgs,
    /// Show tokens and account secrets in the record and the trace, which are masked by default.
    #[arg(long)]
    show_secrets: bool,
    /// Print no timeline, but only failures and the summary.
    #[arg(long, short)]
    quiet: bool,
    /// Your server, which is started for the run and stopped at its end. It gets environment variables: PORT, the port
    /// to listen on; AIRUDDER_MOCK_URL, the URL for its requests; AIRUDDER_MOCK_SECRET, the secret that signs
    /// callbacks; AIRUDDER_MOCK_CALLBACK_URL, AIRUDDER_MOCK_APP_KEY, _APP_SECRET, _SIGN_KEY and _SIGN_SECRET.
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub(super) fn run(args: Args, config: Option<&Path>) -> Result<Exit, CommandError> {
    let reports = Reports::begin(args.report.clone(), args.junit.clone())?;
    let outcome = begin_and_run(args, config, &reports);
    if let Err(error) = &outcome
        && let Err(unwritten) = reports.write_error(error.text())
    {
        super::remark(unwritten.text());
    }
    outcome
}

fn begin_and_run(mut args: Args, config: Option<&Path>, reports: &Reports) -> Result<Exit, CommandError> {
    if !args.command.is_empty()
        && let Some(url) = &args.target.callback_url
    {
        args.target.callback_url = Some(with_free_port(url)?);
    }
    let mut prepared = super::prepare(config, &args.target, args.listen.as_deref())?;
    let stories = stories::read(&args.files, &args.set, &prepared)?;
    if !args.command.is_empty() && !names_receiver(&prepared, &stories) {
        prepared.settings.callback_url = Some(with_free_port("http://127.0.0.1:0/callbacks")?);
    }
    super::runtime()?.block_on(run_all(args, prepared, stories, reports))
}

/// Whether a target for callbacks is set anywhere.
fn names_receiver(prepared: &Prepared, stories: &[Arc<Story>]) -> bool {
    let settings = &prepared.settings;
    settings.callback_url.is_some()
        || settings.routes.has_url()
        || stories.iter().any(|story| story.callback_url.is_some())
}

async fn run_all(
    args: Args,
    prepared: Prepared,
    stories: Vec<Arc<Story>>,
    reports: &Reports,
) -> Result<Exit, CommandError> {
    let Prepared { settings, signer, .. } = &prepared;
    let (begun, began) = (Instant::now(), Timestamp::now());
    let epoch = args.epoch.unwrap_or_else(whole_second);
    let jumps = args.speed == Speed::Max;
    let embedded_wanted = !names_receiver(&prepared, &stories);
    let seed = args.seed.map(Seed).or_else(|| stories.first()?.seed);
    let seed = seed.unwrap_or_else(|| Seed(super::fresh_seed()));
    // A seed on the command line would win over those in the files, so it is left out if they have their own.
    let has_own_seeds = args.seed.is_none() && stories.iter().any(|story| story.seed.is_some());
    let again =
        if has_own_seeds { format!("--epoch {epoch}") } else { format!("--seed {} --epoch {epoch}", seed.0) };

    let is_announced = embedded_wanted || !args.command.is_empty();
    let server = match listen(settings.listen.as_deref(), is_announced) {
        Ok(server) => server,
        Err(error) => return Err(taken::by_whom(error).await),
    };
    let receiver =
        if embedded_wanted { Some(Server::bind("127.0.0.1:0").map_err(StartError::from)?) } else { None };
    let mut stories = begin::runs((0, 1), &stories, args.seed.map(Seed), seed, epoch, &args.set);
    if !args.keep_going {
        stories.iter_mut().for_each(StoryRun::fail_fast);
    }
    let begin: Vec<_> = stories.iter().map(stories::begin).collect();
    let rows = stories.iter().map(|story| (story.name().to_string(), story.story().file.to_string()));
    let tally = SharedTally::new(rows);
    let receiver_address = receiver.as_ref().map(|receiver| receiver.local_addr().to_string());
    // A callback sent to another receiver may cause requests from outside, which arrive in real time.
    let closed = embedded_wanted && stories.iter().all(|story| !story.story().has_own_targets());
    let mut builder = Builder::new(Ok(prepared.clone()))
        .default_callback_url(receiver_address.as_ref().map(|address| format!("http://{address}/callbacks")))
        .seed(seed.0)
        .speed(args.speed)
        .epoch(epoch)
        .pace(pace(&args))
        .clients(if closed { Clients::Closed } else { Clients::Open })
        .server(server)
        .sink(tally.clone());
    let assumed = Assumed::default();
    let output = super::standard_output()?;
    if !args.quiet {
        builder = builder
            .sink(Timeline::new(output.clone(), epoch, stories.len() > 1, jumps))
            .sink(assumed.clone());
    }
    if jumps {
        builder = builder.max_in_flight(1);
    }
    if let Some(url) = &args.target.callback_url {
        builder = builder.callback_url(url);
    }
    let (recording, builder) =
        Recording::open(args.record.as_deref(), !jumps, receiver_address, args.show_secrets, builder)?;
    let (tracing, builder) = Tracing::begin(&args.trace, builder);
    let receivers = receivers(&prepared, args.target.callback_url.is_some(), &stories);
    // A story that expects failures may need a receiver that is not reachable.
    let expects_failures = stories.iter().any(|story| story.story().expects_failures());
    let awaited = if expects_failures { &[][..] } else { &receivers };
    let mock = builder.stories(stories).assemble().await?;
    mock.driver().hold();
    let files = args.address_files.write(mock.address(), &mock.url()).map_err(CommandError::start)?;
    let embedded = receiver.map(|receiver| {
        let embedded = Embedded::new(&prepared, mock.address(), mock.driver().clone());
        let handler = Arc::clone(&embedded);
        let serve = receiver.serve(
            move |request| {
                let reply = handler.receive(&request);
                async move { reply }
            },
            Limits::default(),
            std::future::pending(),
        );
        tokio::spawn(serve);
        for (number, (endpoint, at)) in (1..).zip(begin.iter().flatten()) {
            let wait = std::time::Duration::try_from(at.duration_since(epoch)).unwrap_or_default();
            embedded.begin(endpoint, number, wait);
        }
        embedded
    });

    let mut integrator = match args.command.as_slice() {
        [] => None,
        command => Some(Integrator::start(command, &variables(&prepared, &mock.url(), &receivers))?),
    };
    let (remove, kill) = (files.remover(), integrator.as_ref().map(Integrator::killer));
    let mut interrupted = Box::pin(super::interrupted_with(move || {
        remove();
        kill.into_iter().for_each(|kill| kill());
    }));
    if !args.quiet {
        let target = match (&embedded, &settings.callback_url) {
            (Some(_), _) => "the embedded sample receiver".to_owned(),
            (None, Some(url)) => url.clone(),
            (None, None) if settings.routes.has_url() => "the URLs of [[routes]] and stories".to_owned(),
            (None, None) => "the URLs in the stories".to_owned(),
        };
        super::say(&format!("mock        {}  (your requests go here)", mock.url()));
        super::say(&format!("callbacks   to {target}, signed: {}", signer.scheme().describe()));
        for account in &settings.accounts {
            super::say(&format!(
                "chatbot     X-AIRudder-Sign-Key {}  (beside the signature of your requests)",
                account.sign_key
            ));
        }
        super::say(&format!("strict      {}", settings.strict.as_str()));
        super::say(&format!("seed        {}\n", seed.0));
    }

    let guard = Guard::allowing(&settings.allow).map_err(CommandError::usage)?;
    tokio::select! {
        reached = args.receiver_wait.wait_for(awaited, &guard) => reached?,
        why = failed(&mut integrator) => {
            return Err(CommandError::start(format!("{why} before it accepted a connection")));
        }
        () = &mut interrupted => {
            end_all(integrator).await;
            reports.write_error("the run was interrupted before it began")?;
            return Ok(Exit::Interrupted);
        }
    }
    let cut = RefCell::new(None);
    let driving = mock.drive(async {
        tokio::select! {
            () = interrupted => {}
            why = ran_out(args.timeout) => drop(cut.replace(Some(why))),
            why = failed(&mut integrator) => {
                drop(cut.replace(Some(format!("the story had not ended when {why}"))));
            }
        }
    });
    let end = tokio::select! {
        end = driving => end,
        // The run waits for attempts under way, but not as long as a receiver may take.
        why = overrun(args.timeout) => {
            cut.borrow_mut().get_or_insert(why);
            End::Interrupted
        }
    };
    end_all(integrator).await;
    drop(files);
    // Later output waits for the timeline, so that the order is kept.
    output.finish(None).map_err(super::cannot_print)?;
    let mut tally = tally.get().clone();
    let end = match cut.into_inner() {
        Some(why) => {
            tally.fail_unfinished(&why);
            Ended::CutShort
        }
        None => Ended::By(end),
    };
    let facts = mock.driver().with(|engine, _| report::Facts {
        passed: end == Ended::By(End::Over)
            && tally.passed() == tally.stories.len()
            && tally.failed_alone == 0
            && !engine.has_errors_alone(),
        seed: seed.0,
        epoch,
        totals: engine.totals(),
        hits: engine.hits().clone(),
        verified: embedded.as_ref().map(|embedded| embedded.verified()),
        interrupted: end == Ended::By(End::Interrupted),
        found: engine.findings().all().cloned().collect(),
        counts: engine.findings().counts().clone(),
        errors_alone: engine.errors_alone().cloned().collect(),
        took: begun.elapsed(),
        began,
        seconds: (!jumps).then(|| begun.elapsed().as_secs_f64()),
    });
    let written = reports.write(&tally, &facts);
    let traced = tracing.write(mock.driver(), outcome(&args, &facts, &mock.url(), &again));
    summary(&args, &tally, &facts, &assumed, &again, begun);
    if end != Ended::By(End::Over) {
        list_unsent(mock.driver());
    }
    written?;
    traced?;
    recording.finish()?;
    Ok(match end {
        Ended::By(End::Interrupted) => Exit::Interrupted,
        Ended::By(End::Over) if facts.passed => Exit::Ok,
        Ended::By(End::Over) | Ended::CutShort => Exit::Failed,
    })
}

/// Returns the outcome of a run for the trace.
fn outcome(args: &Args, facts: &report::Facts, url: &str, again: &str) -> Outcome {
    let files = args.files.iter().map(|file| format!(" {}", file.display()));
    let totals = facts.totals;
    Outcome {
        command: format!("run{}", files.collect::<String>()),
        passed: facts.passed,
        url: url.to_owned(),
        facts: vec![
            (
                "callbacks",
                format!("{} delivered, {} failed of {}", totals.delivered, totals.failed, totals.queued),
            ),
            ("again", again.to_owned()),
            ("took", HumanDuration(facts.took).to_string()),
        ],
        show_secrets: args.show_secrets,
    }
}

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    By(End),
    /// The run exceeded its time limit, or its integrator has failed.
    CutShort,
}

/// Ready when the run has reached its time limit. Returns the reason for stories that are not over.
async fn ran_out(timeout: Option<HumanDuration>) -> String {
    let Some(timeout) = timeout else { return std::future::pending().await };
    tokio::time::sleep(timeout.0).await;
    format!("the story had not ended when the run ended after {timeout} (--timeout)")
}

/// Ready when the time for the last responses is over.
async fn overrun(timeout: Option<HumanDuration>) -> String {
    let why = ran_out(timeout).await;
    tokio::time::sleep(LAST_ANSWERS).await;
    why
}

/// Ready when the integrator that was started has failed. Returns how.
async fn failed(integrator: &mut Option<Integrator>) -> String {
    match integrator {
        Some(integrator) => integrator.failed().await,
        None => std::future::pending().await,
    }
}

async fn end_all(integrator: Option<Integrator>) {
    if let Some(integrator) = integrator {
        integrator.end().await;
    }
}

/// Returns how long a jumping clock waits for the outside.
fn pace(args: &Args) -> Pace {
    let usual = Pace::default();
    Pace {
        settle: args.settle.0,
        patience: args.patience.map(|patience| patience.0),
        refused: args.patience.map_or(usual.refused, |patience| patience.0),
    }
}

/// Returns the present moment without a fraction, so that timestamps in whole seconds and in milliseconds agree.
fn whole_second() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn summary(
    args: &Args,
    tally: &Tally,
    facts: &report::Facts,
    assumed: &Assumed,
    again: &str,
    begun: Instant,
) {
    let mut lines = Vec::new();
    if args.quiet {
        for story in tally.stories.values().filter(|story| !story.failures.is_empty()) {
            lines.push(format!("✗ {}", visible(&story.name)));
            let shown =
                |failure: &FailureTally| format!("    {} ({})", visible(&failure.message), failure.place);
            lines.extend(story.failures.iter().map(shown));
            let skipped = story.skipped.len();
            lines.extend((skipped > 0).then(|| format!("    {} skipped", counted(skipped as u64, "step"))));
        }
    } else {
        lines.push(String::new());
    }
    let (passed, failed) =
        (tally.passed(), tally.stories.values().filter(|story| story.passed == Some(false)).count());
    let unfinished = tally.stories.len() - passed - failed;
    let mut stories = format!("stories     {passed} passed, {failed} failed");
    if unfinished > 0 {
        stories.push_str(&format!(", {unfinished} not finished"));
    }
    if tally.skipped() > 0 {
        stories.push_str(&format!("; {} skipped", counted(tally.skipped() as u64, "step")));
    }
    lines.push(stories);
    let totals = facts.totals;
    let mut callbacks = format!("callbacks   {} delivered, {} failed", totals.delivered, totals.failed);
    if totals.dropped > 0 {
        callbacks.push_str(&format!(", {} dropped on purpose", totals.dropped));
    }
    let left = totals.pending + totals.in_flight + totals.waiting;
    if left > 0 {
        callbacks.push_str(&format!(", {left} not sent"));
    }
    callbacks.push_str(&format!(" of {} ({})", totals.queued, counted(totals.attempts, "attempt")));
    lines.push(callbacks);
    let mut requests =
        format!("requests    {} answered, {} of them refused", tally.requests, tally.refused_requests);
    if tally.requests_on_purpose > 0 {
        requests.push_str(&format!(", {} wrong on purpose", tally.requests_on_purpose));
    }
    lines.push(requests);
    if !facts.hits.is_empty() {
        lines.push(format!("on purpose  {}", facts.hits));
    }
    if !facts.counts.is_empty() {
        lines.push(format!("found       {}", super::found::summed(&facts.counts)));
        if args.quiet {
            lines.extend(facts.found.iter().map(|found| format!("    {}", super::found::line(found))));
        }
    }
    if let Some((right, wrong)) = facts.verified {
        lines.push(format!("signatures  {right} verified, {wrong} wrong"));
    }
    if args.quiet && !tally.assumed.is_empty() {
        lines.push(format!("assumed     {} (correct them in airudder-mock.toml)", tally.assumed.join(", ")));
    }

    if tally.refused_signatures > 0 {
        lines.push(format!(
            "refused     {} of signed callbacks with 401 or 403: `airudder-mock verify` explains why a signature does not match, and \
             --trace trace.html shows each in detail",
            counted(tally.refused_signatures, "attempt")
        ));
    }
    if !facts.passed {
        lines.push(format!("reproduce   with {again}"));
    }
    let simulated = tally.last.map(|last| last.duration_since(facts.epoch));
    let simulated = simulated.and_then(|time| Duration::try_from(time).ok()).unwrap_or_default();
    lines.push(format!(
        "time        {} simulated in {}",
        HumanDuration(simulated),
        HumanDuration(begun.elapsed())
    ));
    lines.extend(assumed.lines());
    for line in lines {
        super::say(&line);
    }
}

/// After an interruption, lists the callbacks that were not delivered.
fn list_unsent(driver: &Driver) {
    const MOST: usize = 20;
    fn line((id, callback): (CallbackId, &Arc<QueuedCallback>)) -> String {
        format!("  #{} {} {}", id.0, callback.event, callback.order_key.as_deref().unwrap_or_default())
    }
    let (lines, all) = driver.look(|engine, _| {
        let lines: Vec<String> = engine.unfinished().take(MOST).map(line).collect();
        (lines, engine.unfinished().count())
    });
    if all == 0 {
        return;
    }
    super::say("\nnot sent:");
    lines.iter().for_each(|line| super::say(line));
    if all > MOST {
        super::say(&format!("  and {} more", all - MOST));
    }
}
