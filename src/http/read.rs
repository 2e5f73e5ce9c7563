//! Reads a whole request within the limits.

use std::borrow::Cow;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::{EXPECT, HOST, HeaderMap};
use hyper::http::request::Parts;
use hyper::http::uri::{Authority, Scheme};
use hyper::{Method, Request, Version};
use serde_json::json;
use tokio::time::Instant;

use super::Limits;
use super::budget::Share;
use crate::net::{Headers, HttpRequest, HttpResponse, Via};

/// How long to keep reading from a client that sends too much before it gets its response.
const DRAIN: Duration = Duration::from_secs(2);

/// Buffer size reserved for a body before any of it has arrived, in bytes.
const FIRST_ROOM: usize = 1 << 20;

/// Typical size of a header, in bytes.
const USUAL: usize = 48;

/// Why a request was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// More than the limit of this many bytes.
    TooLarge(usize),
    /// Nothing arrived for this long.
    Stalled(Duration),
    /// More than the limit of this many headers.
    TooMany(usize),
    /// Request line and headers have more than the limit of this many bytes.
    TooLong(usize),
    /// This many `Host` headers instead of exactly one (RFC 9112, section 3.2).
    Hosts(usize),
    /// Overall, the body arrived slower than this many bytes per second, or took longer than this.
    Slow(u32, Duration),
    /// The memory budget has no room for it now.
    Crowded,
    /// The request is not HTTP, or was cut off.
    Broken,
}

/// The 503 response when the memory budget or connection limit is exhausted.
pub(super) fn crowded() -> HttpResponse {
    let message = "the mock is busy with bodies and responses of other clients ([limits] memory_mb and \
        connections): try again";
    HttpResponse::json(503, &json!({ "message": message })).retry_after(1)
}

/// The 503 response for requests that arrive during shutdown.
pub(super) fn ending() -> HttpResponse {
    HttpResponse::json(503, &json!({ "message": "the mock is shutting down and accepts no new requests" }))
        .retry_after(1)
}

impl Unread {
    /// The response, after which the connection can't be used any more. `own` writes the message in the form of the endpoint,
    /// if that is known.
    pub(super) fn answer(self, own: impl FnOnce(&str) -> Option<HttpResponse>) -> HttpResponse {
        let (status, message) = match self {
            Self::TooLarge(limit) => (413, format!("the body is larger than the limit of {limit} bytes")),
            Self::Stalled(limit) => {
                (408, format!("no request body data received for {}", crate::time::HumanDuration(limit)))
            }
            Self::TooMany(limit) => (431, format!("the request has more than the limit of {limit} headers")),
            Self::TooLong(limit) => {
                (431, format!("request line and headers are larger than the limit of {limit} bytes"))
            }
            Self::Hosts(0) => (400, "the request has no Host header, which HTTP/1.1 requires".to_owned()),
            Self::Hosts(count) => {
                (400, format!("the request has {count} Host headers; exactly one is required"))
            }
            Self::Slow(rate, deadline) => {
                let deadline = crate::time::HumanDuration(deadline);
                (
                    408,
                    format!(
                        "the body arrives more slowly than {rate} bytes a second, or takes longer than \
                        {deadline}"
                    ),
                )
            }
            Self::Crowded => {
                let mut answer = crowded();
                answer.headers.push(("connection".into(), "close".into()));
                return answer;
            }
            Self::Broken => (400, "malformed or truncated request body".to_owned()),
        };
        let mut answer = own(&message)
            .map(|answer| HttpResponse { status, ..answer })
            .unwrap_or_else(|| HttpResponse::json(status, &json!({ "message": message })));
        answer.headers.push(("connection".into(), "close".into()));
        answer
    }
}

/// Reads a request. The body of GET and HEAD is read and dropped: some clients repeat their query in it. `share` holds the
/// memory that the request takes.
pub(super) async fn read(
    request: Request<Incoming>,
    limits: &Limits,
    share: &mut Share,
    via: Via,
) -> Result<HttpRequest, Unread> {
    let (head, mut body) = request.into_parts();
    // A client may send a proxy the whole URL, including the scheme `https`.
    let tls = via.tls || (via.proxy && head.uri.scheme() == Some(&Scheme::HTTPS));
    let via = Via { tls, ..via };
    // Over HTTP/1.1 hyper has counted them already, but hyper enforces its own minimum for the limit in bytes.
    if head.headers.len() > limits.header_count {
        return Err(Unread::TooMany(limits.header_count));
    }
    if head_size(&head) > limits.header_bytes {
        return Err(Unread::TooLong(limits.header_bytes));
    }
    match head.headers.get_all(HOST).iter().count() {
        1 => {}
        0 if head.version < Version::HTTP_11 || head.uri.authority().is_some() => {}
        count => return Err(Unread::Hosts(count)),
    }
    let waits = head.headers.contains_key(EXPECT);
    let keep = head.method != Method::GET && head.method != Method::HEAD;
    let usual = usize::try_from(body.size_hint().upper().unwrap_or(u64::MAX)).unwrap_or(usize::MAX);
    let most = match usual <= limits.usual_body {
        true => limits.body,
        false => limits.body_of(head.method.as_str(), head.uri.path()),
    };
    let body = read_body(&mut body, limits, (most, waits, keep), share).await?;
    // Over HTTP/2 and through proxies the host is part of the URI, which takes precedence over the header (RFC 9112,
    // section 3.2.2).
    let host = head.uri.authority();
    let headers = headers(host.map(Authority::as_str), &head.headers);
    Ok(HttpRequest {
        method: method(&head.method),
        path: match head.uri.path() {
            "" => "/".to_owned(),
            path => path.to_owned(),
        },
        query: head.uri.query().map(str::to_owned),
        headers,
        body,
        via,
    })
}

/// The approximate size of request line and headers, in bytes.
fn head_size(head: &Parts) -> usize {
    let target = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
    let headers = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    headers.sum::<usize>() + head.method.as_str().len() + target
}

/// Copies all headers, after a host that is not among them. A copy, because they must not keep the buffer of the connection
/// alive.
fn headers(host: Option<&str>, came: &HeaderMap) -> Headers {
    let mut headers = Headers::with_capacity(came.len(), came.len() * USUAL);
    if let Some(host) = host {
        headers.push(HOST.as_str(), host);
    }
    for (name, value) in came.iter().filter(|(name, _)| host.is_none() || *name != HOST) {
        match std::str::from_utf8(value.as_bytes()) {
            Ok(value) => headers.push(name.as_str(), value),
            Err(_) => headers.push(name.as_str(), &String::from_utf8_lossy(value.as_bytes())),
        }
    }
    headers
}

fn method(method: &Method) -> Cow<'static, str> {
    match *method {
        Method::GET => "GET".into(),
        Method::POST => "POST".into(),
        Method::HEAD => "HEAD".into(),
        _ => method.as_str().to_ascii_uppercase().into(),
    }
}

async fn read_body(
    body: &mut Incoming,
    limits: &Limits,
    (most, waits, keep): (usize, bool, bool),
    share: &mut Share,
) -> Result<Bytes, Unread> {
    let began = Instant::now();
    let announced = body.size_hint().exact().unwrap_or(0);
    let announced = usize::try_from(announced).unwrap_or(usize::MAX);
    if announced > most {
        if !waits {
            // A client that is still writing would see a reset connection instead of the response.
            let _ = tokio::time::timeout(DRAIN, drain(body, limits)).await;
        }
        return Err(Unread::TooLarge(most));
    }
    let first = if keep { announced.min(FIRST_ROOM) } else { 0 };
    if !share.grow(first) {
        return refuse(body, limits).await;
    }
    let mut whole = BytesMut::with_capacity(first);
    let mut length = 0;
    // Over HTTP/1.1 the end is known without polling once more.
    while !body.is_end_stream()
        && let Some(data) = next(body, limits, allowed(limits, began, length)).await?
    {
        length += data.len();
        if length > most {
            drop(whole);
            let _ = tokio::time::timeout(DRAIN, drain(body, limits)).await;
            return Err(Unread::TooLarge(most));
        }
        if keep {
            let (room, needed) = (whole.capacity(), whole.len() + data.len());
            if needed > room {
                let wanted = (2 * room).min(announced).max(needed);
                if !share.grow(wanted - room) {
                    drop(whole);
                    return refuse(body, limits).await;
                }
                whole.reserve(wanted - whole.len());
            }
            whole.extend_from_slice(&data);
        }
    }
    Ok(whole.freeze())
}

/// Refuses a body for lack of memory, in a way that a client that is still writing can read.
async fn refuse(body: &mut Incoming, limits: &Limits) -> Result<Bytes, Unread> {
    let _ = tokio::time::timeout(DRAIN, drain(body, limits)).await;
    Err(Unread::Crowded)
}

/// How long the next piece of a body may take, given that `length` bytes have arrived.
fn allowed(limits: &Limits, began: Instant, length: usize) -> Duration {
    let by_rate =
        limits.body_timeout + Duration::from_secs(length as u64 / u64::from(limits.body_rate.max(1)));
    limits.body_deadline.min(by_rate).saturating_sub(began.elapsed())
}

/// Returns the next piece of a body; trailers are ignored.
async fn next(body: &mut Incoming, limits: &Limits, allowed: Duration) -> Result<Option<Bytes>, Unread> {
    loop {
        let frame = tokio::time::timeout(limits.body_timeout.min(allowed), body.frame()).await;
        match frame.map_err(|_| overdue(limits, allowed))? {
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

fn overdue(limits: &Limits, allowed: Duration) -> Unread {
    if allowed < limits.body_timeout {
        Unread::Slow(limits.body_rate, limits.body_deadline)
    } else {
        Unread::Stalled(limits.body_timeout)
    }
}

async fn drain(body: &mut Incoming, limits: &Limits) {
    while let Ok(Some(_)) = next(body, limits, Duration::MAX).await {}
}
