//! What the user provides besides the callback URL: how many events were processed, and how to restart the receiver.

use std::io::Read;
use std::process::{ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use super::craft::Crafted;
use super::expect::came;
use super::group::Group;
use super::wire::Connection;
use crate::http::Connector;
use crate::net::Target;
use crate::time::HumanDuration;

/// Time limit of the probe and of the restart command.
const PATIENCE: Duration = Duration::from_secs(15);

/// The interval at which a restarting receiver is checked.
const LOOK: Duration = Duration::from_millis(20);

/// Says how many distinct events the receiver has processed: a URL, or a shell command.
#[derive(Clone, Debug)]
pub enum Probe {
    /// A URL, requested with GET.
    Url(Target),
    /// A command, whose standard output is read.
    Command(String),
}

/// The shell command that restarts the receiver.
#[derive(Clone, Debug)]
pub struct Restart(pub String);

/// A command or URL of the user does not work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutsideError {
    /// The probe can't be run.
    #[error("the probe {0}: {1}")]
    Probe(String, String),
    /// The probe's response contains no number.
    #[error(
        "the probe {0} answered `{1}`: it must answer with the number of distinct events that were processed, alone or as the \
         only number of a JSON object"
    )]
    NoNumber(String, String),
    /// The restart command failed.
    #[error("the restart `{0}` {1}")]
    Restart(String, String),
}

impl Probe {
    /// Reads a URL if the text looks like one, otherwise a command.
    ///
    /// # Errors
    ///
    /// If the text begins like a URL but is not one.
    pub fn read(text: &str) -> Result<Self, crate::net::TargetError> {
        let is_url = text.starts_with("http://") || text.starts_with("https://");
        if is_url { text.parse().map(Self::Url) } else { Ok(Self::Command(text.to_owned())) }
    }

    fn shown(&self) -> String {
        match self {
            Self::Url(url) => url.to_string(),
            Self::Command(command) => format!("`{command}`"),
        }
    }

    /// Returns the number of processed events.
    pub(super) async fn ask(&self, connector: &Connector) -> Result<u64, OutsideError> {
        let failed = |why: String| OutsideError::Probe(self.shown(), why);
        let text = match self {
            Self::Url(url) => {
                let exchange = async {
                    let mut connection = Connection::open(connector, url, PATIENCE).await?;
                    connection.exchange(&Crafted::get(url.clone()), PATIENCE).await
                };
                let result = exchange.await;
                match result {
                    Ok(answer) if answer.status == 200 => String::from_utf8_lossy(&answer.body).into_owned(),
                    other => return Err(failed(came(&other))),
                }
            }
            Self::Command(command) => shell(command, true, PATIENCE).await.map_err(failed)?,
        };
        let number = number(&text);
        let shown = || text.trim().chars().take(200).collect();
        number.ok_or_else(|| OutsideError::NoNumber(self.shown(), shown()))
    }
}

/// Returns the number in the response of a probe.
fn number(text: &str) -> Option<u64> {
    match serde_json::from_str(text.trim()).ok()? {
        Value::Object(fields) => {
            let mut numbers = fields.values().filter_map(Value::as_u64);
            numbers.next().filter(|_| numbers.next().is_none())
        }
        value => value.as_u64(),
    }
}

impl Restart {
    /// Runs the command, and waits until the receiver accepts connections again.
    pub(super) async fn run(&self, connector: &Connector, target: &Target) -> Result<(), OutsideError> {
        let failed = |why: String| OutsideError::Restart(self.0.clone(), why);
        shell(&self.0, false, PATIENCE).await.map_err(failed)?;
        let begun = Instant::now();
        while connector.connect(target).await.is_err() {
            if begun.elapsed() > PATIENCE {
                let within = HumanDuration(PATIENCE);
                return Err(failed(format!(
                    "has ended, but the receiver accepted no connection within {within}"
                )));
            }
            sleep(LOOK).await;
        }
        Ok(())
    }
}

/// Runs a shell command to its end. After the time limit the command is killed, with all processes it has started. Returns its
/// output, if wanted.
async fn shell(command: &str, wants_output: bool, within: Duration) -> Result<String, String> {
    let (program, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut start = Command::new(program);
    start.args([flag, command]).stdin(Stdio::null()).stderr(Stdio::inherit());
    // Processes that the command leaves running must not keep the output open.
    start.stdout(if wants_output { Stdio::piped() } else { Stdio::null() });
    let mut group = Group::start(&mut start).map_err(|error| format!("can't be run: {error}"))?;
    let running = async {
        let output = group.output().map(read);
        let status = loop {
            match group.ended().map_err(|error| format!("can't be watched: {error}"))? {
                Some(status) => break status,
                None => sleep(LOOK).await,
            }
        };
        let text = match output {
            Some(output) => output.await.unwrap_or_default(),
            None => String::new(),
        };
        if status.success() { Ok(text) } else { Err(format!("ended with {status}")) }
    };
    let Ok(ended) = timeout(within, running).await else {
        let within = HumanDuration(within);
        return Err(format!("did not end within {within}: end it with `&` if it starts a server"));
    };
    group.let_go();
    ended
}

/// Reads an output to its end, which comes when no process has it open any more. It is read on a separate thread, which does
/// not delay the end of the runtime.
fn read(mut output: ChildStdout) -> oneshot::Receiver<String> {
    let (read, all) = oneshot::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // An error ends the output.
        let _ = output.read_to_end(&mut bytes);
        let _ = read.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_probes() {
        assert_eq!(number("17\n"), Some(17));
        assert_eq!(number(r#"{"worked": 3, "since": "2030"}"#), Some(3));
        assert_eq!(number(r#"{"worked": 3, "failed": 0}"#), None);
        assert_eq!(number("none"), None);
        assert_eq!(number("-1"), None);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn commands_of_the_shell() {
        assert_eq!(shell("echo $((6 * 7))", true, PATIENCE).await, Ok("42\n".to_owned()));
        assert!(shell("exit 3", false, PATIENCE).await.unwrap_err().contains("exit status: 3"));
    }

    #[cfg(unix)]
    #[test]
    fn what_does_not_end_is_ended() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pids");
        // The shell waits for its child.
        let command = format!("sleep 600 & echo $$ $! > {}; wait", file.display());
        // A process that has ended may remain as a zombie, because no parent collects it.
        let is_gone = |pid: &str| {
            let state = std::fs::read_to_string(format!("/proc/{pid}/stat"));
            state.map_or(true, |state| state.contains(") Z"))
        };
        for wants_output in [true, false] {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let error = runtime.block_on(shell(&command, wants_output, Duration::from_secs(1))).unwrap_err();
            assert!(error.contains("did not end within 1s"), "{error}");
            // The end of the runtime does not wait for the command.
            let begun = std::time::Instant::now();
            drop(runtime);
            assert!(begun.elapsed() < Duration::from_secs(60));
            let pids = std::fs::read_to_string(&file).unwrap();
            assert_eq!(pids.split_whitespace().count(), 2, "{pids}");
            while !pids.split_whitespace().all(is_gone) {
                assert!(begun.elapsed() < Duration::from_secs(60), "one of {pids} is still there");
                thread::yield_now();
            }
        }
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn what_a_command_leaves_running_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("server");
        let command = format!("sleep 600 > /dev/null & echo $! > {}", file.display());
        shell(&command, false, PATIENCE).await.unwrap();
        let server = std::fs::read_to_string(&file).unwrap().trim().parse().unwrap();
        let server = nix::unistd::Pid::from_raw(server);
        assert_eq!(nix::sys::signal::kill(server, nix::sys::signal::SIGKILL), Ok(()));
    }
}
