//! `replay`: sends again what a record says was sent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use super::{CommandError, Exit, argument};
use crate::delivery::{CallbackId, Client, ClientOptions, Policy, QueuedCallback, as_sent};
use crate::engine::Speed;
use crate::files::diagnostic::counted;
use crate::files::{read_text_within, visible};
use crate::net::{Guard, Target};
use crate::settings::{Flags, url_for};

/// Maximum size of a record.
const MOST_MEGABYTES: u64 = 2_048;

const EXAMPLES: &str = "\
Sends every attempt of a record again, in the same order and with the same pauses: with the same \
headers and bytes, or signed again with --sign. Exits with 1 if the receiver does not accept all.

Examples:
  airudder-mock run agent-transfer --seed 7 --speed max --record run.ndjson
  airudder-mock replay run.ndjson --speed max \\
          --callback-url http://127.0.0.1:3000/hook
  airudder-mock replay run.ndjson --sign --secret s3cret \\
          --callback-url http://127.0.0.1:3000/hook
      For a receiver that checks timestamps, or has another secret.";

/// The arguments of `replay`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The record, as written by --record.
    file: PathBuf,
    #[command(flatten)]
    target: Flags,
    /// Sign each callback again instead of sending the recorded signatures.
    #[arg(long)]
    sign: bool,
    /// The speed: a multiple of the record's own pace, or `max` to send one attempt after the other without pauses.
    #[arg(long, value_name = "N|max", default_value = "1", value_parser = argument::moving)]
    speed: Speed,
}

/// An attempt of a record.
#[derive(Debug)]
struct Recorded {
    at: Timestamp,
    callback: u64,
    event: String,
    method: String,
    number: u64,
    headers: Vec<(Arc<str>, String)>,
    body: Bytes,
    /// The result: the status, or the class of the failure.
    outcome: String,
}

pub(super) fn run(args: Args, config: Option<&Path>) -> Result<Exit, CommandError> {
    let text = read_text_within(&args.file, MOST_MEGABYTES)
        .map_err(|error| CommandError::usage(format!("{} can't be read: {error}", args.file.display())))?;
    let attempts =
        read(&text).map_err(|message| CommandError::usage(format!("{}: {message}", args.file.display())))?;
    let prepared = super::prepare(config, &args.target, None)?;
    let settings = &prepared.settings;
    let url = settings
        .callback_url
        .clone()
        .ok_or_else(|| CommandError::usage("there is no callback URL: give one with --callback-url"))?;
    let guard = Guard::allowing(&settings.allow).map_err(CommandError::usage)?;
    let options = ClientOptions { guard, tls: settings.tls.clone(), ..ClientOptions::default() };
    let client = Client::new(options).map_err(CommandError::start)?;
    let policy = Arc::new(Policy { timeout: settings.policy.timeout, ..Policy::once() });
    let scheme = prepared.signer.scheme().clone();
    let is_of_signature = |name: &str| {
        let names = [Some(&scheme.header), scheme.timestamp_header.as_ref(), scheme.nonce_header.as_ref()];
        names.into_iter().flatten().any(|own| own.eq_ignore_ascii_case(name))
    };
    let mut accepted = 0;
    super::runtime()?.block_on(async {
        let begun = tokio::time::Instant::now();
        let first = attempts.first().map(|attempt| attempt.at);
        for recorded in &attempts {
            if let (Speed::Times(times), Some(first)) = (args.speed, first) {
                let after = Duration::try_from(recorded.at.duration_since(first)).unwrap_or_default();
                tokio::time::sleep_until(begun + after.div_f64(times)).await;
            }
            let target: Target = url_for(&url, &recorded.event).parse().map_err(CommandError::usage)?;
            let mut headers = recorded.headers.clone();
            let nonce = scheme.nonce_header.as_ref().and_then(|name| {
                let own = headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
                own.map(|(_, value)| value.clone())
            });
            if args.sign {
                headers.retain(|(name, _)| !is_of_signature(name));
            }
            let callback = QueuedCallback {
                id: CallbackId(recorded.callback),
                event: recorded.event.as_str().into(),
                target: Arc::new(target),
                method: recorded.method.as_str().into(),
                headers,
                body: recorded.body.clone(),
                signer: args.sign.then(|| prepared.signer.clone()),
                message_id: nonce.unwrap_or_else(|| format!("msg_replayed_{}", recorded.callback)),
                order_key: None,
                part_of: Vec::new(),
                sums_up: None,
                due: recorded.at,
                policy: Arc::clone(&policy),
                faults: Vec::new(),
                copy_of: None,
            };
            let attempt = as_sent(Arc::new(callback), 1, Timestamp::now()).attempt;
            let outcome = match client.send(&attempt).await.result {
                Ok(answer) => {
                    accepted += u64::from(policy.success.judge(&answer).is_ok());
                    answer.status.to_string()
                }
                Err(failure) => format!("{}: {}", failure.class, failure.message),
            };
            let Recorded { event, number, outcome: before, .. } = recorded;
            super::say(&format!(
                "→ {:<30} {}  (attempt {number} of the record: {})",
                visible(event),
                visible(&outcome),
                visible(before)
            ));
        }
        Ok::<_, CommandError>(())
    })?;
    let all = attempts.len() as u64;
    super::say(&format!("{} sent again, {accepted} accepted", counted(all, "attempt")));
    Ok(if accepted == all { Exit::Ok } else { Exit::Failed })
}

/// Returns the attempts of a record, in order.
fn read(text: &str) -> Result<Vec<Recorded>, String> {
    let mut queued: BTreeMap<u64, (String, Bytes)> = BTreeMap::new();
    let mut attempts = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let number = at + 1;
        let wrong = |what: &str| format!("line {number} is not a record entry: {what}");
        let line: Value = serde_json::from_str(line).map_err(|error| wrong(&error.to_string()))?;
        let kind = line["kind"].as_str().ok_or_else(|| wrong("it has no `kind`"))?;
        if !matches!(kind, "queued" | "tried") {
            continue;
        }
        let callback = line["callback"].as_u64().ok_or_else(|| wrong("it has no `callback`"))?;
        let body = body(&line).map_err(|error| wrong(&error))?;
        if kind == "queued" {
            let method = line["method"].as_str().unwrap_or("POST").to_owned();
            queued.insert(callback, (method, body.unwrap_or_default()));
            continue;
        }
        let (method, own) = queued.get(&callback).ok_or_else(|| wrong("no earlier line has its callback"))?;
        let pair = |pair: &Value| Some((Arc::from(pair[0].as_str()?), pair[1].as_str()?.to_owned()));
        let headers = line["headers"].as_array().ok_or_else(|| wrong("it has no `headers`"))?;
        attempts.push(Recorded {
            at: line["at"].as_str().and_then(|at| at.parse().ok()).ok_or_else(|| wrong("it has no `at`"))?,
            callback,
            event: line["event"].as_str().unwrap_or_default().to_owned(),
            method: method.clone(),
            number: line["try"].as_u64().unwrap_or(1),
            headers: headers
                .iter()
                .map(pair)
                .collect::<Option<_>>()
                .ok_or_else(|| wrong("its headers are not readable"))?,
            body: body.unwrap_or_else(|| own.clone()),
            outcome: match line["status"].as_u64() {
                Some(status) => status.to_string(),
                None => line["error"].as_str().unwrap_or("no response").to_owned(),
            },
        });
    }
    if attempts.is_empty() { Err("it contains no attempt of a callback".to_owned()) } else { Ok(attempts) }
}

/// Returns the body of a line, which is text or base64.
fn body(line: &Value) -> Result<Option<Bytes>, String> {
    if let Some(text) = line["body"].as_str() {
        return Ok(Some(Bytes::from(text.to_owned())));
    }
    let Some(text) = line["body_base64"].as_str() else { return Ok(None) };
    let bytes = BASE64_STANDARD.decode(text).map_err(|error| format!("its body is not base64: {error}"))?;
    Ok(Some(bytes.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_read_with_what_went_out() {
        let text = r#"{"at":"2030-01-01T00:00:00Z","kind":"story_started"}
{"at":"2030-01-01T00:00:00Z","kind":"queued","callback":1,"event":"session.end","method":"PUT","body":"{}"}
{"at":"2030-01-01T00:00:01Z","kind":"tried","callback":1,"event":"session.end","try":1,"headers":[["A","b"]],"status":503}
{"at":"2030-01-01T00:01:01Z","kind":"tried","callback":1,"event":"session.end","try":2,"headers":[],"body_base64":"/w==","error":"reset"}"#;
        let attempts = read(text).unwrap();
        assert_eq!(
            (attempts[0].method.as_str(), &*attempts[0].body, attempts[0].outcome.as_str()),
            ("PUT", &b"{}"[..], "503")
        );
        assert_eq!(attempts[0].headers, [("A".into(), "b".to_owned())]);
        assert_eq!((&*attempts[1].body, attempts[1].outcome.as_str()), (&[255][..], "reset"));
        assert_eq!(read("{}").unwrap_err(), "line 1 is not a record entry: it has no `kind`");
        assert_eq!(read("").unwrap_err(), "it contains no attempt of a callback");
        assert!(read(text.lines().nth(2).unwrap()).unwrap_err().contains("no earlier line has its callback"));
    }
}
