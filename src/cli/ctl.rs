//! `ctl`: the requests of the control surface, from a shell.

use std::io::Write;
use std::net::{SocketAddr, ToSocketAddrs};

use serde_json::{Map, Value};

use super::{CommandError, Exit, argument};
use crate::console::{Described, PREFIX, described};
use crate::files::suggest::{did_you_mean, nearest};
use crate::http::request_parts;
use crate::net::{Headers, HttpRequest, Target};
use crate::settings::DEFAULT_LISTEN;

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
    /// Where the mock is, or a namespace of it: `http://127.0.0.1:2478/_ns/NAME`.
    #[arg(long, value_name = "URL", env = "AIRUDDER_MOCK_URL", default_value_t = format!("http://{DEFAULT_LISTEN}"))]
    url: String,
}

pub(super) fn run(args: &Args) -> Result<Exit, CommandError> {
    let Some(name) = &args.call else { return super::print(&listing()) };
    let call = described().find(|call| call.name == *name).ok_or_else(|| {
        let near = did_you_mean(nearest(name, described().map(|call| call.name)));
        CommandError::usage(format!("there is no `{name}`{near} `airudder-mock ctl` lists what there is"))
    })?;
    if !args.url.starts_with("http://") {
        return Err(CommandError::usage(format!("--url {}: a mock is reached by http://", args.url)));
    }
    let target: Target =
        args.url.parse().map_err(|error| CommandError::usage(format!("--url {}: {error}", args.url)))?;
    let request = request(call, &args.fields, target.path_and_query())?;
    let unreachable = |why: &dyn std::fmt::Display| {
        CommandError::start(format!(
            "no mock answers at {}: {why}; start one with `airudder-mock serve`, or name it with --url",
            args.url
        ))
    };
    let address: SocketAddr = (target.host(), target.port())
        .to_socket_addrs()
        .ok()
        .and_then(|mut addresses| addresses.next())
        .ok_or_else(|| unreachable(&"the host has no address"))?;
    super::runtime()?.block_on(async {
        let mut body = Vec::new();
        let is_stream = call.path.starts_with("/journal/");
        let mut stdout = std::io::stdout();
        let answering = request_parts(address, request, |status, part| {
            if is_stream && status == 200 {
                // Whoever reads has gone: the next interruption ends it.
                let _ = stdout.write_all(part).and_then(|()| stdout.flush());
            } else {
                body.extend_from_slice(part);
            }
        });
        let response = tokio::select! {
            response = answering => response.map_err(|error| unreachable(&error))?,
            () = super::interrupted() => return Ok(Exit::Interrupted),
        };
        told(response.status, &body)
    })
}

/// Shows what came: JSON for people, or why it was refused.
fn told(status: u16, body: &[u8]) -> Result<Exit, CommandError> {
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

/// The request with its fields where they belong: in the path, in the query, or in the body.
fn request(call: Described, fields: &[(String, Value)], base: &str) -> Result<HttpRequest, CommandError> {
    let mut given = Value::Object(Map::new());
    for (path, value) in fields {
        argument::put(&mut given, path, value.clone());
    }
    let mut given = match given {
        Value::Object(given) => given,
        _ => Map::new(),
    };
    let text = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    let encoded = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let mut path = format!("{}{PREFIX}", base.trim_end_matches('/'));
    for part in call.path.split('/').skip(1) {
        let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
        let part = match name {
            Some(name) => {
                let value = given.shift_remove(name).ok_or_else(|| {
                    CommandError::usage(format!("`{}` needs `{name}={}`", call.name, name.to_uppercase()))
                })?;
                encoded(&text(value))
            }
            None => part.to_owned(),
        };
        path.push('/');
        path.push_str(&part);
    }
    if call.method == "POST" {
        let body = Value::Object(given).to_string().into();
        let mut headers = Headers::default();
        headers.push("content-type", "application/json");
        return Ok(HttpRequest { method: call.method.into(), path, query: None, headers, body });
    }
    let query: Vec<String> = given
        .into_iter()
        .map(|(name, value)| format!("{}={}", encoded(&name), encoded(&text(value))))
        .collect();
    let query = (!query.is_empty()).then(|| query.join("&"));
    Ok(HttpRequest { method: call.method.into(), path, query, ..HttpRequest::default() })
}

/// What there is, a line each.
fn listing() -> String {
    let width = described().map(|call| call.name.len()).max().unwrap_or_default();
    described().map(|call| format!("{:width$}  {}\n", call.name, call.what)).collect()
}
