//! Puts a response into the envelope of its family.

use bytes::Bytes;
use serde_json::Value;

use super::access::{Client, encrypted};
use super::stream::Threads;
use crate::contract::Family;
use crate::contract::envelope::{self, ErrorStatus};
use crate::engine::Engine;
use crate::net::{HttpResponse, JSON, Reply};
use crate::simulator::{Long, Refusal, Response};

/// Memory reserved for the envelope around a response.
const FRAME: usize = 128;

/// A response ready to be sent.
pub(super) enum Built {
    Whole(HttpResponse),
    /// The envelope up to the long value, and the value.
    Long(String, Long),
}

impl Built {
    /// Converts it to a reply.
    pub(super) fn into_reply(self, threads: &Threads) -> Reply {
        match self {
            Self::Whole(answer) => Reply::Answer(answer),
            Self::Long(head, long) => threads.list(head, long),
        }
    }
}

/// Puts the simulator's response into its envelope.
pub(super) fn built(
    engine: &mut Engine,
    (family, id): (Family, &str),
    answer: Result<Response, Refusal>,
    client: &Client,
    statuses: ErrorStatus,
) -> Built {
    let text = match answer {
        Ok(Response::Data(Value::Null)) => {
            envelope::success(family, |text| text.push_str(&engine.request_id()))
        }
        Ok(Response::Data(data)) => framed(engine, family, &data.to_string()),
        Ok(Response::Text(text)) => framed(engine, family, &text),
        Ok(Response::Long(long)) if client.cipher.is_some() => framed(engine, family, &long.text()),
        Ok(Response::Long(long)) => {
            let mut head = String::new();
            envelope::push_head(&mut head, family, |text| text.push_str(&engine.request_id()));
            return Built::Long(head, long);
        }
        Ok(Response::Body(text)) => text,
        Ok(Response::Whole { status, headers, body }) => {
            let mut answer = json(status, body.to_string());
            for (name, value) in headers {
                // Replaces an existing header, such as the content type.
                answer.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
                answer.headers.push((name.into(), value.into()));
            }
            return Built::Whole(sealed(answer, client));
        }
        Err(refusal) => {
            return Built::Whole(sealed(refused(engine, (family, id), &refusal, statuses), client));
        }
    };
    Built::Whole(sealed(json(200, text), client))
}

fn framed(engine: &mut Engine, family: Family, data: &str) -> String {
    let mut text = String::with_capacity(FRAME + data.len());
    envelope::push_head(&mut text, family, |text| text.push_str(&engine.request_id()));
    text.push_str(data);
    text.push_str(envelope::TAIL);
    text
}

pub(super) fn json(status: u16, text: String) -> HttpResponse {
    HttpResponse { status, headers: vec![JSON], body: Bytes::from(text) }
}

/// Encrypts the response to an encrypted request.
pub(super) fn sealed(answer: HttpResponse, client: &Client) -> HttpResponse {
    match &client.cipher {
        Some(cipher) => encrypted(answer, cipher),
        None => answer,
    }
}

/// Returns the envelope of a refusal. `id` is empty for requests that match no endpoint. The code is the one of the user's
/// settings; the HTTP status follows the mock's own code.
pub(super) fn refused(
    engine: &mut Engine,
    (family, id): (Family, &str),
    refusal: &Refusal,
    statuses: ErrorStatus,
) -> HttpResponse {
    let code = engine.code(family, id, refusal.code);
    enveloped(engine, family, (code, &refusal.message), statuses.http_status(refusal.code))
}

/// Returns the envelope of an error with exactly this code.
pub(super) fn enveloped(
    engine: &mut Engine,
    family: Family,
    (code, message): (i64, &str),
    status: u16,
) -> HttpResponse {
    let body = envelope::error(family, code, message, || engine.request_id());
    json(status, body.to_string())
}

/// Returns an error outside of the families.
pub(super) fn plain_error(status: u16, message: &str) -> HttpResponse {
    HttpResponse::json(status, &serde_json::json!({ "code": status, "message": message }))
}

/// Returns a page like that of a proxy in front of the vendor.
pub(super) fn garbage() -> HttpResponse {
    let headers = vec![("content-type".into(), "text/html".into())];
    let body = Bytes::from_static(b"<html><body><h1>502 Bad Gateway</h1></body></html>\n");
    HttpResponse { status: 200, headers, body }
}

/// Returns the response to a method that is not served at a path.
pub(super) fn wrong_method(message: &str, allow: &str) -> HttpResponse {
    let mut answer = plain_error(405, message);
    answer.headers.push(("allow".into(), allow.to_owned().into()));
    answer
}
