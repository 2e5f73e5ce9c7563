//! The REST side: HTTP in, typed call out, answer back.
//!
//! Routes come from the catalog. Every exchange is journaled, whatever becomes of it, under the same lock as the
//! change it causes, so that the journal's order is the order of the changes.

mod decode;
mod route;

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value, json};

pub use decode::{DecodeError, decode};
pub use route::{Route, RouteError, Router};

use crate::contract::{Family, envelope};
use crate::engine::{CallOutcome, Driver, Engine};
use crate::http::{HttpAnswer, HttpCall};
use crate::journal::{CallEntry, Event};
use crate::simulator::Answer;

/// Answers a request of the integrator.
pub fn answer(driver: &Driver, router: &Router, call: &HttpCall) -> HttpAnswer {
    let started = Instant::now();
    driver.with(|engine, now| {
        let (id, answer) = match router.find(&call.method, &call.path) {
            Route::Found { id, family, mark, params } => {
                let answer = if engine.admit(&id, mark, now) {
                    match fields(call, params) {
                        Ok(fields) => known(engine, &id, family, fields, now),
                        Err(error) => refused(engine, family, 400, &error.to_string()),
                    }
                } else {
                    let message = format!(
                        "`{id}` is only assumed, and the settings refuse such (assumed = \"refuse\"); if you hold the vendor's document, correct it under [catalog.\"{id}\"]"
                    );
                    refused(engine, family, 404, &message)
                };
                (Some(id), answer)
            }
            Route::WrongMethod { allow } => {
                let message = format!("{} is not served at {}, but {allow} is", call.method, call.path);
                let mut answer = HttpAnswer::json(405, &json!({ "code": 405, "message": message }));
                answer.headers.push(("allow".to_owned(), allow));
                (None, answer)
            }
            Route::Unknown { nearest } => {
                let near = nearest.map(|path| format!(", did you mean {path}?")).unwrap_or_default();
                let message = format!("nothing is served at {}{near}", call.path);
                (None, HttpAnswer::json(404, &json!({ "code": 404, "message": message })))
            }
        };
        let entry = CallEntry {
            id,
            method: call.method.clone(),
            path: call.path_and_query(),
            headers: call.headers.iter().filter(|(name, _)| name != "host").cloned().collect(),
            body: call.body.clone(),
            status: answer.status,
            answer: answer.body.clone(),
            elapsed: started.elapsed(),
        };
        engine.journal().write(now, None, Event::Called(Arc::new(entry)));
        answer
    })
}

/// The fields of a call, however they came. A call without any is no mistake: lists need none.
fn fields(call: &HttpCall, params: Vec<(String, String)>) -> Result<Map<String, Value>, DecodeError> {
    let mut fields = match decode(call) {
        Err(DecodeError::Empty) => Map::new(),
        decoded => decoded?,
    };
    for (name, value) in params {
        fields.entry(name).or_insert(Value::String(value));
    }
    Ok(fields)
}

fn known(
    engine: &mut Engine,
    id: &str,
    family: Family,
    fields: Map<String, Value>,
    now: jiff::Timestamp,
) -> HttpAnswer {
    match engine.call(id, &Value::Object(fields), now) {
        CallOutcome::Told { status, body: Some(body), .. } => HttpAnswer::json(status, &body),
        CallOutcome::Told { status, body: None, usual } => {
            HttpAnswer { status, ..simulated(engine, id, family, usual) }
        }
        CallOutcome::Simulated(answer) => simulated(engine, id, family, answer),
        CallOutcome::Whole { status, headers, body } => {
            let mut answer = HttpAnswer::json(status, &body);
            for (name, value) in headers {
                // One that is there already, such as the content type, is replaced.
                answer.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
                answer.headers.push((name, value));
            }
            answer
        }
    }
}

fn simulated(engine: &mut Engine, id: &str, family: Family, answer: Answer) -> HttpAnswer {
    match answer {
        Answer::Data(data) => {
            let body = envelope::success(family, data, || engine.request_id());
            HttpAnswer::json(200, &body)
        }
        Answer::Error { code, message } => refused(engine, family, code, &message),
        Answer::NotSimulated => {
            let message = format!(
                "the mock keeps no state for `{id}` in this version; a story can answer it: [[on]] call = \"{id}\", answer = {{ body = {{ ... }} }}"
            );
            refused(engine, family, 501, &message)
        }
    }
}

fn refused(engine: &mut Engine, family: Family, code: i64, message: &str) -> HttpAnswer {
    let body = envelope::error(family, code, message, || engine.request_id());
    HttpAnswer::json(envelope::http_status(family, code), &body)
}
