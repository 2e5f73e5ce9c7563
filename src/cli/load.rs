//! `load`: sends callbacks at a configurable rate.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::announce::AddressFiles;
use super::load_report::ReportArgs;
use super::reachable::ReceiverWait;
use super::{CommandError, Exit, stories, taken};
use crate::http::{BindError, Server};
use crate::language::rate::Shape;
use crate::language::{Arrivals, RateProfile, RateUnit};
use crate::load::{self, Live, Load, Options, Protocol, Receipts, Report, Shard, Slo};
use crate::net::{Guard, Target};
use crate::scenario::Story;
use crate::seed::Seed;
use crate::settings::Flags;
use crate::time::HumanDuration;

/// Default rate, in events per second.
const DEFAULT_RATE: f64 = 100.0;

/// Default duration of a run.
const DEFAULT_DURATION: Duration = Duration::from_secs(10);

/// Default duration of a probe of a search.
const PROBE: Duration = Duration::from_secs(5);

/// Default number of events in flight: by a plan, and with the rate `max`.
const PLANNED_IN_FLIGHT: u32 = 256;
const CLOSED_IN_FLIGHT: u32 = 32;

/// Default share of the events that the sender may delay.
const DEFAULT_VOID_ABOVE: f64 = 0.2;

/// Default condition that a search has to meet.
const DEFAULT_SLO: &str = "p99<100ms,errors<0.1%";

const EXAMPLES: &str = "\
Examples, with a receiver at $URL:
  airudder-mock load load-transfer --callback-url $URL --rate 500/s \\
          --duration 30s
      Open loop: 500 signed session.transfer callbacks a second, whatever the receiver does.
  airudder-mock load load-transfer --callback-url $URL --rate 100/s..2k/s \\
          --report out.html
      A ramp, and a page with charts.
  airudder-mock load load-transfer --callback-url $URL --find-max \\
          --slo 'p99<50ms,errors<0.1%'
      Finds the highest rate that meets the conditions.
  airudder-mock load agent-transfer --callback-url $URL --rate 20/s \\
          --unit stories
      Whole conversations; your requests go to http://127.0.0.1:2478.";

/// The arguments of `load`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Scenario files, or names of stories that ship with the program. Several form a mix, weighted by their [load]
    /// tables.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    target: Flags,
    /// The rate: `5000/s`, `300/m`, a ramp `100/s..1000/s for 30s`, steps `100/s for 10s, 200/s for 10s`, a wave
    /// `100/s~500/s every 1m`, or `max`: as fast as responses arrive. Default: the rate of the first file that has one,
    /// or 100/s.
    #[arg(long, value_name = "RATE", allow_hyphen_values = true)]
    rate: Option<RateProfile>,
    /// The duration of the load. Default: that of the rate's stages or of the file, or 10s.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    duration: Option<HumanDuration>,
    /// What the rate counts. Default: events.
    #[arg(long, value_enum)]
    unit: Option<RateUnit>,
    /// How arrivals are spaced. Default: even.
    #[arg(long, value_enum)]
    arrivals: Option<Arrivals>,
    /// Stop after this many events or stories. Stories that are running may finish.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// Maximum number of events in flight. Default: 256, or 32 with the rate `max`.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    in_flight: Option<u32>,
    /// Number of threads that send events. Default: half of the cores.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=256))]
    workers: Option<u32>,
    /// How events are made. Default: auto.
    #[arg(long, value_enum, default_value_t, hide_default_value = true)]
    mode: Mode,
    /// Use HTTP/2 (prior knowledge on http, ALPN on https).
    #[arg(long)]
    http2: bool,
    /// Maximum time to wait for a response before an event counts as timed out. Default: the timeout of the delivery
    /// policy, 10s.
    #[arg(long, value_name = "TIME")]
    timeout: Option<HumanDuration>,
    /// Lag above which an event counts as late.
    #[arg(long, value_name = "TIME", default_value = "10ms")]
    late: HumanDuration,
    /// Drop events that cannot be sent within this lag. Default: the timeout.
    #[arg(long, value_name = "TIME")]
    drop_after: Option<HumanDuration>,
    /// The seed of ids, people and arrivals. Default: the seed of the first file that has one; otherwise 1 with
    /// `--shard`, and a different one each time without.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Search for the highest rate that meets --slo, starting at --rate (default: 100/s). --duration is the length of a
    /// probe (default: 5s).
    #[arg(long, conflicts_with_all = ["shard", "count"])]
    find_max: bool,
    /// The conditions that must hold, with --find-max. Metrics as for --fail-if. Default: `p99<100ms,errors<0.1%`.
    #[arg(long, value_name = "CONDITIONS")]
    slo: Option<Slo>,
    /// Send one part of a run that several processes share: part I of N, counted from 0. All other arguments must be
    /// the same for every part; `merge` merges the reports. With N alone, I is taken from JOB_COMPLETION_INDEX, as set
    /// by Kubernetes.
    #[arg(long, value_name = "I/N", value_parser = shard)]
    shard: Option<Shard>,
    /// When to start, for example 2030-01-01T00:00:00Z: give all parts the same time.
    #[arg(long, value_name = "TIME", value_parser = super::argument::moment)]
    start_at: Option<Timestamp>,
    /// Set a variable of the stories, in place of its value in the files: `--set amount=200`. JSON values keep their
    /// type.
    #[arg(long = "set", value_name = "VAR=VALUE", value_parser = super::argument::variable)]
    set: Vec<(String, Value)>,
    /// The address on which the mock serves requests during the load, and a page that shows the progress. Port 0 picks
    /// a free one. Default: 127.0.0.1:2478 if stories are simulated, none otherwise.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// After the run, compare with the receiver's own list of the ids it received: a file or a URL, as a JSON array,
    /// NDJSON or plain lines. Exit with 1 if an event is lost or duplicated.
    #[arg(long, value_name = "URL|FILE", conflicts_with = "find_max")]
    receipts: Option<load::Source>,
    /// Mark the run VOID and exit with 5 if the sender itself held back more than this share of the events. 100%
    /// switches this off. Default: 20%.
    #[arg(long, value_name = "PERCENT", value_parser = super::argument::share)]
    void_above: Option<f64>,
    #[command(flatten)]
    address_files: AddressFiles,
    #[command(flatten)]
    receiver_wait: ReceiverWait,
    #[command(flatten)]
    report: ReportArgs,
    /// Print nothing while the load runs.
    #[arg(long, short)]
    quiet: bool,
}

/// How events are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    /// From request templates that are compiled before the run, or simulated if a story can't be compiled.
    #[default]
    Auto,
    /// Simulate every story, as `run` does: this needs several times as much CPU per event.
    #[value(alias = "told")]
    Simulated,
}

pub(super) fn run(args: Args, config: Option<&Path>) -> Result<Exit, CommandError> {
    let prepared = args.report.prepare()?;
    if let (Some(slo), false) = (&args.slo, args.find_max) {
        return Err(CommandError::usage(format!(
            "--slo gives the conditions of a search: add --find-max, or judge this run with --fail-if, which takes the \
             conditions that fail it, such as the opposite of `{slo}`"
        )));
    }
    let mut world = super::prepare(config, &args.target, args.listen.as_deref())?;
    // A load measures every event once; a story's own [delivery] may differ.
    world.settings.policy.attempts = 1;
    if let Some(timeout) = args.timeout {
        world.settings.policy.timeout = timeout.0;
    }
    let stories = stories::read(&args.files, &args.set, &world)?;
    let rate = rate(&args, &stories)?;
    let duration = duration(&args, &stories, &rate)?;
    let target = target(world.settings.callback_url.as_deref())?;
    let options = options(&args, &stories, &rate, world.settings.policy.timeout)?;
    let guard = Guard::allowing(&world.settings.allow).map_err(CommandError::usage)?;
    if let Some(load::Source::Url(list)) = &args.receipts {
        let allowed = guard.consider(list.host());
        allowed.map_err(|error| CommandError::usage(format!("--receipts {list}: {error}")))?;
    }
    let probing = load::Context {
        settings: &world.settings,
        catalog: &world.catalog,
        signer: &world.signer,
        route_signers: &world.route_signers,
        target: target.as_ref(),
        target_wins: args.target.callback_url.is_some(),
        set: &args.set,
    };
    let rates = stories.iter().filter_map(|story| story.load.rate.as_ref());
    if args.rate.is_none() && rates.clone().any(|other| *other != rate) {
        super::remark(&format!(
            "note: a run has one rate, which comes from the first file that has one: {rate}; other files only count by their weight"
        ));
    }
    let load = Load::prepare(probing, &guard, options).map_err(CommandError::usage)?;
    if let Some(why) = load.simulated_because() {
        super::remark(&format!("note: simulated, story by story: {why}"));
    }
    let listen = world.settings.listen.clone().unwrap_or_else(|| crate::settings::DEFAULT_LISTEN.to_owned());
    let files = RefCell::new(None);
    let server = || {
        let server = Server::bind(&listen).map_err(std::io::Error::other)?;
        let address = server.local_addr();
        files.replace(Some(args.address_files.write(address, &format!("http://{address}"))?));
        if !args.quiet {
            super::remark(&format!("note: http://{address}/_mock/ shows the progress"));
        }
        Ok(server)
    };
    let runtime = super::runtime()?;
    // A story that expects failures may need a receiver that is not reachable.
    if !stories.iter().any(|story| story.expects_failures()) {
        runtime.block_on(args.receiver_wait.wait_for(std::slice::from_ref(load.target()), &guard))?;
    }
    let run = runtime.block_on(async {
        let interrupt = super::interrupted();
        // That the parts of a run do not begin together must not go unnoticed.
        if let Some(at) = args.start_at.filter(|at| !args.quiet || *at < Timestamp::now()) {
            super::remark(&format!("note: {}", beginning(at)));
        }
        if !args.find_max {
            let mut live = if args.quiet { Live::Silent } else { Live::new(duration) };
            let run = load.run(&rate, duration, server, interrupt, |snapshot| live.show(snapshot)).await;
            live.finish();
            let mut run = run?;
            if let Some(source) = &args.receipts {
                load.reconcile(&mut run, source).await;
            }
            return Ok(run);
        }
        let mut shown = 0.0;
        let show = |rate: f64, _: &load::Snapshot| {
            if !args.quiet && rate != shown {
                shown = rate;
                super::remark(&format!("trying {rate}/s for {}", HumanDuration(duration)));
            }
        };
        let slo = args.slo.clone().map_or_else(|| DEFAULT_SLO.parse().map_err(std::io::Error::other), Ok)?;
        load.find_max(start(&rate), duration, &slo, server, interrupt, show).await
    });
    let run = run.map_err(|error| match error.downcast::<BindError>() {
        Ok(error) => runtime.block_on(taken::by_whom(error)),
        Err(error) => CommandError::start(format!("the load could not start: {error}")),
    })?;
    let exit = prepared.finish(&run.report)?;
    Ok(match exit {
        _ if run.interrupted => Exit::Interrupted,
        Exit::Ok if has_failed(&run.report) => Exit::Failed,
        exit => exit,
    })
}

/// The rate of the load, or that at which a search begins.
fn rate(args: &Args, stories: &[Arc<Story>]) -> Result<RateProfile, CommandError> {
    if args.find_max && args.rate == Some(RateProfile::Max) {
        return Err(CommandError::usage(
            "--find-max begins at a rate, which `--rate max` does not say: write for example `--rate 100/s`",
        ));
    }
    let of_files = || first(stories, |story| story.load.rate.clone());
    let rate = args.rate.clone().or_else(of_files).filter(|rate| !args.find_max || *rate != RateProfile::Max);
    Ok(rate.unwrap_or_else(|| RateProfile::constant(DEFAULT_RATE)))
}

/// How long events are sent, or each probe of a search.
fn duration(args: &Args, stories: &[Arc<Story>], rate: &RateProfile) -> Result<Duration, CommandError> {
    let of_files = || first(stories, |story| story.load.duration).map(|duration| duration.0);
    let duration = match args.duration {
        Some(given) => given.0,
        None if args.find_max => PROBE,
        None => rate.own_length().or_else(of_files).unwrap_or(DEFAULT_DURATION),
    };
    match duration.is_zero() {
        true => Err(CommandError::usage(
            "--duration must be longer than zero: write for example `--duration 10s`",
        )),
        false => Ok(duration),
    }
}

/// The one receiver of the load, if it is named beside the stories.
fn target(callback_url: Option<&str>) -> Result<Option<Arc<Target>>, CommandError> {
    let Some(url) = callback_url else { return Ok(None) };
    if url.contains("{event}") {
        return Err(CommandError::usage(format!(
            "{url}: a load goes to one URL, which can't contain `{{event}}`; give another one with --callback-url"
        )));
    }
    let target = url.parse().map_err(|error| CommandError::usage(format!("{url}: {error}")))?;
    Ok(Some(Arc::new(target)))
}

/// What the arguments, else the stories, say about the load; `timeout` is that of the settings.
fn options(
    args: &Args,
    stories: &[Arc<Story>],
    rate: &RateProfile,
    timeout: Duration,
) -> Result<Options, CommandError> {
    if timeout.is_zero() {
        return Err(CommandError::usage(
            "--timeout must be longer than zero: write for example `--timeout 5s`",
        ));
    }
    let usual = if *rate == RateProfile::Max { CLOSED_IN_FLIGHT } else { PLANNED_IN_FLIGHT };
    let cores =
        std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(1));
    // A probe shows soon enough that a rate can't be sustained.
    let drop_after = if args.find_max { timeout.min(Duration::from_secs(1)) } else { timeout };
    // Shards must plan alike without communicating.
    let own_seed = || if args.shard.is_some() { 1 } else { super::fresh_seed() };
    let seed = args.seed.or_else(|| first(stories, |story| story.seed).map(|seed| seed.0));
    Ok(Options {
        stories: stories.iter().map(|story| (Arc::clone(story), story.load.weight.unwrap_or(1))).collect(),
        unit: args.unit.or_else(|| first(stories, |story| story.load.unit)).unwrap_or_default(),
        arrivals: args.arrivals.or_else(|| first(stories, |story| story.load.arrivals)).unwrap_or_default(),
        count: args.count,
        in_flight: args.in_flight.or_else(|| first(stories, |story| story.load.in_flight)).unwrap_or(usual),
        workers: args.workers.unwrap_or((cores / 2).max(1)),
        timeout,
        late: args.late.0,
        drop_after: args.drop_after.map_or(drop_after, |given| given.0),
        seed: Seed(seed.unwrap_or_else(own_seed)),
        shard: args.shard.unwrap_or(Shard { index: 0, of: 1 }),
        protocol: if args.http2 { Protocol::Http2 } else { Protocol::Http1 },
        simulated: args.mode == Mode::Simulated,
        serves: args.listen.is_some(),
        keeps_events: args.receipts.is_some(),
        most_held_back: args.void_above.unwrap_or(DEFAULT_VOID_ABOVE),
        start_at: args.start_at,
    })
}

/// Whether a run failed regardless of any condition: no rate was sustained, a story's expectation failed, an event was
/// lost, no response was successful, or there was nothing to send.
fn has_failed(report: &Report) -> bool {
    report.search.as_ref().is_some_and(|search| search.best == 0.0)
        || report.receipts.as_ref().is_some_and(Receipts::is_wrong)
        || report.plan.stories.iter().any(|story| story.failed > 0)
        // The part of a shard may be empty.
        || (report.counts.ok == 0 && (report.counts.planned > 0 || report.plan.shard.is_none()))
}

/// Returns the value of the first story that has one.
fn first<T>(stories: &[Arc<Story>], get: impl Fn(&Story) -> Option<T>) -> Option<T> {
    stories.iter().find_map(|story| get(story))
}

/// Describes the planned beginning of a run.
fn beginning(at: Timestamp) -> String {
    match Duration::try_from(at.duration_since(Timestamp::now())) {
        Ok(left) => format!("begins at {at}, in {}", HumanDuration(Duration::from_secs(left.as_secs()))),
        Err(_) => format!("{at} is in the past: begins at once"),
    }
}

/// Returns the rate at which a search begins.
fn start(rate: &RateProfile) -> f64 {
    match rate {
        RateProfile::Max => DEFAULT_RATE,
        RateProfile::Planned(segments) => {
            segments.first().map_or(DEFAULT_RATE, |segment| match segment.shape {
                Shape::Constant(rate) | Shape::Ramp(rate, _) | Shape::Sine(rate, ..) => rate,
            })
        }
    }
    .max(1.0)
}

/// The variable in which Kubernetes gives the index of a process in an Indexed Job.
const INDEX_VARIABLE: &str = "JOB_COMPLETION_INDEX";

/// Why a text is not a part of a run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum ShardError {
    #[error("`{0}` is not a number: write for example 0/4")]
    Number(String),
    #[error(
        "{INDEX_VARIABLE} is not set (Kubernetes sets it in an Indexed Job): write which part this is, for example 0/{0}"
    )]
    NoIndex(String),
    #[error("a run can't have 0 parts: write for example 0/4")]
    OfNothing,
    #[error("parts count from 0: the last of {0} is {last}/{0}", last = .0 - 1)]
    Beyond(u32),
}

/// Parses `I/N`, or `N` with the index of a Kubernetes job.
fn shard(text: &str) -> Result<Shard, ShardError> {
    let number = |text: &str| text.trim().parse::<u32>().map_err(|_| ShardError::Number(text.to_owned()));
    let (index, of) = match text.split_once('/') {
        Some((index, of)) => (number(index)?, number(of)?),
        None => {
            let index = std::env::var(INDEX_VARIABLE);
            (number(&index.map_err(|_| ShardError::NoIndex(text.to_owned()))?)?, number(text)?)
        }
    };
    match of {
        0 => Err(ShardError::OfNothing),
        _ if index >= of => Err(ShardError::Beyond(of)),
        _ => Ok(Shard { index, of }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_measured_nothing_has_failed() {
        let mut empty = load::samples::empty();
        assert!(has_failed(&empty));
        empty.plan.shard = Some(Shard { index: 3, of: 4 });
        assert!(!has_failed(&empty));
        assert!(!has_failed(&load::samples::steady()));
    }

    #[test]
    fn shards_read() {
        assert_eq!(shard("0/1"), Ok(Shard { index: 0, of: 1 }));
        assert_eq!(shard("3/4"), Ok(Shard { index: 3, of: 4 }));
        for wrong in ["4/4", "0/0", "a/4", "1/b", "/4", "1/", "-1/4", ""] {
            assert!(shard(wrong).is_err(), "{wrong}");
        }
        assert_eq!(shard("4/4").unwrap_err().to_string(), "parts count from 0: the last of 4 is 3/4");
    }
}
