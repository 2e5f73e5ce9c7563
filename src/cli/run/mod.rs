//! `run`: runs stories to their end.

mod embedded;
mod report;
mod tally;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use serde_json::Value;

use super::assumed::Assumed;
use super::recording::Recording;
use super::timeline::Timeline;
use super::{CommandError, Exit, argument, cannot_write, stories};
use crate::engine::{Callers, Driver, End, Speed};
use crate::files::diagnostic::counted;
use crate::http::{Limits, Server};
use crate::mock::{Builder, Prepared, StartError};
use crate::scenario::Story;
use crate::seed::Seed;
use crate::settings::Flags;
use crate::time::HumanDuration;
use embedded::Embedded;
use tally::{SharedTally, Tally};

const EXAMPLES: &str = "\
Examples:
  airudder-mock run scenarios/agent-transfer.toml
      The embedded sample receiver takes the callbacks and answers as your server would.
  airudder-mock run scenarios/agent-transfer.toml --callback-url http://127.0.0.1:3000/hook
      Your own server receives them; it sends its requests to http://127.0.0.1:2478.
  airudder-mock run scenarios/*.toml --speed max --junit report.xml --quiet
      In CI: every story as fast as possible.
  airudder-mock run scenarios/agent-transfer.toml --seed 42 --epoch 2030-01-01T00:00:00Z --speed max --record run.ndjson
      The same bytes every time.";

/// The arguments of `run`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Scenario files. Several files run concurrently.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    target: Flags,
    /// The seed of all random values, in place of those in the files. Default: that of the first file that has one, or another
    /// one each time.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How fast the story's clock runs: 1, 60, ... times real time, or `max`, which jumps over every pause.
    #[arg(long, value_name = "1|60|max", default_value = "1", value_parser = argument::moving)]
    speed: Speed,
    /// The time on the story's clock at the start, for example 2030-01-01T00:00:00Z. Default: now.
    #[arg(long, value_name = "TIME", value_parser = argument::moment)]
    epoch: Option<Timestamp>,
    /// The address on which the mock takes your requests. Port 0 picks a free one. Default: 127.0.0.1:2478; if that is
    /// taken and only the embedded receiver sends requests, any free one.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
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
    /// Show tokens and the secrets of accounts in the record, where they are masked otherwise.
    #[arg(long)]
    show_secrets: bool,
    /// Print no timeline, only failures and the summary.
    #[arg(long, short)]
    quiet: bool,
}

pub(super) fn run(args: Args, config: Option<&Path>) -> Result<Exit, CommandError> {
    let prepared = super::prepare(config, &args.target, args.listen.as_deref())?;
    let stories = stories::read(&args.files, &args.set, &prepared)?;
    super::runtime()?.block_on(run_all(args, prepared, stories))
}

async fn run_all(args: Args, prepared: Prepared, stories: Vec<Arc<Story>>) -> Result<Exit, CommandError> {
    let Prepared { settings, signer, .. } = &prepared;
    let begun = Instant::now();
    let epoch = args.epoch.unwrap_or_else(whole_second);
    let jumps = args.speed == Speed::Max;
    let embedded_wanted = settings.callback_url.is_none()
        && !settings.routes.has_url()
        && stories.iter().all(|story| story.callback_url.is_none());
    let seed = args.seed.map(Seed).or_else(|| stories.first()?.seed);
    let seed = seed.unwrap_or_else(|| Seed(super::fresh_seed()));
    // A seed on the command line would win over those in the files.
    let has_own_seeds = args.seed.is_none() && stories.iter().any(|story| story.seed.is_some());
    let again =
        if has_own_seeds { format!("--epoch {epoch}") } else { format!("--seed {} --epoch {epoch}", seed.0) };

    let server = listen(settings.listen.as_deref(), embedded_wanted)?;
    let receiver =
        if embedded_wanted { Some(Server::bind("127.0.0.1:0").map_err(StartError::from)?) } else { None };
    let stories = stories::runs(&stories, args.seed, seed, epoch, &args.set);
    let begin: Vec<_> = stories.iter().map(stories::begin).collect();
    let tally = SharedTally::new(stories.iter().map(|story| story.name().to_string()));
    let receiver_address = receiver.as_ref().map(|receiver| receiver.local_addr().to_string());
    // A callback that goes elsewhere may bring requests from elsewhere, which live in real time.
    let closed = embedded_wanted && stories.iter().all(|story| !story.story().has_own_targets());
    let mut builder = Builder::new(Ok(prepared.clone()))
        .default_callback_url(receiver_address.as_ref().map(|address| format!("http://{address}/callbacks")))
        .seed(seed.0)
        .speed(args.speed)
        .epoch(epoch)
        .callers(if closed { Callers::Closed } else { Callers::Open })
        .server(server)
        .sink(tally.clone());
    let assumed = Assumed::default();
    if !args.quiet {
        builder = builder.sink(Timeline::new(epoch, stories.len() > 1, jumps)).sink(assumed.clone());
    }
    if jumps {
        builder = builder.max_in_flight(1);
    }
    if let Some(url) = &args.target.callback_url {
        builder = builder.callback_url(url);
    }
    let (recording, builder) =
        Recording::open(args.record.as_deref(), !jumps, receiver_address, args.show_secrets, builder)?;
    let mock = builder.stories(stories).assemble().await?;
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
        for (number, (call, at)) in (1..).zip(begin.iter().flatten()) {
            let wait = std::time::Duration::try_from(at.duration_since(epoch)).unwrap_or_default();
            embedded.begin(call, number, wait);
        }
        embedded
    });

    let interrupted = super::interrupted();
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

    let end = mock.drive(interrupted).await;
    let tally = tally.get().clone();
    let facts = mock.driver().with(|engine, _| report::Facts {
        passed: end == End::Over
            && tally.passed() == tally.stories.len()
            && tally.failed_alone == 0
            && !engine.has_errors_alone(),
        seed: seed.0,
        epoch,
        totals: engine.totals(),
        verified: embedded.as_ref().map(|embedded| embedded.verified()),
        interrupted: end == End::Interrupted,
        found: engine.findings().all().cloned().collect(),
        counts: engine.findings().counts().clone(),
        errors_alone: engine.errors_alone().cloned().collect(),
        seconds: (!jumps).then(|| begun.elapsed().as_secs_f64()),
    });
    let reports = write_reports(&args, &tally, &facts);
    summary(&args, &tally, &facts, &assumed, &again, begun);
    if end == End::Interrupted {
        list_unsent(mock.driver());
    }
    reports?;
    recording.finish()?;
    Ok(match end {
        End::Interrupted => Exit::Interrupted,
        End::Over if facts.passed => Exit::Ok,
        End::Over => Exit::Failed,
    })
}

/// Now, without a fraction, so that timestamps in whole seconds and in milliseconds say the same.
fn whole_second() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Listens where the user wants. Nobody outside needs the default address of a run with the embedded integrator, so
/// that if it is taken any other will do.
fn listen(wanted: Option<&str>, embedded: bool) -> Result<Server, StartError> {
    Ok(match wanted {
        Some(address) => Server::bind(address)?,
        None => match Server::bind(crate::settings::DEFAULT_LISTEN) {
            Err(_) if embedded => Server::bind("127.0.0.1:0")?,
            outcome => outcome?,
        },
    })
}

fn write_reports(args: &Args, tally: &Tally, facts: &report::Facts) -> Result<(), CommandError> {
    if let Some(path) = &args.report {
        let text = format!("{:#}\n", report::json(tally, facts));
        std::fs::write(path, text).map_err(|error| cannot_write(path, &error))?;
    }
    if let Some(path) = &args.junit {
        let file = File::create(path).map_err(|error| cannot_write(path, &error))?;
        let mut out = std::io::BufWriter::new(file);
        report::junit(tally, facts, &mut out)
            .and_then(|()| out.flush())
            .map_err(|error| cannot_write(path, &error))?;
    }
    Ok(())
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
            lines.push(format!("✗ {}", story.name));
            lines.extend(
                story.failures.iter().map(|failure| format!("    {} ({})", failure.message, failure.place)),
            );
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
    lines.push(stories);
    let totals = facts.totals;
    let mut callbacks = format!("callbacks   {} delivered, {} failed", totals.delivered, totals.failed);
    let left = totals.pending + totals.in_flight + totals.waiting;
    if left > 0 {
        callbacks.push_str(&format!(", {left} not sent"));
    }
    callbacks.push_str(&format!(" of {} ({})", totals.queued, counted(totals.attempts, "attempt")));
    lines.push(callbacks);
    lines.push(format!("requests    {} answered, {} of them refused", tally.calls, tally.refused_calls));
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

    if !facts.passed {
        lines.push(format!("reproduce   with {again}"));
    }
    let simulated = tally.last.map(|last| last.duration_since(facts.epoch));
    let simulated = simulated.and_then(|time| std::time::Duration::try_from(time).ok()).unwrap_or_default();
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

/// After an interruption: which callbacks were never delivered.
fn list_unsent(driver: &Driver) {
    const MOST: usize = 20;
    let unfinished = driver.with(|engine, _| engine.unfinished());
    if unfinished.is_empty() {
        return;
    }
    super::say("\nnot sent:");
    for (id, callback) in unfinished.iter().take(MOST) {
        let key = callback.order_key.as_deref().unwrap_or_default();
        super::say(&format!("  #{} {} {key}", id.0, callback.event));
    }
    if unfinished.len() > MOST {
        super::say(&format!("  and {} more", unfinished.len() - MOST));
    }
}
