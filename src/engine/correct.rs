//! Applies the user's corrections to outgoing data: names of fields, words, and whole bodies by template.

use std::sync::Arc;

use serde_json::Value;

use super::outcome::RequestOutcome;
use crate::contract::renames::{CorrectedNames, Rewriter};
use crate::contract::{Entry, Family, envelope};
use crate::language::template::{self, TemplateSet};
use crate::scenario::SendError;
use crate::simulator::{Long, Refusal, Response};

/// Returns a callback's body, with the corrected names of the event and its fields, or rendered by the user's template if
/// there is one.
pub(super) fn callback(entry: &Entry, mut body: Value) -> Result<String, SendError> {
    entry.name_event(&mut body);
    match &entry.body {
        Some(source) => render(&entry.id, source, &[("body", &body)]),
        // A value can always be written as JSON.
        None => Ok(written(entry.names.as_deref(), serde_json::to_string(&body).unwrap_or_default())),
    }
}

/// Returns the response to a request whose entry the user corrected. `request_id` makes the 32 hexadecimal digits of an
/// envelope that has them.
pub(super) fn response(
    entry: &Entry,
    request: &Value,
    outcome: RequestOutcome,
    request_id: impl FnOnce() -> String,
) -> RequestOutcome {
    let response = match outcome.response {
        // A response given by a story or by the user's own endpoint already uses the user's names.
        Ok(whole @ (Response::Whole { .. } | Response::Body(_))) => Ok(whole),
        Ok(response) => match &entry.body {
            Some(source) => by_template(entry, source, request, response, request_id),
            None => Ok(renamed(entry.names.as_ref(), response)),
        },
        Err(refusal) => Err(Refusal { message: named_message(entry, &refusal.message), ..refusal }),
    };
    RequestOutcome { response, ..outcome }
}

/// Translates a message about a request to the user's names.
fn named_message(entry: &Entry, message: &str) -> String {
    entry.names.as_ref().map_or_else(|| message.to_owned(), |names| names.request.message(message))
}

fn renamed(names: Option<&Arc<CorrectedNames>>, response: Response) -> Response {
    let Some(names) = names.filter(|names| !names.written.is_empty()) else { return response };
    match response {
        Response::Data(Value::Null) => response,
        Response::Long(long) => {
            let names = Arc::clone(names);
            Response::Long(Long::new(move |out| {
                let mut rewriter = Rewriter::new(&names.written, &mut *out);
                long.write(&mut rewriter)?;
                rewriter.finish().map(drop)
            }))
        }
        short => Response::Text(written(Some(names), short.into_text())),
    }
}

fn by_template(
    entry: &Entry,
    source: &str,
    request: &Value,
    response: Response,
    request_id: impl FnOnce() -> String,
) -> Result<Response, Refusal> {
    let mut usual = String::new();
    match response {
        Response::Data(Value::Null) => {
            usual = envelope::success(entry.family, |text| text.push_str(&request_id()));
        }
        response => {
            envelope::push_head(&mut usual, entry.family, |text| text.push_str(&request_id()));
            usual.push_str(&response.into_text());
            usual.push_str(envelope::TAIL);
        }
    }
    let usual: Value = serde_json::from_str(&usual).unwrap_or_default();
    let body = render(&entry.id, source, &[("body", &usual), ("request", request)]);
    let body = body.map_err(|error| {
        let code = if entry.family == Family::Dialer { envelope::INTERNAL[0] } else { 500 };
        Refusal::new(code, format!("the body of [catalog.\"{}\"] cannot be filled in: {error}", entry.id))
    })?;
    Ok(Response::Body(body))
}

fn render(id: &str, source: &str, scope: &[(&str, &Value)]) -> Result<String, SendError> {
    let mut set = TemplateSet::default();
    let compiled = set.add(source).map_err(SendError::Syntax)?;
    let scope =
        minijinja::Value::from_pairs(scope.iter().map(|(name, value)| (*name, template::value(value))));
    match set.render(&compiled, &scope) {
        Ok(Value::String(text)) => Ok(text),
        Ok(other) => Ok(other.to_string()),
        Err(error) => Err(SendError::Template { event: id.to_owned(), error }),
    }
}

/// Replaces names and words in an outgoing text. They are whole texts, so that the result stays UTF-8.
fn written(names: Option<&CorrectedNames>, text: String) -> String {
    match names.map(|names| &names.written).filter(|renames| !renames.is_empty()) {
        Some(renames) => String::from_utf8(renames.apply(text.as_bytes())).unwrap_or(text),
        None => text,
    }
}
