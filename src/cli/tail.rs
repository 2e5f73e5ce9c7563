//! `tail`: follows the timeline of a running mock.

mod opened;

use std::cell::Cell;
use std::io::{IsTerminal, Write};

use serde_json::{Map, Value, json};
use tokio::sync::Notify;

use super::output::{Output, WhenFull, unread};
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
      All requests that were refused with 400, including earlier ones.
  airudder-mock tail --json kind=tried | jq .status

On a terminal: `r` and Enter sends the last callback again, `r 7` callback number 7; `o` shows the last line in full, \
`o 7` callback number 7; `q` quits.";

/// Default for the number of latest lines shown at the start.
const LATEST: u64 = 10;

/// The arguments of `tail`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Filters, as in `ctl journal`: `event=task.finished`, `endpoint=task.*`, `direction=in`, `kind=called`,
    /// `status=500`, `conversation=CALL_ID`, `task=ID`, `text=...`. `since=0` shows everything that is kept,
    /// `latest=50` the last 50, and `limit=5` ends after five lines.
    #[arg(value_name = "FIELD=VALUE", value_parser = argument::field)]
    fields: Vec<(String, Value)>,
    #[command(flatten)]
    mock: Where,
    /// Print each entry as a line of JSON, in the format of --record.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<Exit, CommandError> {
    let remote = args.mock.remote()?;
    let mut fields = argument::table(&args.fields);
    // Not every entry has a line, and it is lines that are limited.
    let limit =
        if args.json { None } else { fields.get("limit").and_then(Value::as_u64).filter(|limit| *limit > 0) };
    if limit.is_some() {
        fields.remove("limit");
    }
    if !["since", "latest"].iter().any(|name| fields.contains_key(*name)) {
        fields.insert("latest".to_owned(), LATEST.into());
    }
    if !args.json {
        fields.insert("whole".to_owned(), true.into());
    }
    super::runtime()?.block_on(tail(&remote, fields, args.json, limit))
}

/// The width of the column of stories. Their names are not known beforehand.
const STORY: usize = 24;

async fn tail(
    remote: &Remote,
    fields: Map<String, Value>,
    json: bool,
    limit: Option<u64>,
) -> Result<Exit, CommandError> {
    // A slow reader gets everything that the mock has not dropped.
    let output = Output::new(anstream::stdout(), WhenFull::Wait, |_| {});
    let output = output.map_err(|error| CommandError::start(format!("cannot start a thread: {error}")))?;
    let look = Look { story: STORY, ..Look::of_server([].into_iter(), false) };
    // Keys are read only from a terminal in the foreground: not if output is piped, and not from a background process.
    let has_keys = !json && std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let mut keys = if has_keys { lines::standard_input()? } else { lines::none() };
    let is_limited = fields.contains_key("limit");
    let (left, all_shown) = (Cell::new(limit), Notify::new());
    let operation = described().find(|operation| operation.name == "stream");
    let operation = operation.ok_or_else(|| RemoteError::NoOperation("stream".to_owned()))?;
    let last = Last::default();
    let (mut refused, mut piece) = (Vec::new(), Vec::new());
    let answering = remote.parts(operation, fields, |status, part| {
        if status != 200 {
            refused.extend_from_slice(part);
            return;
        }
        piece.extend_from_slice(part);
        while let Some(end) = memchr::memchr(b'\n', &piece) {
            let line: Vec<u8> = piece.drain(..=end).collect();
            if left.get() == Some(0) {
                return;
            }
            let is_shown = show(&output, &look, &line, json, &last);
            left.set(left.get().map(|left| left - u64::from(is_shown)));
            if left.get() == Some(0) {
                all_shown.notify_one();
            }
        }
    });
    let mut answering = Box::pin(answering);
    let mut interrupted = Box::pin(super::interrupted());
    let mut unread = Box::pin(unread(|| output.has_failed()));
    let status = loop {
        tokio::select! {
            status = &mut answering => break Some(status?),
            () = &mut interrupted => return Ok(Exit::Interrupted),
            () = &mut unread => break None,
            () = all_shown.notified() => break None,
            Some(key) = keys.recv() => {
                if matches!(key.trim(), "q" | "quit") {
                    break None;
                }
                output.line(&pressed(remote, key.trim(), &last).await);
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

/// What was last shown.
#[derive(Debug, Default)]
struct Last {
    /// The number of the last callback.
    callback: Cell<Option<u64>>,
    /// The last line: its number in the journal, and that of its callback if there is one.
    line: Cell<Option<(u64, Option<u64>)>>,
}

/// Shows an entry, and remembers what it is about. Returns whether it has a line.
fn show(output: &Output, look: &Look, line: &[u8], json: bool, last: &Last) -> bool {
    if json {
        // Never an error: what can't be written ends the program elsewhere.
        let _ = output.clone().write_all(line);
        return true;
    }
    let Ok(line) = serde_json::from_slice::<Value>(line) else { return false };
    let callback = line["callback"].as_u64();
    last.callback.set(callback.or(last.callback.get()));
    let Some(shown) = look.line(&line) else { return false };
    last.line.set(line["seq"].as_u64().map(|seq| (seq, callback)));
    output.line(&shown);
    true
}

/// Performs the action of a key. Returns the result.
async fn pressed(remote: &Remote, key: &str, last: &Last) -> String {
    let (key, number) =
        key.split_at(key.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(key.len()));
    let number = match number.trim() {
        "" => Some(None),
        number => number.parse().ok().map(Some),
    };
    let done = match (key, number) {
        ("", Some(None)) => return String::new(),
        ("r", Some(number)) => match number.or(last.callback.get()) {
            Some(number) => again(remote, number).await,
            None => return "! no callback was shown yet: `r 7` sends number 7".to_owned(),
        },
        ("o", Some(Some(number))) => open(remote, (0, Some(number))).await,
        ("o", Some(None)) => match last.line.get() {
            Some(line) => open(remote, line).await,
            None => return "! nothing was shown yet: `o 7` shows callback 7 in full".to_owned(),
        },
        _ => {
            let key = visible(key);
            return format!(
                "! there is no command `{key}`: `r` sends the last callback again, `r 7` number 7, `o` shows the last line in full, `o 7` number 7, `q` quits"
            );
        }
    };
    done.unwrap_or_else(|error| format!("! {}", visible(&error.to_string())))
}

async fn again(remote: &Remote, number: u64) -> Result<String, RemoteError> {
    let sent = remote.ask("resend", json!({ "callback": number })).await?;
    Ok(format!("  #{number} is sent again as #{}", sent["callback"]))
}

/// Returns the details of a line: the whole history of its callback, or the request alone.
async fn open(remote: &Remote, (seq, callback): (u64, Option<u64>)) -> Result<String, RemoteError> {
    let (fields, row) = match callback {
        Some(number) => (json!({ "callback": number }), format!("c{number}")),
        None => (json!({ "since": seq.saturating_sub(1), "limit": 1 }), format!("r{seq}")),
    };
    let found = remote.ask("journal", fields).await?;
    let entries = found["entries"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(match (entries, callback) {
        ([], Some(number)) => format!("! the journal has no callback {number}"),
        _ => opened::opened(entries, &format!("{}/_mock/?sel={row}", remote.url())),
    })
}
