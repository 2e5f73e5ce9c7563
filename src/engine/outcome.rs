//! How a request is answered, before the family's envelope.

use serde_json::Value;

use crate::simulator::{Refusal, Response};

/// How a request is answered, before the envelope.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestOutcome {
    /// The HTTP status, where a story gives it.
    pub status: Option<u16>,
    /// What goes into the envelope, or stands without one.
    pub response: Result<Response, Refusal>,
}

/// Whether the request was refused.
pub(super) fn is_refusal(response: &Result<Response, Refusal>) -> bool {
    match response {
        Ok(Response::Whole { status, .. }) => *status >= 400,
        response => response.is_err(),
    }
}

/// What a story answers wins over the usual response.
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
