//! The integrator that a run starts: `run FILE -- COMMAND...`.

use std::ffi::OsString;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::audit::Group;
use crate::cli::CommandError;

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// How long it has to end in order.
const TO_END: Duration = Duration::from_secs(5);

/// A program that was started for a run, with everything it has started itself. It ends with the run.
pub(super) struct Integrator {
    group: Group,
    /// As it was written.
    command: String,
    status: Option<ExitStatus>,
}

impl Integrator {
    /// Starts it, with these variables in its environment. What it prints goes to standard error.
    pub(super) fn start(words: &[OsString], variables: &[(&str, String)]) -> Result<Self, CommandError> {
        let command = words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        let [program, arguments @ ..] = words else {
            return Err(CommandError::usage("after `--` goes a command, for example `-- node server.js`"));
        };
        let mut start = std::process::Command::new(program);
        start
            .args(arguments)
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::from(std::io::stderr()))
            .stderr(Stdio::inherit());
        let group = Group::start(&mut start)
            .map_err(|error| CommandError::start(format!("`{command}` can't be started: {error}")))?;
        Ok(Self { group, command, status: None })
    }

    /// What ends it at once, wherever this program is.
    pub(super) fn killer(&self) -> impl FnOnce() + Send + use<> {
        self.group.killer()
    }

    /// Ready when it has failed: it ended with an error, and nothing can be expected of it. A program that ends well may have
    /// left others at work.
    pub(super) async fn failed(&mut self) -> String {
        loop {
            match self.look() {
                Some(status) if !status.success() => {
                    return format!("`{}` ended with {status}", self.command);
                }
                _ => sleep(LOOK).await,
            }
        }
    }

    fn look(&mut self) -> Option<ExitStatus> {
        // What can't be asked any more is over, too.
        self.status = self.status.or_else(|| self.group.ended().ok().flatten());
        self.status
    }

    /// Ends it: it is asked to, and after a while it is made to.
    pub(super) async fn end(mut self) {
        if !self.group.ask_to_end() {
            return;
        }
        let asked = Instant::now();
        while self.look().is_none() && asked.elapsed() < TO_END {
            sleep(LOOK).await;
        }
    }
}
