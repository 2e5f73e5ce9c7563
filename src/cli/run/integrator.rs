//! The integrator that a run starts: `run FILE -- COMMAND...`.

use std::ffi::OsString;
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::cli::CommandError;

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// How long it has to end in order.
const TO_END: Duration = Duration::from_secs(5);

/// A program that was started for a run, with everything it has started itself. It ends with the run.
pub(super) struct Integrator {
    child: Child,
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
        // A group of its own, so that what it starts ends with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut start, 0);
        let child = start
            .spawn()
            .map_err(|error| CommandError::start(format!("`{command}` can't be started: {error}")))?;
        Ok(Self { child, command, status: None })
    }

    /// What ends it at once, wherever this program is.
    pub(super) fn killer(&self) -> impl FnOnce() + Send + 'static {
        let id = self.child.id();
        move || send_to_group(id, Signal::Kill)
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
        self.status = self.status.or_else(|| self.child.try_wait().ok().flatten());
        self.status
    }

    /// Ends it: it is asked to, and after a while it is made to.
    pub(super) async fn end(mut self) {
        // Elsewhere than on Unix nothing can be asked of it.
        if cfg!(unix) {
            send_to_group(self.child.id(), Signal::End);
        } else {
            return;
        }
        let asked = Instant::now();
        while self.look().is_none() && asked.elapsed() < TO_END {
            sleep(LOOK).await;
        }
    }
}

impl Drop for Integrator {
    fn drop(&mut self) {
        send_to_group(self.child.id(), Signal::Kill);
        // On other systems than Unix there is no group to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a group of programs is ended.
#[derive(Clone, Copy)]
enum Signal {
    End,
    Kill,
}

#[cfg(unix)]
fn send_to_group(id: u32, signal: Signal) {
    let signal = match signal {
        Signal::End => nix::sys::signal::SIGTERM,
        Signal::Kill => nix::sys::signal::SIGKILL,
    };
    if let Ok(id) = i32::try_from(id) {
        // Nobody of it may be there any more.
        let _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(id), signal);
    }
}

#[cfg(not(unix))]
fn send_to_group(_: u32, _: Signal) {}
