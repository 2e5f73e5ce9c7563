//! Reading a whole request within the limits.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, EXPECT, HOST};
use hyper::{Method, Request};
use serde_json::json;

use super::{HttpAnswer, HttpCall, Limits};

/// How long a client that sends too much is listened to before it gets its answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// How much room is made for a body before any of it has come.
const FIRST_ROOM: usize = 1 << 20;

/// Why a request was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// More than the limit of this many bytes.
    TooLarge(usize),
    /// Nothing came for so long.
    Stalled(Duration),
    /// More than the limit of this many headers.
    TooMany(usize),
    /// Not HTTP, or cut off.
    Broken,
}

impl Unread {
    /// The answer, after which the connection is of no more use.
    pub(super) fn answer(self) -> HttpAnswer {
        let (status, message) = match self {
            Self::TooLarge(limit) => (413, format!("the body is larger than the limit of {limit} bytes")),
            Self::Stalled(limit) => {
                (408, format!("nothing of the body came for {}", crate::files::Lapse(limit)))
            }
            Self::TooMany(limit) => (431, format!("the request has more than the limit of {limit} headers")),
            Self::Broken => (400, "the body is not framed as HTTP says, or was cut off".to_owned()),
        };
        let mut answer = HttpAnswer::json(status, &json!({ "message": message }));
        answer.headers.push((CONNECTION.to_string(), "close".to_owned()));
        answer
    }
}

/// Reads a request. The body of GET and HEAD is read and dropped: some clients repeat their query in it.
pub(super) async fn read(request: Request<Incoming>, limits: &Limits) -> Result<HttpCall, Unread> {
    let (head, mut body) = request.into_parts();
    // Over HTTP/1.1 the connection has counted them already.
    if head.headers.len() > limits.header_count {
        return Err(Unread::TooMany(limits.header_count));
    }
    let waits = head.headers.contains_key(EXPECT);
    let keep = head.method != Method::GET && head.method != Method::HEAD;
    let body = read_body(&mut body, limits, waits, keep).await?;
    // Over HTTP/2 the host stands in the URI only.
    let host = head.uri.authority().filter(|_| !head.headers.contains_key(HOST));
    let host = host.map(|host| (HOST.to_string(), host.to_string()));
    let headers = head.headers.iter().map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    Ok(HttpCall {
        method: head.method.as_str().to_ascii_uppercase(),
        path: match head.uri.path() {
            "" => "/".to_owned(),
            path => path.to_owned(),
        },
        query: head.uri.query().map(str::to_owned),
        headers: host.into_iter().chain(headers).collect(),
        body,
    })
}

async fn read_body(body: &mut Incoming, limits: &Limits, waits: bool, keep: bool) -> Result<Bytes, Unread> {
    let announced = body.size_hint().exact().unwrap_or(0);
    let announced = usize::try_from(announced).unwrap_or(usize::MAX);
    if announced > limits.body {
        if !waits {
            // A client that is still writing would see a reset connection in place of the answer.
            let _ = tokio::time::timeout(PATIENCE, drain(body, limits)).await;
        }
        return Err(Unread::TooLarge(limits.body));
    }
    let mut whole = BytesMut::with_capacity(if keep { announced.min(FIRST_ROOM) } else { 0 });
    let mut length = 0;
    while let Some(data) = next(body, limits).await? {
        length += data.len();
        if length > limits.body {
            drop(whole);
            let _ = tokio::time::timeout(PATIENCE, drain(body, limits)).await;
            return Err(Unread::TooLarge(limits.body));
        }
        if keep {
            whole.extend_from_slice(&data);
        }
    }
    Ok(whole.freeze())
}

/// The next piece of a body; trailers are passed over.
async fn next(body: &mut Incoming, limits: &Limits) -> Result<Option<Bytes>, Unread> {
    loop {
        let frame = tokio::time::timeout(limits.stall, body.frame()).await;
        match frame.map_err(|_| Unread::Stalled(limits.stall))? {
            None => return Ok(None),
            Some(Err(_)) => return Err(Unread::Broken),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

async fn drain(body: &mut Incoming, limits: &Limits) {
    while let Ok(Some(_)) = next(body, limits).await {}
}
