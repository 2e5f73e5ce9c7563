//! `tail`: the timeline of a running mock, as it grows.

use std::io::{IsTerminal, Write};

use serde_json::{Map, Value, json};

use super::output::{Output, WhenFull};
use super::remote::{Remote, RemoteError, Where};
use super::timeline::Look;
use super::{CommandError, Exit, argument, lines};
use crate::console::described;
use crate::files::visible;

const EXAMPLES: &str = "\
Examples:
  airudder-mock tail
  airudder-mock tail event='task.*'
  airudder-mock tail direction=in status=400 since=0
      All requests that were refused with 400, those from before included.
  airudder-mock tail --json kind=tried | jq .status

On a terminal: `r` and Enter sends the last callback again, `r 7` that of number 7, `q` ends it.";

/// So many of the latest lines are shown at the start where nothing else is said.
const LATEST: u64 = 10;

/// The arguments of `tail`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// What is shown, as in `ctl journal`: `event=task.finished`, `endpoint=task.*`, `direction=in`, `kind=called`,
    /// `status=500`, `conversation=CALL_ID`, `task=ID`, `text=...`. `since=0` shows all that is kept, `latest=50` the last 50.
    #[arg(value_name = "FIELD=VALUE", value_parser = argument::field)]
    fields: Vec<(String, Value)>,
    #[command(flatten)]
    mock: Where,
    /// Print each entry as a line of JSON, as --record writes it.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<Exit, CommandError> {
    let remote = args.mock.remote()?;
    let mut fields = argument::table(&args.fields);
    if !["since", "latest"].iter().any(|name| fields.contains_key(*name)) {
        fields.insert("latest".to_owned(), LATEST.into());
    }
    if !args.json {
        fields.insert("whole".to_owned(), true.into());
    }
    super::runtime()?.block_on(tail(&remote, fields, args.json))
}

async fn tail(remote: &Remote, fields: Map<String, Value>, json: bool) -> Result<Exit, CommandError> {
    // A reader who is slow gets all the same; the mock drops for him what it has no room for.
    let output = Output::new(anstream::stdout(), WhenFull::Wait, |_| {});
    let output = output.map_err(|error| CommandError::start(format!("cannot start a thread: {error}")))?;
    let look = Look { since: None, named: true, jumps: false, numbers: true };
    // Whoever reads a pipe or a file has no keys, and a program in the background must not read from its terminal.
    let has_keys = !json && std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let mut keys = if has_keys { lines::standard_input()? } else { lines::none() };
    let is_limited = fields.contains_key("limit");
    let call = described().find(|call| call.name == "stream");
    let call = call.ok_or_else(|| RemoteError::NoCall("stream".to_owned()))?;
    let last = std::cell::Cell::new(None);
    let (mut refused, mut piece) = (Vec::new(), Vec::new());
    let answering = remote.parts(call, fields, |status, part| {
        if status != 200 {
            refused.extend_from_slice(part);
            return;
        }
        piece.extend_from_slice(part);
        while let Some(end) = memchr::memchr(b'\n', &piece) {
            let line: Vec<u8> = piece.drain(..=end).collect();
            show(&output, &look, &line, json, &last);
        }
    });
    let mut answering = Box::pin(answering);
    let mut interrupted = Box::pin(super::interrupted());
    let status = loop {
        tokio::select! {
            status = &mut answering => break Some(status?),
            () = &mut interrupted => return Ok(Exit::Interrupted),
            Some(key) = keys.recv() => {
                if matches!(key.trim(), "q" | "quit") {
                    break None;
                }
                output.line(&pressed(remote, key.trim(), last.get()).await);
            }
        }
    };
    drop(answering);
    if let Some(status) = status.filter(|status| *status != 200) {
        let value: Value = serde_json::from_slice(&refused).unwrap_or_default();
        let message = value["message"].as_str().map(str::to_owned);
        let error = match message {
            Some(message) => RemoteError::Refused { status, message },
            None => RemoteError::Other { url: remote.url().to_owned() },
        };
        return Err(error.into());
    }
    if status.is_some() && !json && !is_limited {
        output.line("the mock has ended");
    }
    output.finish(None).map_err(super::cannot_print)?;
    Ok(Exit::Ok)
}

/// Shows an entry, and keeps the number of the callback it is about.
fn show(output: &Output, look: &Look, line: &[u8], json: bool, last: &std::cell::Cell<Option<u64>>) {
    if json {
        // Nobody may be reading any more: the next interruption ends it.
        let _ = output.clone().write_all(line);
        return;
    }
    let Ok(line) = serde_json::from_slice::<Value>(line) else { return };
    last.set(line["callback"].as_u64().or(last.get()));
    if let Some(line) = look.line(&line) {
        output.line(&line);
    }
}

/// Does what somebody typed; what came of it.
async fn pressed(remote: &Remote, key: &str, last: Option<u64>) -> String {
    let number = match key.strip_prefix('r').map(str::trim) {
        Some("") => last,
        Some(number) => number.parse().ok(),
        None if key.is_empty() => return String::new(),
        None => None,
    };
    let Some(number) = number else {
        let key = visible(key);
        return format!(
            "! `{key}` is nothing here: `r` sends the last callback again, `r 7` number 7, `q` ends this"
        );
    };
    match remote.ask("resend", json!({ "callback": number })).await {
        Ok(sent) => format!("  #{number} is sent again as #{}", sent["callback"]),
        Err(error) => format!("! {}", visible(&error.to_string())),
    }
}
