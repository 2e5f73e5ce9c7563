//! The response to a request, before the family's envelope.

use serde_json::{Value, json};

use crate::contract::Family;
use crate::contract::envelope;
use crate::json::table;
use crate::simulator::{Refusal, Response};

/// The response to a request, before the envelope.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestOutcome {
    /// The HTTP status, if a story sets it.
    pub status: Option<u16>,
    /// The content of the envelope, or a response without one.
    pub response: Result<Response, Refusal>,
}

/// Whether the request was refused.
pub(super) fn is_refusal(response: &Result<Response, Refusal>) -> bool {
    match response {
        Ok(Response::Whole { status, .. }) => *status >= 400,
        response => response.is_err(),
    }
}

/// Returns the usual response as stories see it, without a request id: status and body of a success, the body of a refusal.
pub(super) fn usual_answer(family: Family, usual: &Result<Response, Refusal>) -> Value {
    let without_id = |text: &str| {
        let mut body: Value = serde_json::from_str(text).unwrap_or_default();
        body.as_object_mut().map(|body| body.shift_remove("request_id"));
        body
    };
    let framed = |data: &str| {
        let mut text = String::new();
        envelope::push_head(&mut text, family, |_| {});
        without_id(&(text + data + envelope::TAIL))
    };
    let body = match usual {
        Err(Refusal { code, message }) => {
            let mut body = envelope::error(family, *code, message, String::new);
            body.as_object_mut().map(|body| body.shift_remove("request_id"));
            return table([("body", body)]);
        }
        Ok(Response::Data(Value::Null)) => without_id(&envelope::success(family, |_| {})),
        Ok(Response::Data(data)) => framed(&data.to_string()),
        Ok(Response::Text(text)) => framed(text),
        // A response that is written while it is sent is too long to be kept.
        Ok(Response::Long(_)) => framed("null"),
        Ok(Response::Body(text)) => without_id(text),
        Ok(Response::Whole { status, body, .. }) => return json!({ "status": status, "body": body }),
    };
    table([("status", 200.into()), ("body", body)])
}

/// Returns the story's response if there is one, and otherwise the usual one.
pub(super) fn outcome(
    from_story: Option<(u16, Option<Value>)>,
    usual: Result<Response, Refusal>,
) -> RequestOutcome {
    match from_story {
        Some((status, Some(body))) => {
            let response = Ok(Response::Whole { status, headers: Vec::new(), body });
            RequestOutcome { status: None, response }
        }
        from_story => RequestOutcome { status: from_story.map(|(status, _)| status), response: usual },
    }
}
