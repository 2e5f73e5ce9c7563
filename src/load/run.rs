//! A run: divides the work among the workers, watches them, and collects their results.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::board::Board;
use super::compile::{IdFields, StoryTemplate};
use super::options::Protocol;
use super::plan::{Curve, Mix};
use super::prepare::Load;
use super::receipts::{Identified, Receipt, Source, reconcile};
use super::report::{FORMAT, Finding, Plan, Receipts, Report, Sender, Slo, Snapshot, conclude, plural};
use super::rest::serve;
use super::search::{judge, search, too_short};
use super::send::{Job, Progress, RunStats, SentEvent, Usage, simulated, worker, worker_h2};
use crate::http::Server;
use crate::language::{RateProfile, RateUnit};
use crate::mock::LoadRuns;
use crate::sync::lock;

/// Pause of a search between its probes.
const BETWEEN_PROBES: Duration = Duration::from_millis(300);

/// How long a receiver may continue to process accepted events before its list counts.
const STRAGGLERS: Duration = Duration::from_secs(5);

/// Interval in which its list is read meanwhile.
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

/// A finished run.
#[derive(Debug)]
pub struct Run {
    /// Its report.
    pub report: Report,
    /// Whether it was ended early.
    pub interrupted: bool,
    sent: Sent,
}

/// The events that were sent, if the receiver's list is requested.
#[derive(Debug)]
enum Sent {
    /// Sent from templates; their ids follow from the iteration's number.
    Compiled(Vec<SentEvent>),
    /// Sent by simulated stories.
    Simulated(Vec<Identified>),
}

impl Load<'_> {
    fn job(&self, rate: &RateProfile, duration: Duration, address: SocketAddr) -> Job {
        let options = self.options.clone();
        let mix = self.mix();
        // Simulated stories share one engine. More workers than events in flight would be useless.
        let workers = if self.is_simulated() { 1 } else { options.workers.clamp(1, options.in_flight) };
        let (per_iteration, limit) = match (options.unit, options.count) {
            (RateUnit::Events, count) => {
                (mix.events_per_iteration(), count.map(|count| mix.iterations_of(count)))
            }
            (RateUnit::Stories, count) => (1.0, count),
        };
        let curve = match rate {
            RateProfile::Max => None,
            RateProfile::Planned(segments) => Some(Curve::new(segments, duration, 1.0 / per_iteration)),
        };
        let interval = interval(duration);
        let intervals = (duration + options.timeout).as_nanos() / interval.as_nanos().max(1) + 2;
        let left = options.start_at.map(|at| Duration::try_from(at.duration_since(Timestamp::now())));
        // The threads need a moment to start, so that the first events are not late.
        let wait = left.and_then(Result::ok).unwrap_or_default().max(Duration::from_millis(20));
        Job {
            options,
            templates: self.templates.clone().unwrap_or_default(),
            most_steps: self
                .templates
                .iter()
                .flat_map(|templates| templates.iter())
                .map(StoryTemplate::steps)
                .max()
                .unwrap_or(1),
            mix: Arc::new(mix),
            duration: curve.as_ref().map_or(duration, Curve::duration),
            curve: curve.map(Arc::new),
            limit: limit.unwrap_or(u64::MAX),
            target: Arc::clone(&self.target),
            address,
            tls: self.tls.clone(),
            interval,
            intervals: usize::try_from(intervals).unwrap_or(usize::MAX).min(100_000),
            workers,
            start: Instant::now() + wait,
            started: Timestamp::now().checked_add(wait).unwrap_or(Timestamp::MAX),
            stop: AtomicBool::new(false),
            progress: (0..workers).map(|_| Mutex::default()).collect(),
        }
    }

    /// Runs at a rate for a duration, or until `interrupt` is ready. `watch` gets the current state several times a second.
    /// If stories are simulated, the mock takes requests on `server`.
    ///
    /// # Errors
    ///
    /// If the system refuses threads, event loops or addresses.
    pub async fn run(
        &self,
        rate: &RateProfile,
        duration: Duration,
        server: impl FnOnce() -> io::Result<Server>,
        interrupt: impl Future<Output = ()>,
        mut watch: impl FnMut(&Snapshot),
    ) -> io::Result<Run> {
        let server = (self.is_simulated() || self.options.serves).then(server).transpose()?;
        let job = Arc::new(self.job(rate, duration, self.address().await));
        let before = Usage::now();
        let mut watched = Watched { at: Instant::now(), cpu: before.cpu() };
        let board = server.is_some().then(|| Board::new(rate, &job));
        let seen = board.clone().map(|board| board as Arc<dyn LoadRuns>);
        let watch = || {
            let now = snapshot(&job, &mut watched);
            if let Some(board) = &board {
                board.note(&now);
            }
            watch(&now);
        };
        let (mut stats, interrupted) = match server {
            Some(server) if self.is_simulated() => {
                simulated::run(&self.context, &job, (server, seen), interrupt, watch).await?
            }
            Some(server) => {
                let (sending, serving) =
                    (compiled(&job, interrupt, watch), serve(&self.context, &job, server, seen));
                let (mut sending, mut serving) = (std::pin::pin!(sending), std::pin::pin!(serving));
                tokio::select! {
                    sent = &mut sending => sent?,
                    // It ends only if it can't begin.
                    served = &mut serving => {
                        job.stop.store(true, Ordering::Relaxed);
                        let sent = sending.await?;
                        served?;
                        sent
                    }
                }
            }
            None => compiled(&job, interrupt, watch).await?,
        };
        let usage = (before, Usage::now());
        let sent = match self.is_simulated() {
            true => Sent::Simulated(std::mem::take(&mut stats.identified)),
            false => Sent::Compiled(std::mem::take(&mut stats.events)),
        };
        let report = self.report(rate, &job, stats, usage, interrupted);
        Ok(Run { report, interrupted, sent })
    }

    /// Compares the receiver's own list of ids with what was sent, and adds to the report what is lost, doubled or unknown.
    /// A receiver that is still processing has a few seconds to complete its list.
    pub async fn reconcile(&self, run: &mut Run, source: &Source) {
        let begun = Instant::now();
        let mut found = loop {
            let found = match source.read(&self.guard, &self.context.settings.tls).await {
                Ok(list) => self.receipts(run, source, &list),
                Err(error) => {
                    Receipts { source: source.to_string(), error: error.to_string(), ..Receipts::default() }
                }
            };
            if !found.is_wrong() || found.doubled > 0 || begun.elapsed() >= STRAGGLERS {
                break found;
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        };
        if self.options.shard.of > 1 {
            // The ids of the other shards are unknown here.
            found.unknown = 0;
            found.unknown_ids.clear();
        }
        run.report.receipts = Some(found);
        conclude(&mut run.report);
    }

    fn receipts(&self, run: &Run, source: &Source, list: &[Receipt]) -> Receipts {
        let source = source.to_string();
        let templates = self.templates.as_deref().unwrap_or_default();
        let fields: Vec<IdFields> = templates.iter().map(StoryTemplate::id_fields).collect();
        let started = run.report.started;
        match &run.sent {
            Sent::Simulated(events) => reconcile(&source, list, || events.iter().cloned()),
            Sent::Compiled(events) => reconcile(&source, list, || {
                events.iter().map(|event| {
                    let story = event.story as usize;
                    Identified {
                        ids: templates[story].ids(&fields[story], event.iteration, event.step as usize),
                        sent: started.checked_add(event.sent).unwrap_or(Timestamp::MAX),
                        is_ok: event.is_ok,
                    }
                })
            }),
        }
    }

    /// Searches for the highest rate that holds, from `start` per second on, each probe as long as `duration`. The report
    /// is that of the highest rate that held, or of the last probe if none did.
    ///
    /// # Errors
    ///
    /// As [`Load::run`], and if it is interrupted before the first probe ended.
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
            let plan = RateProfile::constant(rate);
            let watch = |snapshot: &Snapshot| watch(rate, snapshot);
            let report = match self.run(&plan, duration, &server, interrupt.as_mut(), watch).await {
                Ok(Run { report, interrupted: false, .. }) => report,
                Ok(_) => {
                    interrupted = true;
                    return None;
                }
                Err(why) => {
                    error = Some(why);
                    return None;
                }
            };
            let probe = judge(&report, rate, slo);
            if probe.held && best.as_ref().is_none_or(|best| best.counts.planned < report.counts.planned) {
                best = Some(report.clone());
            }
            last = Some(report);
            // Let the receiver recover, so that one probe does not affect the next.
            tokio::time::sleep(BETWEEN_PROBES).await;
            Some(probe)
        })
        .await;
        if let Some(error) = error {
            return Err(error);
        }
        let mut report = best
            .or(last)
            .ok_or_else(|| io::Error::other("it was interrupted before the first probe ended"))?;
        if interrupted {
            report.findings = vec![Finding::run(format!(
                "The search was interrupted after {}: it may have gone on to find more.",
                plural(found.probes.len() as u64, "probe")
            ))];
        }
        report.findings.extend(too_short(duration));
        report.search = Some(found);
        Ok(Run { report, interrupted, sent: Sent::Compiled(Vec::new()) })
    }

    fn mix(&self) -> Mix {
        let compiled = self.templates.as_deref().unwrap_or_default();
        let steps = self.options.stories.iter().enumerate().map(|(number, (story, weight))| {
            (compiled.get(number).map_or_else(|| story.sends(), StoryTemplate::steps), *weight)
        });
        Mix::new(&steps.collect::<Vec<_>>())
    }

    fn report(
        &self,
        rate: &RateProfile,
        job: &Job,
        stats: RunStats,
        (before, after): (Usage, Usage),
        interrupted: bool,
    ) -> Report {
        let options = &self.options;
        let planned = job.duration;
        let cut_short = interrupted || options.count.is_some();
        let elapsed = if cut_short { stats.last } else { stats.last.max(planned) };
        // Reaching the count is not an early end.
        let planned = if options.count.is_some() && !interrupted { planned.min(elapsed) } else { planned };
        let elapsed_s = elapsed.as_secs_f64();
        let (user, system) =
            (after.user.saturating_sub(before.user), after.system.saturating_sub(before.system));
        let cpu = (user + system).as_secs_f64();
        let share = |of: f64| if of > 0.0 { cpu / of } else { 0.0 };
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let arrivals = if *rate == RateProfile::Max { "closed" } else { options.arrivals.as_str() };
        let protocol = if self.is_simulated() { Protocol::Http1 } else { options.protocol };
        let mut report = Report {
            format: FORMAT.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            plan: Plan {
                stories: stats.stories,
                rate: rate.to_string(),
                unit: options.unit.as_str().to_owned(),
                arrivals: arrivals.to_owned(),
                duration_s: planned.as_secs_f64(),
                seed: options.seed.0,
                target: self.target.to_string(),
                protocol: protocol.as_str().to_owned(),
                in_flight: options.in_flight,
                workers: job.workers,
                timeout_ms: millis(options.timeout),
                late_ms: millis(options.late),
                drop_ms: millis(options.drop_after),
                interval_ms: millis(job.interval),
                shard: (options.shard.of > 1).then_some(options.shard),
                runs: 1,
                mode: if self.is_simulated() { "simulated" } else { "compiled" }.to_owned(),
                // A simulated story decides itself what it sends, and an interrupted run is incomplete.
                events: (!self.is_simulated() && !interrupted).then(|| job.planned_events()).flatten(),
                most_held_back: options.most_held_back,
            },
            started: job.started,
            elapsed_s,
            counts: stats.counts,
            statuses: stats.statuses,
            errors: stats.errors,
            faults: stats.faults,
            latency: stats.latency,
            series: stats.series,
            sender: Sender {
                user_s: user.as_secs_f64(),
                system_s: system.as_secs_f64(),
                cpu_per_event_us: share(stats.counts.sent as f64) * 1e6,
                busy: share(elapsed_s * f64::from(job.workers)),
                peak_bytes: after.peak,
                connections: stats.connections,
            },
            findings: Vec::new(),
            void: None,
            receipts: None,
            search: None,
            merged: None,
        };
        conclude(&mut report);
        report
    }
}

/// Runs the workers.
async fn compiled(
    job: &Arc<Job>,
    interrupt: impl Future<Output = ()>,
    mut watch: impl FnMut(),
) -> io::Result<(RunStats, bool)> {
    let mut workers = tokio::task::JoinSet::new();
    for number in 0..job.workers {
        let job = Arc::clone(job);
        workers.spawn_blocking(move || match job.options.protocol {
            Protocol::Http1 => worker::run(&job, number),
            Protocol::Http2 => worker_h2::run(&job, number),
        });
    }
    let mut interrupt = std::pin::pin!(interrupt);
    let mut interrupted = false;
    let mut stats = RunStats { stories: job.options.shares(), ..RunStats::default() };
    let mut ticks = tokio::time::interval(Duration::from_millis(250));
    loop {
        tokio::select! {
            joined = workers.join_next() => match joined {
                None => return Ok((stats, interrupted)),
                Some(joined) => match joined.map_err(io::Error::other).flatten() {
                    Ok(part) => stats.add(part),
                    Err(error) => {
                        // A run with a missing worker is invalid, so stop them all.
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

/// Returns the length of an interval of the series, such that there are about a hundred.
fn interval(duration: Duration) -> Duration {
    const STEPS: [u64; 9] = [100, 250, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000];
    let wanted = u64::try_from(duration.as_millis() / 120).unwrap_or(u64::MAX);
    Duration::from_millis(STEPS.into_iter().find(|step| *step >= wanted).unwrap_or(600_000))
}

/// The last measurement of CPU time.
struct Watched {
    at: Instant,
    cpu: Duration,
}

fn snapshot(job: &Job, watched: &mut Watched) -> Snapshot {
    let mut sum = Progress::default();
    for slot in &job.progress {
        let part = lock(slot);
        sum.counts.add(&part.counts);
        sum.in_flight += part.in_flight;
        sum.latest.add(&part.latest);
    }
    let (at, cpu) = (Instant::now(), Usage::now().cpu());
    let wall = (at - watched.at).as_secs_f64() * f64::from(job.workers);
    let busy = if wall > 0.0 { (cpu - watched.cpu).as_secs_f64() / wall } else { 0.0 };
    *watched = Watched { at, cpu };
    Snapshot {
        at: job.now(),
        counts: sum.counts,
        in_flight: sum.in_flight,
        rate: sum.latest.ok as f64 / job.interval.as_secs_f64(),
        p50: sum.latest.latency.percentile(50.0),
        p99: sum.latest.latency.percentile(99.0),
        cpu: busy,
    }
}
