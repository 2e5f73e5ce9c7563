//! `run`: runs stories to their end.

mod addresses;
mod args;
mod embedded;
mod integrator;
mod junit;
mod phases;
mod report;
mod reports;
mod summary;
mod tally;

use std::path::Path;
use std::sync::Arc;

use super::{CommandError, Exit, stories};
use crate::mock::Prepared;
use crate::scenario::Story;
pub(super) use addresses::variables;
use addresses::{names_receiver, with_free_port};
pub(super) use args::Args;
use integrator::Integrator;
use phases::{Plan, Run, end_all, failed};
use reports::Reports;

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
    args.check_files()?;
    let mut prepared = super::prepare(config, &args.target, args.listen.as_deref())?;
    let stories = stories::read(&args.files, &args.set, &prepared)?;
    if !args.command.is_empty() && !names_receiver(&prepared, &stories) {
        prepared.settings.callback_url = Some(with_free_port("http://127.0.0.1:0/callbacks")?);
    }
    super::runtime()?.block_on(run_all(args, prepared, stories, reports))
}

async fn run_all(
    args: Args,
    prepared: Prepared,
    stories: Vec<Arc<Story>>,
    reports: &Reports,
) -> Result<Exit, CommandError> {
    let run = Run::start(Plan::of(&args, prepared, &stories), &stories).await?;
    let mut integrator = run.start_integrator()?;
    let (remove, kill) = (run.files.remover(), integrator.as_ref().map(Integrator::killer));
    let mut interrupted = Box::pin(super::interrupted_with(move || {
        remove();
        kill.into_iter().for_each(|kill| kill());
    }));
    if !args.quiet {
        run.announce();
    }
    tokio::select! {
        reached = run.wait_for_receivers() => reached?,
        why = failed(&mut integrator) => {
            return Err(CommandError::start(format!("{why} before it accepted a connection")));
        }
        () = &mut interrupted => {
            end_all(integrator).await;
            reports.write_error("the run was interrupted before it began")?;
            return Ok(Exit::Interrupted);
        }
    }
    let ended = run.drive(interrupted, &mut integrator).await;
    end_all(integrator).await;
    run.conclude(ended, reports)
}
