//! A run: shares the work among the workers, watches them, and gathers what they found out.

use std::io;
use std::net::ToSocketAddrs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::search::{judge, search};
use crate::delivery::Failure;
use crate::http::{Server, Tls, TlsPlan};
use crate::language::{Arrivals, Rate, RateUnit};
use crate::load::compile::Context;
use crate::load::compile::StoryTemplate;
use crate::load::plan::Curve;
use crate::load::plan::Mix;
use crate::load::report::Slo;
use crate::load::report::Snapshot;
use crate::load::report::{FORMAT, Finding, Plan, Report, Sender, Shard, Share, Side};
use crate::load::send::Usage;
use crate::load::send::{Drive, Job, Protocol};
use crate::load::send::{Progress, RunStats};
use crate::load::send::{simulated, worker, worker_h2};
use crate::net::{Guard, Target};
use crate::scenario::Story;
use crate::seed::Seed;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// The stories, each with its weight in the mix.
    pub stories: Vec<(Arc<Story>, u32)>,
    /// What rates count.
    pub unit: RateUnit,
    /// How arrivals are spaced.
    pub arrivals: Arrivals,
    /// After how many events, or stories, to end. A story that began is told to its end.
    pub count: Option<u64>,
    /// How many events may be in flight; at least 1.
    pub in_flight: u32,
    /// How many threads send; at least 1.
    pub workers: u32,
    /// After how long an unanswered event counts as timed out.
    pub timeout: Duration,
    /// From which lag on an event counts as late.
    pub late: Duration,
    /// After which lag an event is dropped.
    pub drop_after: Duration,
    /// The seed of ids, people and arrivals.
    pub seed: Seed,
    /// Which part of the whole this is.
    pub shard: Shard,
    /// What is spoken with the receiver.
    pub protocol: Protocol,
    /// When to begin; nothing: at once.
    pub start_at: Option<Timestamp>,
}

/// How long a search waits between its probes.
const BETWEEN_PROBES: Duration = Duration::from_millis(300);

/// Stories ready to be told at any rate.
#[derive(Debug)]
pub struct Load<'a> {
    context: Context<'a>,
    guard: &'a Guard,
    options: Options,
    way: Way,
    target: Arc<Target>,
    address: std::net::SocketAddr,
}

/// A run that is over.
#[derive(Debug)]
pub struct Run {
    /// What it found out.
    pub report: Report,
    /// Whether it was ended before its time.
    pub interrupted: bool,
}

/// How stories are told.
#[derive(Debug)]
enum Way {
    /// As bytes with gaps.
    Compiled(Arc<[StoryTemplate]>, Option<TlsPlan>),
    /// For real, for a reason.
    Told(String),
}

impl<'a> Load<'a> {
    /// Learns the stories and finds the receiver. Errs in words if there is none, or if it can't be used.
    pub fn prepare(context: Context<'a>, guard: &'a Guard, options: Options) -> Result<Self, String> {
        let learnt = learn(&context, &options);
        let target = match &learnt {
            Ok(templates) => {
                templates.first().map(|first| Arc::clone(&first.target)).ok_or("there is no story")?
            }
            Err(_) => target(&context, &options.stories)?,
        };
        let address = address(&target, guard)?;
        let way = match learnt {
            Ok(templates) => {
                let tls = Tls::new(&context.settings.tls, options.protocol.alpn())
                    .and_then(|tls| tls.plan(&target))
                    .map_err(|error| error.to_string())?;
                Way::Compiled(templates.into(), tls)
            }
            Err(why) => Way::Told(why),
        };
        Ok(Self { context, guard, options, way, target, address })
    }

    /// Why the stories are told for real, with their pauses and waits, if they are.
    pub fn simulated_because(&self) -> Option<&str> {
        match &self.way {
            Way::Compiled(..) => None,
            Way::Told(why) => Some(why),
        }
    }

    /// Fields that look like ids but take turns among a few values.
    pub fn repeating(&self) -> Vec<&str> {
        match &self.way {
            Way::Compiled(templates, _) => {
                templates.iter().flat_map(|template| &template.repeating).map(String::as_str).collect()
            }
            Way::Told(_) => Vec::new(),
        }
    }

    fn job(&self, rate: &Rate, duration: Duration) -> Job {
        let Options { unit, arrivals, count, workers, shard, .. } = &self.options;
        let (templates, tls) = match &self.way {
            Way::Compiled(templates, tls) => (Arc::clone(templates), tls.clone()),
            Way::Told(_) => (Arc::from([]), None),
        };
        let mix = self.mix();
        // Told stories share one engine; and no more send than may be in flight.
        let workers = if self.simulated_because().is_some() { 1 } else { *workers };
        let workers = workers.min(self.options.in_flight).max(1);
        let per_iteration = match unit {
            RateUnit::Events => mix.events_per_iteration(),
            RateUnit::Stories => 1.0,
        };
        let limit = match (count, unit) {
            (None, _) => u64::MAX,
            (Some(count), RateUnit::Events) => mix.iterations_of(*count),
            (Some(count), RateUnit::Stories) => *count,
        };
        let drive = match rate {
            Rate::Max => Drive::Closed(duration),
            Rate::Planned(stages) => {
                Drive::Open(Arc::new(Curve::new(stages, duration, 1.0 / per_iteration)), *arrivals)
            }
        };
        let interval = interval(duration);
        let intervals = (duration + self.options.timeout).as_nanos() / interval.as_nanos().max(1) + 2;
        // A moment for the threads to come up, so that the first events are not late.
        let lead = Duration::from_millis(20);
        let wait = match self.options.start_at {
            Some(at) => {
                Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO).max(lead)
            }
            None => lead,
        };
        Job {
            templates,
            mix: Arc::new(mix),
            drive,
            seed: self.options.seed,
            limit,
            shard: *shard,
            protocol: self.options.protocol,
            target: Arc::clone(&self.target),
            address: self.address,
            tls,
            timeout: self.options.timeout,
            late: self.options.late,
            drop_after: self.options.drop_after,
            interval,
            intervals: usize::try_from(intervals).unwrap_or(usize::MAX).min(100_000),
            in_flight: self.options.in_flight.max(1),
            workers,
            start: Instant::now() + wait,
            started: Timestamp::now().checked_add(wait).unwrap_or(Timestamp::MAX),
            stop: AtomicBool::new(false),
            progress: (0..workers).map(|_| Mutex::default()).collect(),
        }
    }

    /// Runs at a rate for a duration, or until `interrupt` is ready. `watch` sees how it stands, several times a second.
    /// Where stories are told for real, the mock takes calls on `server`. Errs if the system has no threads, event loops
    /// or addresses to give.
    pub async fn run(
        &self,
        rate: &Rate,
        duration: Duration,
        server: impl FnOnce() -> io::Result<Server>,
        interrupt: impl Future<Output = ()>,
        mut watch: impl FnMut(&Snapshot),
    ) -> io::Result<Run> {
        let server = self.simulated_because().map(|_| server()).transpose()?;
        let job = Arc::new(self.job(rate, duration));
        let before = Usage::now();
        let mut watched = Watched { at: Instant::now(), cpu: before.cpu() };
        let (stats, opened, interrupted) = match server {
            Some(server) => {
                let stories: Vec<Arc<Story>> =
                    self.options.stories.iter().map(|(story, _)| Arc::clone(story)).collect();
                let watch = || watch(&snapshot(&job, &mut watched));
                let (stats, interrupted) =
                    simulated::run(&self.context, self.guard, &stories, &job, server, interrupt, watch)
                        .await?;
                (stats, 0, interrupted)
            }
            None => compiled(&job, interrupt, || watch(&snapshot(&job, &mut watched))).await?,
        };
        let after = Usage::now();
        let report = self.report(rate, &job, stats, (before, after), opened, interrupted);
        Ok(Run { report, interrupted })
    }

    /// Searches for the highest rate that holds, from `start` per second on, each probe as long as `duration`. The report
    /// is that of the highest rate that held, or of the last probe if none did.
    pub async fn find_max(
        &self,
        start: f64,
        duration: Duration,
        slo: &Slo,
        server: impl Fn() -> io::Result<Server>,
        interrupt: impl Future<Output = ()>,
        mut watch: impl FnMut(f64, &Snapshot),
    ) -> io::Result<Run> {
        let mut interrupt = std::pin::pin!(interrupt);
        let (mut best, mut last): (Option<Report>, Option<Report>) = (None, None);
        let (mut interrupted, mut error) = (false, None);
        let conditions = slo.to_string();
        let found = search(&conditions, start, async |rate| {
            let plan = Rate::constant(rate);
            let run =
                self.run(&plan, duration, &server, interrupt.as_mut(), |snapshot| watch(rate, snapshot));
            let run = match run.await {
                Ok(run) if !run.interrupted => run,
                Ok(_) => {
                    interrupted = true;
                    return None;
                }
                Err(why) => {
                    error = Some(why);
                    return None;
                }
            };
            let probe = judge(&run.report, rate, slo);
            if probe.held && best.as_ref().is_none_or(|best| best.counts.planned < run.report.counts.planned)
            {
                best = Some(run.report.clone());
            }
            last = Some(run.report);
            // What the last events left behind is not to weigh on the next probe.
            tokio::time::sleep(BETWEEN_PROBES).await;
            Some(probe)
        });
        let found = found.await;
        match (error, best.or(last)) {
            (Some(error), _) => Err(error),
            (None, Some(mut report)) => {
                if interrupted {
                    let text = format!(
                        "The search was interrupted after {} probes: it may have gone on to find more.",
                        found.probes.len()
                    );
                    report.findings = vec![Finding { side: Side::Run, text }];
                }
                report.search = Some(found);
                Ok(Run { report, interrupted })
            }
            (None, None) => Err(io::Error::other("it was interrupted before the first probe ended")),
        }
    }

    fn mix(&self) -> Mix {
        let compiled: &[StoryTemplate] = match &self.way {
            Way::Compiled(templates, _) => templates,
            Way::Told(_) => &[],
        };
        let steps = self.options.stories.iter().enumerate().map(|(number, (story, weight))| {
            (compiled.get(number).map_or_else(|| story.sends(), StoryTemplate::steps), *weight)
        });
        Mix::new(&steps.collect::<Vec<_>>())
    }

    fn report(
        &self,
        rate: &Rate,
        job: &Job,
        stats: RunStats,
        (before, after): (Usage, Usage),
        connections: u64,
        interrupted: bool,
    ) -> Report {
        let options = &self.options;
        let planned = match &job.drive {
            Drive::Open(curve, _) => curve.duration(),
            Drive::Closed(until) => *until,
        };
        let cut_short = interrupted || options.count.is_some();
        let elapsed = if cut_short { stats.last } else { stats.last.max(planned) };
        // A count that was reached is no early end.
        let planned = if options.count.is_some() && !interrupted { planned.min(elapsed) } else { planned };
        let elapsed_s = elapsed.as_secs_f64();
        let (user, system) =
            (after.user.saturating_sub(before.user), after.system.saturating_sub(before.system));
        let cpu = (user + system).as_secs_f64();
        let share = |of: f64| if of > 0.0 { cpu / of } else { 0.0 };
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let stories = options.stories.iter().enumerate().map(|(number, (story, weight))| {
            let became = stats.stories.get(number);
            Share {
                name: story.name.clone(),
                weight: *weight,
                told: became.told,
                failed: became.failed,
                first_failure: became.first,
            }
        });
        let mut report = Report {
            format: FORMAT.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            plan: Plan {
                stories: stories.collect(),
                rate: rate.to_string(),
                unit: match options.unit {
                    RateUnit::Events => "events",
                    RateUnit::Stories => "stories",
                }
                .to_owned(),
                arrivals: match (rate, options.arrivals) {
                    (Rate::Max, _) => "closed",
                    (_, Arrivals::Even) => "even",
                    (_, Arrivals::Poisson) => "poisson",
                }
                .to_owned(),
                duration_s: planned.as_secs_f64(),
                seed: options.seed.0,
                target: self.target.to_string(),
                protocol: match &self.way {
                    Way::Compiled(..) => options.protocol,
                    Way::Told(_) => Protocol::Http1,
                }
                .as_str()
                .to_owned(),
                in_flight: job.in_flight,
                workers: job.workers,
                timeout_ms: millis(job.timeout),
                late_ms: millis(job.late),
                drop_ms: millis(job.drop_after),
                interval_ms: millis(job.interval),
                shard: (options.shard.of > 1).then_some(options.shard),
                runs: 1,
            },
            started: job.started,
            elapsed_s,
            counts: stats.counts,
            statuses: stats.statuses,
            errors: stats.errors,
            latency: stats.latency,
            series: stats.series,
            sender: Sender {
                user_s: user.as_secs_f64(),
                system_s: system.as_secs_f64(),
                cpu_per_event_us: share(stats.counts.sent as f64) * 1e6,
                busy: share(elapsed_s * f64::from(job.workers)),
                peak_bytes: after.peak,
                connections,
            },
            findings: Vec::new(),
            search: None,
            merged: None,
        };
        report.findings = super::report::diagnose(&report);
        report
    }
}

/// Has the workers do their parts.
async fn compiled(
    job: &Arc<Job>,
    interrupt: impl Future<Output = ()>,
    mut watch: impl FnMut(),
) -> io::Result<(RunStats, u64, bool)> {
    let mut workers = tokio::task::JoinSet::new();
    for number in 0..job.workers {
        let job = Arc::clone(job);
        workers.spawn_blocking(move || match job.protocol {
            Protocol::Http1 => worker::run(&job, number),
            Protocol::Http2 => worker_h2::run(&job, number),
        });
    }
    let mut interrupt = std::pin::pin!(interrupt);
    let mut interrupted = false;
    let (mut stats, mut opened) = (RunStats::default(), 0);
    let mut ticks = tokio::time::interval(Duration::from_millis(250));
    loop {
        tokio::select! {
            joined = workers.join_next() => match joined {
                None => return Ok((stats, opened, interrupted)),
                Some(joined) => match joined.map_err(io::Error::other).flatten() {
                    Ok((part, connections)) => {
                        stats.add(part);
                        opened += connections;
                    }
                    Err(error) => {
                        // Without one of them it is not the run that was asked for: nobody goes on.
                        job.stop.store(true, Ordering::Relaxed);
                        while workers.join_next().await.is_some() {}
                        return Err(error);
                    }
                },
            },
            () = &mut interrupt, if !interrupted => {
                interrupted = true;
                job.stop.store(true, Ordering::Relaxed);
            }
            _ = ticks.tick() => watch(),
        }
    }
}

fn learn(context: &Context<'_>, options: &Options) -> Result<Vec<StoryTemplate>, String> {
    let today = Timestamp::now();
    let mut templates = Vec::new();
    for (number, (story, _)) in options.stories.iter().enumerate() {
        let seed = options.seed.derive("load story", number as u64);
        let learnt = StoryTemplate::learn(context, story, seed, today);
        templates.push(learnt.map_err(|why| format!("{}: {why}", story.name))?);
    }
    let origins = templates.windows(2).all(|pair| pair[0].target.origin() == pair[1].target.origin());
    if origins { Ok(templates) } else { Err("the stories send to different servers".to_owned()) }
}

/// Where the callbacks go, as far as it is known beforehand.
fn target(context: &Context<'_>, stories: &[(Arc<Story>, u32)]) -> Result<Arc<Target>, String> {
    let own = stories.iter().find_map(|(story, _)| story.callback_url_text());
    match (context.target, own) {
        (Some(target), own) if context.target_wins || own.is_none() => Ok(Arc::clone(target)),
        (_, Some(own)) => own.parse().map(Arc::new).map_err(|error| format!("{own}: {error}")),
        (_, None) => Err("there is no callback URL: say where the load goes with --callback-url; \
                          `airudder-mock receive` shows what arrives"
            .to_owned()),
    }
}

/// The first address of a target that may be connected to.
fn address(target: &Target, guard: &Guard) -> Result<std::net::SocketAddr, String> {
    let unknown = |error: Option<&io::Error>| Failure::unresolved(target, error).message;
    let found = (target.host(), target.port()).to_socket_addrs().map_err(|error| unknown(Some(&error)))?;
    let admitted =
        guard.admit(target.host(), &found.collect::<Vec<_>>()).map_err(|error| error.to_string())?;
    admitted.first().copied().ok_or_else(|| unknown(None))
}

/// How long an interval of the series is: such that there are about a hundred.
fn interval(duration: Duration) -> Duration {
    const STEPS: [u64; 9] = [100, 250, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000];
    let wanted = u64::try_from(duration.as_millis() / 120).unwrap_or(u64::MAX);
    Duration::from_millis(STEPS.into_iter().find(|step| *step >= wanted).unwrap_or(600_000))
}

/// When CPU time was looked at last.
struct Watched {
    at: Instant,
    cpu: Duration,
}

fn snapshot(job: &Job, watched: &mut Watched) -> Snapshot {
    let mut sum = Progress::default();
    for slot in &job.progress {
        let part = slot.lock().unwrap_or_else(PoisonError::into_inner);
        sum.counts.add(&part.counts);
        sum.in_flight += part.in_flight;
        sum.ok += part.ok;
        sum.latest.add(&part.latest);
    }
    let (at, cpu) = (Instant::now(), Usage::now().cpu());
    let wall = (at - watched.at).as_secs_f64() * f64::from(job.workers);
    let busy = if wall > 0.0 { (cpu - watched.cpu).as_secs_f64() / wall } else { 0.0 };
    *watched = Watched { at, cpu };
    let counts = &sum.counts;
    Snapshot {
        at: job.now(),
        planned: counts.planned,
        sent: counts.sent,
        ok: counts.ok,
        bad: counts.wrong_status + counts.failed + counts.timed_out + counts.dropped,
        in_flight: sum.in_flight,
        rate: sum.ok as f64 / job.interval.as_secs_f64(),
        p50: sum.latest.percentile(50.0),
        p99: sum.latest.percentile(99.0),
        cpu: busy,
    }
}
