//! `ctl`: the requests of the control surface, from a shell.

use std::io::Write;

use serde_json::Value;

use super::remote::Where;
use super::{CommandError, Exit, argument};
use crate::console::described;
use crate::files::suggest::{did_you_mean, nearest};

const EXAMPLES: &str = "\
Examples:
  airudder-mock ctl state
  airudder-mock ctl wait callback=task.finished within=10s
      Exit code 1 and the nearest miss if it does not come.
  airudder-mock ctl wait request=chatbot.send_message where.call_id=CALL_ID
  airudder-mock ctl journal endpoint='task.*' status=500
  airudder-mock ctl move by=25h
  airudder-mock ctl emit event=agent.transfer conversation=CALL_ID
  airudder-mock ctl add-fault fault.call=task.create fault.status=503 fault.times=2
  airudder-mock ctl stream
      What happens, as it happens, a line of JSON each.

Without CALL it lists what there is.";

/// The arguments of `ctl`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// What to ask for, for example wait.
    call: Option<String>,
    /// Its fields: `within=10s`, `where.call_id=7`. The value is read as JSON where it is JSON.
    #[arg(value_name = "FIELD=VALUE", value_parser = argument::field)]
    fields: Vec<(String, Value)>,
    #[command(flatten)]
    mock: Where,
}

pub(super) fn run(args: &Args) -> Result<Exit, CommandError> {
    let Some(name) = &args.call else { return super::print(&listing()) };
    let call = described().find(|call| call.name == *name).ok_or_else(|| {
        let near = did_you_mean(nearest(name, described().map(|call| call.name)));
        CommandError::usage(format!("there is no `{name}`{near} `airudder-mock ctl` lists what there is"))
    })?;
    let remote = args.mock.remote()?;
    let fields = argument::table(&args.fields);
    super::runtime()?.block_on(async {
        let mut body = Vec::new();
        let is_stream = call.path.starts_with("/journal/");
        let mut stdout = std::io::stdout();
        let answering = remote.parts(call, fields, |status, part| {
            if is_stream && status == 200 {
                // Whoever reads has gone: the next interruption ends it.
                let _ = stdout.write_all(part).and_then(|()| stdout.flush());
            } else {
                body.extend_from_slice(part);
            }
        });
        let status = tokio::select! {
            status = answering => status?,
            () = super::interrupted() => return Ok(Exit::Interrupted),
        };
        shown(status, &body)
    })
}

/// Shows what came: JSON for people, or why it was refused.
fn shown(status: u16, body: &[u8]) -> Result<Exit, CommandError> {
    let value: Option<Value> = serde_json::from_slice(body).ok();
    let text = match &value {
        Some(value) => serde_json::to_string_pretty(value).unwrap_or_default(),
        None => String::from_utf8_lossy(body).into_owned(),
    };
    match status {
        200..=299 if body.is_empty() => Ok(Exit::Ok),
        200..=299 => super::print(&format!("{text}\n")),
        // What was waited for did not come: the answer says why.
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

/// What there is, a line each.
fn listing() -> String {
    let width = described().map(|call| call.name.len()).max().unwrap_or_default();
    described().map(|call| format!("{:width$}  {}\n", call.name, call.what)).collect()
}
