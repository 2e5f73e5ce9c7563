//! What is under `/_mock/`: how tests look at the mock and steer it. None of it is the vendor's.

use std::time::Duration;

use serde_json::{Value, json};

use crate::api::{Answering, decode, ready};
use crate::contract::Family;
use crate::engine::Driver;
use crate::net::{HttpRequest, HttpResponse};
use crate::time::HumanDuration;

/// Where everything is: a path that the vendor does not have.
const PREFIX: &str = "/_mock";

/// Method, path below the prefix, and what it does.
const CALLS: [(&str, &str, &str); 4] = [
    ("GET", "/", "lists these"),
    (
        "GET",
        "/state",
        "shows the vendor's time, the sums of callbacks, whether anything is under way, and what was found wrong with your requests",
    ),
    (
        "POST",
        "/clock",
        "moves the vendor's time forward, and returns when all that was due has happened: {\"by\": \"25h\"}",
    ),
    ("POST", "/tokens/expire", "lets all tokens expire, or with {\"app_key\": \"...\"} those of one account"),
];

/// How long in real time a request waits for the clock to arrive, where it does not say so itself.
const CLOCK_WITHIN: Duration = Duration::from_secs(30);

/// Whether a request is one of the control surface.
pub fn is_of(call: &HttpRequest) -> bool {
    path(call).is_some()
}

fn path(call: &HttpRequest) -> Option<&str> {
    call.path.strip_prefix(PREFIX).filter(|path| path.is_empty() || path.starts_with('/'))
}

/// Answers a call under the prefix; nothing if it is not there.
pub fn answer(driver: &Driver, call: &HttpRequest) -> Option<Answering> {
    let path = path(call)?;
    let path = if path.is_empty() { "/" } else { path };
    let fields = match decode(call, Family::Cloud) {
        Ok(fields) => fields.fields,
        // No body is no mistake.
        Err(crate::api::DecodeError::Empty) => Value::Null,
        Err(error) => return Some(ready(refused(400, &error.to_string()))),
    };
    let method = if call.method == "HEAD" { "GET" } else { &call.method };
    Some(ready(match (method, path) {
        ("POST", "/clock") => {
            return Some(clock(driver, &fields).unwrap_or_else(|message| ready(refused(400, &message))));
        }
        ("GET", "/") => list(),
        ("GET", "/state") => state(driver),
        ("POST", "/tokens/expire") => expire(driver, &fields),
        _ => match CALLS.iter().find(|(_, known, _)| *known == path) {
            Some((method, ..)) => {
                let mut answer =
                    refused(405, &format!("it is served with {method}, not with {}", call.method));
                answer.headers.push(("allow".into(), (*method).into()));
                answer
            }
            None => refused(404, "nothing is here; GET /_mock/ lists what is"),
        },
    }))
}

fn refused(status: u16, message: &str) -> HttpResponse {
    HttpResponse::json(status, &json!({ "message": message }))
}

fn list() -> HttpResponse {
    let calls = CALLS.iter().map(
        |(method, path, what)| json!({ "method": method, "path": format!("{PREFIX}{path}"), "what": what }),
    );
    HttpResponse::json(200, &json!({ "calls": calls.collect::<Vec<_>>() }))
}

fn state(driver: &Driver) -> HttpResponse {
    driver.with(|engine, now| {
        let body = json!({
            "now": now.to_string(),
            "ready": !engine.is_stopped(),
            "busy": engine.is_busy(),
            "stories": { "total": engine.stories().len(), "over": engine.stories_over() },
            "callbacks": engine.totals(),
            "found": engine.findings().all().collect::<Vec<_>>(),
        });
        HttpResponse::json(200, &body)
    })
}

/// Moves time, and answers when it has arrived, or when the caller's patience is at its end.
fn clock(driver: &Driver, fields: &Value) -> Result<Answering, String> {
    let length =
        |name: &str| match fields.get(name).map(|text| text.as_str().map(str::parse::<HumanDuration>)) {
            None => Ok(None),
            Some(Some(Ok(length))) => Ok(Some(length.0)),
            Some(Some(Err(error))) => Err(format!("{name}: {error}")),
            Some(None) => Err(format!("{name} is no text: give a length of time such as \"25h\"")),
        };
    let by = length("by")?.ok_or("by is missing: a length of time such as \"25h\"")?;
    let within = length("within")?.unwrap_or(CLOCK_WITHIN);
    let (driver, journey) = (driver.clone(), driver.travel_within(by, within));
    Ok(Box::pin(async move {
        let arrived = journey.await;
        let body = driver.look(
            |engine, now| json!({ "now": now.to_string(), "arrived": arrived, "callbacks": engine.totals() }),
        );
        HttpResponse::json(if arrived { 200 } else { 202 }, &body).into()
    }))
}

fn expire(driver: &Driver, fields: &Value) -> HttpResponse {
    driver.with(|engine, _| {
        let access = engine.simulator().access_mut();
        match fields.get("app_key") {
            None => access.expire_all(),
            Some(key) => match key.as_str().and_then(|key| access.by_app_key(key)) {
                Some(account) => access.expire(account),
                None => return refused(404, "app_key names no account"),
            },
        }
        HttpResponse::json(200, &json!({}))
    })
}
