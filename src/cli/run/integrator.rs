//! The integrator started by a run: `run FILE -- COMMAND...`.

use std::ffi::OsString;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::audit::Group;
use crate::cli::CommandError;

/// The interval at which it is checked.
const LOOK: Duration = Duration::from_millis(20);

/// How long it has to end in order.
const TO_END: Duration = Duration::from_secs(5);

/// A program started for a run, with all processes it has started. It ends with the run.
pub(super) struct Integrator {
    group: Group,
    /// The command as it was written.
    command: String,
    status: Option<ExitStatus>,
}

impl Integrator {
    /// Starts the program, with these variables in its environment. Its output goes to standard error.
    pub(super) fn start(words: &[OsString], variables: &[(&str, String)]) -> Result<Self, CommandError> {
        let command = words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        let [program, arguments @ ..] = words else {
            return Err(CommandError::usage("a command must follow `--`, for example `-- node server.js`"));
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

    /// Returns a function that kills it at once, and that can be called elsewhere.
    pub(super) fn killer(&self) -> impl FnOnce() + Send + use<> {
        self.group.killer()
    }

    /// Ready when the program has failed: it ended with an error, so that it will do nothing more. A program that ends
    /// successfully may have left processes running.
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
        // An error counts as an end, too.
        self.status = self.status.or_else(|| self.group.ended().ok().flatten());
        self.status
    }

    /// Ends the program: it is asked to end, and killed after a while.
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
