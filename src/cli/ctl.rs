//! `ctl`: makes requests to the control surface from a shell.

mod fields;
mod help;

use std::cell::RefCell;
use std::io::{ErrorKind, Write};

use clap::CommandFactory;
use serde_json::Value;

use super::output::unread;
use super::remote::{RemoteError, Where};
use super::{Cli, CommandError, Exit, cannot_print};
use crate::console::described;
use crate::files::suggest::{did_you_mean, nearest};

const EXAMPLES: &str = "\
Examples:
  airudder-mock ctl state
  airudder-mock ctl wait callback=task.finished within=10s
      Exits with 1 and shows the nearest miss if it does not arrive.
  airudder-mock ctl wait request=chatbot.send_message where.call_id=CALL_ID
  airudder-mock ctl journal endpoint='task.*' status=500
  airudder-mock ctl move by=25h
  airudder-mock ctl emit event=agent.transfer conversation=CALL_ID
  airudder-mock ctl add-fault fault.call=task.create fault.status=503 \\
          fault.times=2
  airudder-mock ctl stream
      Prints every event as it happens, one JSON object per line.
  airudder-mock ctl export > state.json
  airudder-mock ctl import < state.json
      Sets a mock to an exported state.

Without OPERATION, it lists all operations. `ctl OPERATION --help` describes one and its fields.";

/// The arguments of `ctl`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES, disable_help_flag = true)]
pub(super) struct Args {
    /// The operation, for example wait.
    operation: Option<String>,
    /// The fields of the operation: `within=10s`, `where.call_id=7`. A value that is valid JSON is read as JSON, unless
    /// the field takes only text.
    #[arg(value_name = "FIELD=VALUE")]
    fields: Vec<String>,
    /// Print help, with OPERATION that of the operation.
    #[arg(short, long)]
    help: bool,
    #[command(flatten)]
    mock: Where,
}

pub(super) fn run(args: &Args) -> Result<Exit, CommandError> {
    let (name, wants_help) = match (&args.operation, args.fields.first()) {
        // `ctl help wait` is `ctl wait --help`.
        (Some(help), wanted) if help == "help" => (wanted, true),
        (operation, _) => (operation.as_ref(), args.help),
    };
    let Some(name) = name else {
        return super::print(&if wants_help { general_help() } else { listing() });
    };
    let operation = described().find(|operation| operation.name == *name).ok_or_else(|| {
        let near = did_you_mean(nearest(name, described().map(|operation| operation.name)));
        CommandError::usage(format!(
            "there is no operation `{name}`{near} (`airudder-mock ctl` lists all of them)"
        ))
    })?;
    if wants_help {
        return super::print(&help::of(operation));
    }
    let fields = fields::table(operation, &args.fields)?;
    let remote = args.mock.remote()?;
    super::runtime()?.block_on(async {
        let mut body = Vec::new();
        let is_stream = operation.path.starts_with("/journal/");
        let mut stdout = std::io::stdout();
        let unwritten = RefCell::new(None);
        let answering = remote.parts(operation, fields, |status, part| {
            if is_stream && status == 200 {
                if let Err(error) = stdout.write_all(part).and_then(|()| stdout.flush()) {
                    unwritten.replace(Some(error));
                }
            } else {
                body.extend_from_slice(part);
            }
        });
        let status = tokio::select! {
            status = answering => status?,
            () = super::interrupted() => return Ok(Exit::Interrupted),
            () = unread(|| unwritten.borrow().is_some()), if is_stream => {
                return match unwritten.take() {
                    Some(error) if error.kind() != ErrorKind::BrokenPipe => Err(cannot_print(error)),
                    _ => Ok(Exit::Ok),
                };
            }
        };
        if is_of_another(status, &body) {
            return Err(RemoteError::Other { url: remote.url().to_owned() }.into());
        }
        shown(status, &body)
    })
}

/// Whether the response comes from something other than a mock: a mock's refusals are JSON, and none of its responses here is
/// HTML.
fn is_of_another(status: u16, body: &[u8]) -> bool {
    let is_json = || serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok();
    body.trim_ascii_start().starts_with(b"<") || status >= 300 && !is_json()
}

/// Shows the response: JSON formatted for people, or why the request was refused.
fn shown(status: u16, body: &[u8]) -> Result<Exit, CommandError> {
    let value: Option<Value> = serde_json::from_slice(body).ok();
    let text = match &value {
        Some(value) => serde_json::to_string_pretty(value).unwrap_or_default(),
        None => String::from_utf8_lossy(body).into_owned(),
    };
    match status {
        200..=299 if body.is_empty() => Ok(Exit::Ok),
        200..=299 => super::print(&format!("{text}\n")),
        // The condition was not met in time; the response says why.
        417 | 503 => super::print(&format!("{text}\n")).map(|_| Exit::Failed),
        _ => {
            let message = value.as_ref().and_then(|value| value["message"].as_str());
            let message = message.unwrap_or(&text);
            Err(match status {
                400 => CommandError::usage(message),
                _ => CommandError::failed(format!("{status}: {message}")),
            })
        }
    }
}

/// Returns the help of the command itself.
fn general_help() -> String {
    let mut command = Cli::command();
    command.build();
    let ctl = command.find_subcommand_mut("ctl");
    ctl.map(|ctl| ctl.render_long_help().ansi().to_string()).unwrap_or_default()
}

/// Lists the requests, one per line.
fn listing() -> String {
    let width = described().map(|operation| operation.name.len()).max().unwrap_or_default();
    described().map(|operation| format!("{:width$}  {}\n", operation.name, operation.what)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_program_is_noticed() {
        for (status, body) in [(200, "\n<!doctype html>"), (404, "404 page not found"), (302, "")] {
            assert!(is_of_another(status, body.as_bytes()), "{body}");
        }
        for (status, body) in [(200, "# HELP a b"), (404, "{\"message\":\"no\"}"), (200, "")] {
            assert!(!is_of_another(status, body.as_bytes()), "{body}");
        }
    }
}
