//! `ready`: checks whether a mock responds, for containers and scripts that wait for one.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use super::remote::{Remote, RemoteError, Where};
use super::{CommandError, Exit};
use crate::files::visible;
use crate::time::HumanDuration;

const EXAMPLES: &str = "\
Examples:
  airudder-mock ready
  airudder-mock ready --wait 5s --url http://127.0.0.1:2478
      Exit code 1 if no mock is ready within 5 seconds.

In a Dockerfile:
  HEALTHCHECK CMD [\"/airudder-mock\", \"ready\"]";

/// The interval between requests.
const ASK: Duration = Duration::from_millis(50);

/// Time limit of a response if the command does not wait.
const ANSWER: Duration = Duration::from_secs(2);

/// The arguments of `ready`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    mock: Where,
    /// Maximum time to wait for the mock. Default: do not wait.
    #[arg(long, value_name = "TIME")]
    wait: Option<HumanDuration>,
    /// Print nothing.
    #[arg(long, short)]
    quiet: bool,
}

pub(super) fn run(args: &Args) -> Result<Exit, CommandError> {
    let remote = args.mock.remote()?;
    super::runtime()?.block_on(async {
        let wait = args.wait.map_or(Duration::ZERO, |wait| wait.0);
        let until = Instant::now() + wait;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let patience = if wait.is_zero() { ANSWER } else { left.max(ASK) };
            let why = match timeout(patience, remote.ask("ready", Value::Null)).await {
                Ok(Ok(health)) if health["name"] == env!("CARGO_PKG_NAME") => {
                    return said(args, &remote, &health);
                }
                Ok(Ok(_)) => RemoteError::Other { url: remote.url().to_owned() }.to_string(),
                Ok(Err(RemoteError::Refused { status: 503, message })) => {
                    format!("the mock at {} accepts no requests: {message}", remote.url())
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("the server at {} does not answer", remote.url()),
            };
            if Instant::now() + ASK > until {
                return match args.quiet {
                    true => Ok(Exit::Failed),
                    false => Err(CommandError::failed(visible(&why))),
                };
            }
            sleep(ASK).await;
        }
    })
}

fn said(args: &Args, remote: &Remote, health: &Value) -> Result<Exit, CommandError> {
    if args.quiet {
        return Ok(Exit::Ok);
    }
    let text = |key: &str| visible(health[key].as_str().unwrap_or_default()).into_owned();
    super::print(&format!("{} {} is ready at {}\n", text("name"), text("version"), remote.url()))
}
