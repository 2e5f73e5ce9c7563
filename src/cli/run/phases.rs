//! A run, from its plan to its end.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::addresses::{listen, names_receiver, receivers, variables};
use super::args::Args;
use super::embedded::Embedded;
use super::integrator::Integrator;
use super::report::Facts;
use super::reports::Reports;
use super::summary::{list_unsent, summary};
use super::tally::SharedTally;
use crate::cli::announce::WrittenFiles;
use crate::cli::assumed::Assumed;
use crate::cli::output::Output;
use crate::cli::recording::Recording;
use crate::cli::timeline::{Look, Timeline};
use crate::cli::trace::{Outcome, Tracing};
use crate::cli::{self, CommandError, Exit, stories, taken};
use crate::engine::{Clients, End, Pace, Speed};
use crate::http::{Limits, Server};
use crate::mock::{Assembly, Builder, CallbackUrl, Options, Prepared, StartError};
use crate::net::{Guard, Target};
use crate::scenario::{Story, StoryRun, begin};
use crate::seed::Seed;
use crate::time::HumanDuration;

/// How long, after its `--timeout`, a run waits for responses to attempts under way.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// What a run is to do.
pub(super) struct Plan<'a> {
    args: &'a Args,
    prepared: Prepared,
    seed: Seed,
    epoch: Timestamp,
    /// The flags that make it happen again.
    again: String,
    begun: Instant,
    began: Timestamp,
}

impl<'a> Plan<'a> {
    pub(super) fn of(args: &'a Args, prepared: Prepared, stories: &[Arc<Story>]) -> Self {
        let (begun, began) = (Instant::now(), Timestamp::now());
        let epoch = args.epoch.unwrap_or_else(whole_second);
        let seed = args.seed.map(Seed).or_else(|| stories.first()?.seed);
        let seed = seed.unwrap_or_else(|| Seed(cli::fresh_seed()));
        // A seed on the command line would win over those in the files, so it is left out if they have their own.
        let has_own_seeds = args.seed.is_none() && stories.iter().any(|story| story.seed.is_some());
        let again = match has_own_seeds {
            true => format!("--epoch {epoch}"),
            false => format!("--seed {} --epoch {epoch}", seed.0),
        };
        Self { args, prepared, seed, epoch, again, begun, began }
    }

    fn jumps(&self) -> bool {
        self.args.speed == Speed::Max
    }

    /// Returns how long a jumping clock waits for the outside.
    fn pace(&self) -> Pace {
        let (usual, patience) = (Pace::default(), self.args.patience.map(|patience| patience.0));
        Pace { settle: self.args.settle.0, patience, refused: patience.unwrap_or(usual.refused) }
    }
}

/// A run that was started.
pub(super) struct Run<'a> {
    plan: Plan<'a>,
    mock: Assembly,
    pub(super) files: WrittenFiles,
    /// The sample receiver, if no other was named.
    embedded: Option<Arc<Embedded>>,
    /// The receivers that were named.
    receivers: Vec<Target>,
    /// Whether a story expects failures: it may need a receiver that is not reachable.
    expects_failures: bool,
    tally: SharedTally,
    assumed: Assumed,
    output: Output,
    recording: Recording<'a>,
    tracing: Tracing<'a>,
}

impl<'a> Run<'a> {
    /// Starts the mock, with its clock held, and the embedded receiver if no other was named.
    pub(super) async fn start(plan: Plan<'a>, stories: &[Arc<Story>]) -> Result<Self, CommandError> {
        let (args, prepared, epoch) = (plan.args, &plan.prepared, plan.epoch);
        let embedded_wanted = !names_receiver(prepared, stories);
        let is_announced = embedded_wanted || !args.command.is_empty();
        let server = match listen(prepared.settings.listen.as_deref(), is_announced) {
            Ok(server) => server,
            Err(error) => return Err(taken::by_whom(error).await),
        };
        let receiver =
            if embedded_wanted { Some(Server::bind("127.0.0.1:0").map_err(StartError::from)?) } else { None };
        let mut stories = begin::runs((0, 1), stories, args.seed.map(Seed), plan.seed, epoch, &args.set);
        if !args.keep_going {
            stories.iter_mut().for_each(StoryRun::fail_fast);
        }
        let begin: Vec<_> = stories.iter().map(stories::begin).collect();
        let rows = stories.iter().map(|story| (story.name().to_string(), story.story().file.to_string()));
        let tally = SharedTally::new(rows);
        let receiver_address = receiver.as_ref().map(|receiver| receiver.local_addr().to_string());
        // A callback sent to another receiver may cause requests from outside, which arrive in real time.
        let usual = Options::default();
        let closed = embedded_wanted && stories.iter().all(|story| !story.story().has_own_targets());
        let options = Options {
            callback_url: match (&args.target.callback_url, &receiver_address) {
                (Some(url), _) => CallbackUrl::Only(url.clone()),
                (None, Some(address)) => CallbackUrl::Default(format!("http://{address}/callbacks")),
                (None, None) => CallbackUrl::OfSettings,
            },
            seed: plan.seed,
            speed: args.speed,
            epoch: Some(epoch),
            pace: plan.pace(),
            clients: if closed { Clients::Closed } else { Clients::Open },
            max_in_flight: if plan.jumps() { 1 } else { usual.max_in_flight },
            ..usual
        };
        let mut builder = Builder::with(Ok(prepared.clone()), options).server(server).sink(tally.clone());
        let assumed = Assumed::default();
        let look = Look::of_run(epoch, stories.iter().map(|story| story.story().name.as_str()), plan.jumps());
        let output = cli::standard_output()?;
        if !args.quiet {
            let mask = builder.mask();
            builder = builder.sink(Timeline::new(output.clone(), look, mask)).sink(assumed.clone());
        }
        let record = args.record.as_deref();
        let (recording, builder) =
            Recording::open(record, !plan.jumps(), receiver_address, args.show_secrets, builder)?;
        let (tracing, builder) = Tracing::begin(&args.trace, builder)?;
        let receivers = receivers(prepared, args.target.callback_url.is_some(), &stories);
        let expects_failures = stories.iter().any(|story| story.story().expects_failures());
        let mock = builder.stories(stories).assemble().await?;
        mock.driver().hold();
        let files = args.address_files.write(mock.address(), &mock.url()).map_err(CommandError::start)?;
        let embedded = receiver.map(|receiver| {
            let embedded = Embedded::new(prepared, mock.address(), mock.driver().clone());
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
                let wait = Duration::try_from(at.duration_since(epoch)).unwrap_or_default();
                embedded.begin(endpoint, number, wait);
            }
            embedded
        });
        Ok(Self {
            plan,
            mock,
            files,
            embedded,
            receivers,
            expects_failures,
            tally,
            assumed,
            output,
            recording,
            tracing,
        })
    }

    /// Starts the user's own server, if a command was given.
    pub(super) fn start_integrator(&self) -> Result<Option<Integrator>, CommandError> {
        match self.plan.args.command.as_slice() {
            [] => Ok(None),
            command => {
                let variables = variables(&self.plan.prepared, &self.mock.url(), &self.receivers);
                Integrator::start(command, &variables).map(Some)
            }
        }
    }

    /// Prints what the run uses.
    pub(super) fn announce(&self) {
        let Prepared { settings, signer, .. } = &self.plan.prepared;
        let target = match (&self.embedded, &settings.callback_url) {
            (Some(_), _) => "the embedded sample receiver".to_owned(),
            (None, Some(url)) => url.clone(),
            (None, None) if settings.routes.has_url() => "the URLs of [[routes]] and stories".to_owned(),
            (None, None) => "the URLs in the stories".to_owned(),
        };
        cli::say(&format!("mock        {}  (your requests go here)", self.mock.url()));
        cli::say(&format!("callbacks   to {target}, signed: {}", signer.scheme().describe()));
        for account in &settings.accounts {
            cli::say(&format!(
                "chatbot     X-AIRudder-Sign-Key {}  (beside the signature of your requests)",
                account.sign_key
            ));
        }
        cli::say(&format!("strict      {}", settings.strict.as_str()));
        cli::say(&format!("seed        {}\n", self.plan.seed.0));
    }

    /// Waits until the receivers accept connections.
    pub(super) async fn wait_for_receivers(&self) -> Result<(), CommandError> {
        let Plan { args, prepared, .. } = &self.plan;
        let guard = Guard::allowing(&prepared.settings.allow).map_err(CommandError::usage)?;
        let awaited = if self.expects_failures { &[][..] } else { &self.receivers };
        args.receiver_wait.wait_for(awaited, &guard).await
    }

    /// Drives the mock until the stories end, or something ends the run before.
    pub(super) async fn drive(
        &self,
        interrupted: impl Future<Output = ()>,
        integrator: &mut Option<Integrator>,
    ) -> Ended {
        let timeout = self.plan.args.timeout;
        let cut = RefCell::new(None);
        let driving = self.mock.drive(async {
            tokio::select! {
                () = interrupted => {}
                why = ran_out(timeout) => drop(cut.replace(Some(why))),
                why = failed(integrator) => {
                    drop(cut.replace(Some(format!("the story had not ended when {why}"))));
                }
            }
        });
        let end = tokio::select! {
            end = driving => end,
            // The run waits for attempts under way, but not as long as a receiver may take.
            why = overrun(timeout) => {
                cut.borrow_mut().get_or_insert(why);
                End::Interrupted
            }
        };
        cut.into_inner().map_or(Ended::By(end), Ended::CutShort)
    }

    /// Writes the reports and prints the summary.
    pub(super) fn conclude(self, ended: Ended, reports: &Reports) -> Result<Exit, CommandError> {
        let Self { plan, mock, embedded, tally, assumed, output, recording, tracing, files, .. } = self;
        drop(files);
        // Later output waits for the timeline, so that the order is kept.
        output.finish(None).map_err(cli::cannot_print)?;
        let mut tally = tally.get().clone();
        if let Ended::CutShort(why) = &ended {
            mock.driver().look(|engine, _| {
                let of = |name: &str| engine.stories().iter().find(|(_, story)| &**story.name() == name);
                tally.fail_unfinished(why, |name| {
                    of(name).map(|(_, story)| story.was_at()).unwrap_or_default()
                });
            });
        }
        let is_over = matches!(ended, Ended::By(End::Over));
        let facts = mock.driver().with(|engine, _| Facts {
            passed: is_over
                && tally.passed() == tally.stories.len()
                && tally.failed_alone == 0
                && !engine.has_errors_alone(),
            seed: plan.seed.0,
            epoch: plan.epoch,
            totals: engine.totals(),
            hits: engine.hits().clone(),
            unused_faults: engine.unused_faults(),
            verified: embedded.as_ref().map(|embedded| embedded.verified()),
            awaited_at: embedded.is_none().then(|| mock.url()),
            interrupted: matches!(ended, Ended::By(End::Interrupted)),
            found: engine.findings().all().cloned().collect(),
            counts: engine.findings().counts().clone(),
            errors_alone: engine.errors_alone().cloned().collect(),
            took: plan.begun.elapsed(),
            began: plan.began,
            seconds: (!plan.jumps()).then(|| plan.begun.elapsed().as_secs_f64()),
        });
        let written = reports.write(&tally, &facts);
        let traced = tracing.write(mock.driver(), outcome(plan.args, &facts, &mock.url(), &plan.again));
        summary(plan.args.quiet, &tally, &facts, &assumed, &plan.again);
        if !is_over {
            list_unsent(mock.driver());
        }
        // Whether the stories passed is more than whether a file of it could be written.
        let unwritten: Vec<CommandError> =
            [written, traced, recording.finish()].into_iter().filter_map(Result::err).collect();
        unwritten.iter().for_each(|error| cli::remark(error.text()));
        Ok(match ended {
            Ended::By(End::Interrupted) => Exit::Interrupted,
            Ended::By(End::Over) if facts.passed && unwritten.is_empty() => Exit::Ok,
            Ended::By(End::Over) if facts.passed => Exit::Start,
            Ended::By(End::Over) | Ended::CutShort(_) => Exit::Failed,
        })
    }
}

/// How a run ended.
pub(super) enum Ended {
    By(End),
    /// The run exceeded its time limit, or its integrator has failed. Holds the reason for stories that are not over.
    CutShort(String),
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
pub(super) async fn failed(integrator: &mut Option<Integrator>) -> String {
    match integrator {
        Some(integrator) => integrator.failed().await,
        None => std::future::pending().await,
    }
}

pub(super) async fn end_all(integrator: Option<Integrator>) {
    if let Some(integrator) = integrator {
        integrator.end().await;
    }
}

/// Returns the outcome of a run for the trace.
fn outcome(args: &Args, facts: &Facts, url: &str, again: &str) -> Outcome {
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

/// Returns the present moment without a fraction, so that timestamps in whole seconds and in milliseconds agree.
fn whole_second() -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH)
}
