//! Inputs as text, one JSON object each, so that they can be stored, inspected with any tool, and moved elsewhere.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::inputs::{Given, Input};
use crate::delivery::{AttemptResult, CallbackId, ErrorClass, Failure, ReceiverResponse};
use crate::net::{HttpRequest, Via};

/// An input in its written form.
#[derive(Debug, Serialize, Deserialize)]
pub struct Written {
    at: Timestamp,
    #[serde(flatten)]
    what: What,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum What {
    Request(Request),
    Late(u64),
    Time {},
    Attempt(Option<u64>),
    Beside(Option<u64>),
    Result(Ended),
}

#[derive(Debug, Serialize, Deserialize)]
struct Request {
    method: String,
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    headers: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "is_false")]
    tls: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    proxy: bool,
    #[serde(flatten)]
    body: Body,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ended {
    callback: u64,
    attempt: u32,
    elapsed_us: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    response: Option<Response>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<Failed>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    #[serde(flatten)]
    body: Body,
    #[serde(default, skip_serializing_if = "is_false")]
    truncated: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Failed {
    class: ErrorClass,
    message: String,
}

/// Bytes, written as text where possible.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Body {
    Body(String),
    BodyBase64(String),
}

/// Why a text is not an input.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// It is not JSON of this shape.
    #[error("{0}")]
    Json(serde_json::Error),
    /// It is not a known kind of input.
    #[error("it has none of `request`, `late`, `time`, `attempt`, `beside` and `result`")]
    Unknown,
    /// A body is not valid base64.
    #[error("body_base64 is not standard base64")]
    Base64,
    /// An attempt has no result or two results.
    #[error("a result has either a `response` or a `failure`")]
    Result,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Body {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Body(text.to_owned()),
            Err(_) => Self::BodyBase64(STANDARD.encode(bytes)),
        }
    }

    fn bytes(self) -> Result<Bytes, Unreadable> {
        match self {
            Self::Body(text) => Ok(text.into()),
            Self::BodyBase64(text) => STANDARD.decode(text).map(Bytes::from).map_err(|_| Unreadable::Base64),
        }
    }
}

impl Written {
    /// Converts an input to its written form.
    pub fn of(input: &Input) -> Self {
        let what = match &input.given {
            Given::Request(request) => What::Request(Request {
                method: request.method.clone().into_owned(),
                path: request.path.clone(),
                query: request.query.clone(),
                headers: owned(request.headers.iter()),
                tls: request.via.tls,
                proxy: request.via.proxy,
                body: Body::of(&request.body),
            }),
            Given::Late(number) => What::Late(*number),
            Given::Time => What::Time {},
            Given::Attempt(id) => What::Attempt(id.map(|id| id.0)),
            Given::Beside(id) => What::Beside(id.map(|id| id.0)),
            Given::Result { callback, number, result } => {
                let response = result.result.as_ref().ok().map(|response| Response {
                    status: response.status,
                    headers: response.headers.clone(),
                    body: Body::of(&response.body),
                    truncated: response.truncated,
                });
                let failure = result
                    .result
                    .as_ref()
                    .err()
                    .map(|failure| Failed { class: failure.class, message: failure.message.clone() });
                let elapsed_us = u64::try_from(result.elapsed.as_micros()).unwrap_or(u64::MAX);
                What::Result(Ended { callback: callback.0, attempt: *number, elapsed_us, response, failure })
            }
        };
        Self { at: input.at, what }
    }

    /// Reads the written form from text.
    ///
    /// # Errors
    ///
    /// If it is not JSON of this shape.
    pub fn read(text: &[u8]) -> Result<Self, Unreadable> {
        serde_json::from_slice(text).map_err(|error| match error.to_string().starts_with("no variant of") {
            true => Unreadable::Unknown,
            false => Unreadable::Json(error),
        })
    }

    /// Converts the written form to an input.
    ///
    /// # Errors
    ///
    /// If a part of it is invalid.
    pub fn input(self) -> Result<Input, Unreadable> {
        let given = match self.what {
            What::Request(Request { method, path, query, headers, tls, proxy, body }) => {
                Given::Request(Arc::new(HttpRequest {
                    method: method.into(),
                    path,
                    query,
                    headers: headers.into_iter().collect(),
                    body: body.bytes()?,
                    via: Via { tls, proxy },
                }))
            }
            What::Late(number) => Given::Late(number),
            What::Time {} => Given::Time,
            What::Attempt(id) => Given::Attempt(id.map(CallbackId)),
            What::Beside(id) => Given::Beside(id.map(CallbackId)),
            What::Result(Ended { callback, attempt, elapsed_us, response, failure }) => {
                let result = match (response, failure) {
                    (Some(Response { status, headers, body, truncated }), None) => {
                        Ok(ReceiverResponse { status, headers, body: body.bytes()?, truncated })
                    }
                    (None, Some(Failed { class, message })) => Err(Failure { class, message }),
                    _ => return Err(Unreadable::Result),
                };
                let result = AttemptResult { result, elapsed: Duration::from_micros(elapsed_us) };
                Given::Result { callback: CallbackId(callback), number: attempt, result }
            }
        };
        Ok(Input { at: self.at, given })
    }
}

fn owned<'a>(headers: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
    headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(input: &Input) -> (String, Input) {
        let text = serde_json::to_string(&Written::of(input)).unwrap();
        (text.clone(), serde_json::from_str::<Written>(&text).unwrap().input().unwrap())
    }

    #[test]
    fn what_is_written_reads_the_same() {
        let request = |body: &'static [u8], query: Option<&str>| {
            Given::Request(Arc::new(HttpRequest {
                method: "POST".into(),
                path: "/service/cloud/task".to_owned(),
                query: query.map(str::to_owned),
                headers: [("a", "1"), ("a", "2")].into_iter().collect(),
                body: Bytes::from_static(body),
                via: Via { tls: query.is_none(), proxy: query.is_none() },
            }))
        };
        let result = |result| Given::Result {
            callback: CallbackId(7),
            number: 2,
            result: AttemptResult { result, elapsed: Duration::from_micros(1_500) },
        };
        let response = ReceiverResponse {
            status: 200,
            headers: vec![("x".to_owned(), "y".to_owned())],
            body: Bytes::from_static(b"ok"),
            truncated: true,
        };
        let failure = Failure { class: ErrorClass::Refused, message: "nobody listens".to_owned() };
        for given in [
            request(b"{\"a\": \"\xc3\xa9\"}", Some("a=b")),
            request(b"\xff\x00", None),
            Given::Late(3),
            Given::Time,
            Given::Attempt(Some(CallbackId(9))),
            Given::Attempt(None),
            Given::Beside(Some(CallbackId(10))),
            Given::Beside(None),
            result(Ok(response)),
            result(Err(failure)),
        ] {
            let input = Input { at: "2030-01-01T00:00:00.123456789Z".parse().unwrap(), given };
            let (text, read) = again(&input);
            assert_eq!(format!("{read:?}"), format!("{input:?}"), "{text}");
        }
    }

    #[test]
    fn they_look_like_this() {
        let input = Input {
            at: Timestamp::UNIX_EPOCH,
            given: Given::Request(Arc::new(HttpRequest {
                method: "GET".into(),
                path: "/service/cloud/robots".to_owned(),
                ..HttpRequest::default()
            })),
        };
        insta::assert_snapshot!(
            again(&input).0,
            @r#"{"at":"1970-01-01T00:00:00Z","request":{"method":"GET","path":"/service/cloud/robots","headers":[],"body":""}}"#
        );
        let time = Input { at: Timestamp::UNIX_EPOCH, given: Given::Time };
        insta::assert_snapshot!(again(&time).0, @r#"{"at":"1970-01-01T00:00:00Z","time":{}}"#);
    }

    #[test]
    fn what_is_no_input_is_refused() {
        for wrong in [
            "",
            "{}",
            r#"{"at":"1970-01-01T00:00:00Z"}"#,
            r#"{"at":"1970-01-01T00:00:00Z","sleep":1}"#,
            r#"{"at":"1970-01-01T00:00:00Z","result":{"callback":1,"attempt":1,"elapsed_us":0}}"#,
            r#"{"at":"x","time":{}}"#,
        ] {
            let read = Written::read(wrong.as_bytes()).and_then(Written::input);
            assert!(read.is_err(), "{wrong}");
        }
    }
}
