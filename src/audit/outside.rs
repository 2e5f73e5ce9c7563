//! What the user gives beside the callback URL: how many events were worked off, and how the receiver is restarted.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::craft::Crafted;
use super::expect::came;
use super::wire::Connection;
use crate::http::Connector;
use crate::net::Target;
use crate::time::HumanDuration;

/// How long the probe and the command of a restart may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often a receiver that restarts is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Says how many distinct events the receiver has worked off: a URL, or a command of the shell.
#[derive(Clone, Debug)]
pub enum Probe {
    /// Asked with GET.
    Url(Target),
    /// Its standard output counts.
    Command(String),
}

/// The command of the shell that restarts the receiver.
#[derive(Clone, Debug)]
pub struct Restart(pub String);

/// What the user gave does not work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutsideError {
    /// The probe can't be asked.
    #[error("the probe {0}: {1}")]
    Probe(String, String),
    /// Its answer has no number.
    #[error(
        "the probe {0} says `{1}`: it has to answer with the number of distinct events that were worked off, alone or as the \
         only number of a JSON object"
    )]
    NoNumber(String, String),
    /// The command of the restart.
    #[error("the restart `{0}` {1}")]
    Restart(String, String),
}

impl Probe {
    /// A URL if it reads as one, else a command.
    ///
    /// # Errors
    ///
    /// It begins like a URL and is none.
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

    /// How many events were worked off.
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
            Self::Command(command) => shell(command.clone(), true).await.map_err(failed)?,
        };
        let number = number(&text);
        let shown = || text.trim().chars().take(200).collect();
        number.ok_or_else(|| OutsideError::NoNumber(self.shown(), shown()))
    }
}

/// The number in the answer of a probe.
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
    /// Runs the command, and waits until the receiver takes connections again.
    pub(super) async fn run(&self, connector: &Connector, target: &Target) -> Result<(), OutsideError> {
        let failed = |why: String| OutsideError::Restart(self.0.clone(), why);
        shell(self.0.clone(), false).await.map_err(failed)?;
        let begun = Instant::now();
        while connector.connect(target).await.is_err() {
            if begun.elapsed() > PATIENCE {
                let within = HumanDuration(PATIENCE);
                return Err(failed(format!(
                    "has ended, and the receiver took no connection within {within}"
                )));
            }
            sleep(LOOK).await;
        }
        Ok(())
    }
}

/// Runs a command of the shell to its end. What it prints, if it is wanted.
async fn shell(command: String, wants_output: bool) -> Result<String, String> {
    let (program, flag) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let mut child = Command::new(program);
    child.args([flag, &command]).stdin(Stdio::null()).stderr(Stdio::inherit());
    // What the command leaves running must not keep the output open.
    child.stdout(if wants_output { Stdio::piped() } else { Stdio::null() });
    let running = tokio::task::spawn_blocking(move || child.output());
    let output = match tokio::time::timeout(PATIENCE, running).await {
        Ok(Ok(output)) => output.map_err(|error| format!("can't be run: {error}"))?,
        Ok(Err(_)) => return Err("was lost sight of".to_owned()),
        Err(_) => {
            let within = HumanDuration(PATIENCE);
            return Err(format!("did not end within {within}: end it with `&` if it starts a server"));
        }
    };
    if !output.status.success() {
        return Err(format!("ended with {}", output.status));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
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
        assert_eq!(shell("echo $((6 * 7))".to_owned(), true).await, Ok("42\n".to_owned()));
        assert!(shell("exit 3".to_owned(), false).await.unwrap_err().contains("exit status: 3"));
    }
}
