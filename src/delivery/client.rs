//! The HTTP client: makes one attempt over the network.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use tokio::time::{Instant, timeout_at};

use super::faulty::Plan;
use super::pool::{Connection, Pool};
use super::{Attempt, AttemptResult, Failure, ReceiverResponse};
use crate::http::{Connector, HeaderCase, TlsError, TlsOptions};
use crate::net::{Guard, NotAllowed, Target};

/// Default for the idle connections kept per target.
const IDLE_PER_TARGET: usize = 32;

/// Replaces a timeout so long that its end can't be computed.
const ENDLESS: Duration = Duration::from_secs(30 * 366 * 24 * 3600);

/// Options of a client.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// The hosts that may be reached.
    pub guard: Guard,
    /// How TLS certificates are checked.
    pub tls: TlsOptions,
    /// Idle connections kept per target; 32 by default.
    pub idle_per_target: usize,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self { guard: Guard::default(), tls: TlsOptions::default(), idle_per_target: IDLE_PER_TARGET }
    }
}

/// Sends attempts over kept-alive connections, pooled by target. It needs a tokio runtime with time and network.
///
/// On the wire, `Host` comes first and `Content-Length` last. The headers of the attempt stand between them in their order and
/// letter case, except that all values of one name stand where its first value does. A `Host` among them replaces the client's
/// own. `Content-Length` is left out only for a GET or HEAD without a body.
///
/// Redirects are not followed. A request is never sent twice: if a kept-alive connection turns out to be closed, the request
/// is sent over a new one only if none of it was sent before.
#[derive(Debug)]
pub struct Client {
    connector: Connector,
    pool: Pool,
    header_case: HeaderCase,
}

/// Why an exchange has no response.
pub(super) enum Broken {
    /// Nothing of the request left this machine.
    Unsent(Failure),
    /// The receiver may have seen the request, or part of it.
    Failed(Failure),
}

impl Broken {
    pub(super) fn failure(self) -> Failure {
        match self {
            Self::Unsent(failure) | Self::Failed(failure) => failure,
        }
    }
}

impl Client {
    /// Creates a client without connections.
    ///
    /// # Errors
    ///
    /// If the file of additional certificate authorities can't be used.
    pub fn new(options: ClientOptions) -> Result<Self, TlsError> {
        Ok(Self {
            connector: Connector::new(options.guard, &options.tls)?,
            pool: Pool::new(options.idle_per_target),
            header_case: HeaderCase::default(),
        })
    }

    /// Checks whether a target may be reached, before anything is sent to it. A host name without an address is not an error
    /// yet.
    ///
    /// # Errors
    ///
    /// If the guard allows none of the target's addresses.
    pub async fn check(&self, target: &Target) -> Result<(), NotAllowed> {
        self.connector.check(target).await
    }

    /// Makes one attempt. It never fails: errors are part of the result.
    ///
    /// The policy's timeout spans connecting, the request and the whole response. Up to `answer_cap` bytes of the response's
    /// body are kept; if there are more, the connection is closed instead of reading the rest. Dropping the future cancels the
    /// attempt.
    pub async fn send(&self, attempt: &Attempt) -> AttemptResult {
        let started = Instant::now();
        let plan = (!attempt.wire.is_empty()).then(|| Plan::of(&attempt.wire));
        let result = match &plan {
            Some(plan) if plan.is_scripted => {
                let timeout = attempt.callback.policy.timeout;
                let deadline = started.checked_add(timeout).unwrap_or_else(|| started + ENDLESS);
                self.play(attempt, plan, deadline).await
            }
            _ => self.deliver(attempt, started).await,
        };
        let result = match result {
            Ok(answer) if plan.is_some_and(|plan| plan.loses_answer) => Err(Failure::lost(answer.status)),
            result => result,
        };
        AttemptResult { result, elapsed: started.elapsed() }
    }

    async fn deliver(&self, attempt: &Attempt, started: Instant) -> Result<ReceiverResponse, Failure> {
        let target = &*attempt.callback.target;
        let policy = &*attempt.callback.policy;
        let deadline = started.checked_add(policy.timeout).unwrap_or_else(|| started + ENDLESS);
        let exchange = async |mut connection: Connection, request| match timeout_at(
            deadline,
            exchange(&mut connection, request, target, policy.answer_cap),
        )
        .await
        {
            Ok(Ok((answer, reusable))) => {
                if reusable {
                    self.pool.put(target.origin(), connection);
                }
                Ok(answer)
            }
            Ok(Err(broken)) => Err(broken),
            Err(_) => Err(Broken::Failed(Failure::no_answer(target, policy.timeout))),
        };
        let mut request = self.request(attempt)?;
        if let Some(connection) = self.pool.take(target.origin()).await {
            match exchange(connection, request).await {
                Ok(answer) => return Ok(answer),
                Err(Broken::Failed(failure)) => return Err(failure),
                Err(Broken::Unsent(_)) => request = self.request(attempt)?,
            }
        }
        let connect = async { Connection::start(self.connector.connect(target).await?).await };
        let connection = match timeout_at(deadline, connect).await {
            Ok(connected) => connected.map_err(|error| Failure::connecting(target, error))?,
            Err(_) => return Err(Failure::no_connection(target, policy.timeout)),
        };
        exchange(connection, request).await.map_err(Broken::failure)
    }

    pub(super) fn connector(&self) -> &Connector {
        &self.connector
    }

    pub(super) fn request(&self, attempt: &Attempt) -> Result<Request<Full<Bytes>>, Failure> {
        let callback = &attempt.callback;
        let method = method(attempt)?;
        let path: PathAndQuery = callback.target.path_and_query().parse().map_err(|error| {
            Failure::unsendable(format!("`{}` can't be requested: {error}", callback.target.path_and_query()))
        })?;
        let (headers, own_host, length) = headers(attempt, &method)?;
        let names = own_host
            .then_some("Host")
            .into_iter()
            .chain(attempt.headers.iter().map(|(name, _)| &**name))
            .chain(length.map(|_| "Content-Length"));
        let extensions = self.header_case.extensions(names).ok_or_else(|| {
            Failure::unsendable("the names of the headers can't be sent together".to_owned())
        })?;

        let mut request = Request::new(Full::new(attempt.body.clone()));
        *request.method_mut() = method;
        *request.uri_mut() = Uri::from(path);
        *request.headers_mut() = headers;
        *request.extensions_mut() = extensions;
        Ok(request)
    }
}

/// Returns the headers of a request, whether `Host` is the client's own, and the length if it is written.
fn headers(attempt: &Attempt, method: &Method) -> Result<(HeaderMap, bool, Option<usize>), Failure> {
    let callback = &attempt.callback;
    let own_host = !attempt.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host"));
    let length = (!attempt.body.is_empty() || !matches!(*method, Method::GET | Method::HEAD))
        .then(|| attempt.body.len());

    let mut headers =
        HeaderMap::try_with_capacity(attempt.headers.len() + 2).map_err(|_| too_many_headers())?;
    if own_host {
        append(&mut headers, HOST, "Host", callback.target.authority())?;
    }
    for (name, value) in &attempt.headers {
        let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
            Failure::unsendable(format!("`{}` can't be the name of a header", name.escape_debug()))
        })?;
        if parsed == CONTENT_LENGTH || parsed == TRANSFER_ENCODING {
            return Err(Failure::unsendable(format!(
                "the header `{name}` is written by the client itself: leave it out"
            )));
        }
        append(&mut headers, parsed, name, value)?;
    }
    if let Some(length) = length {
        append(&mut headers, CONTENT_LENGTH, "Content-Length", &length.to_string())?;
    }
    Ok((headers, own_host, length))
}

/// Checks whether an attempt can be sent as it is. Code that writes requests in another way than this client calls it first.
pub(crate) fn check(attempt: &Attempt) -> Result<(), Failure> {
    let method = method(attempt)?;
    headers(attempt, &method).map(drop)
}

fn method(attempt: &Attempt) -> Result<Method, Failure> {
    let name = &attempt.callback.method;
    Method::from_bytes(name.as_bytes())
        .map_err(|_| Failure::unsendable(format!("`{name}` is not an HTTP method")))
}

fn append(headers: &mut HeaderMap, name: HeaderName, spelled: &str, value: &str) -> Result<(), Failure> {
    let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| {
        Failure::unsendable(format!(
            "the value of the header `{spelled}` holds a line break or control character"
        ))
    })?;
    headers.try_append(name, value).map(|_| ()).map_err(|_| too_many_headers())
}

fn too_many_headers() -> Failure {
    Failure::unsendable("there are more headers than a request can hold".to_owned())
}

/// Sends a request and reads the response. The flag says whether the connection can be used again.
pub(super) async fn exchange(
    connection: &mut Connection,
    request: Request<Full<Bytes>>,
    target: &Target,
    cap: usize,
) -> Result<(ReceiverResponse, bool), Broken> {
    connection.busy = true;
    connection.traffic.reset();
    let response = match connection.sender.try_send_request(request).await {
        Ok(response) => response,
        Err(error) => {
            // hyper returns the request if it never began to write it.
            let unsent = error.message().is_some();
            // Over TLS, bytes may arrive that do not belong to HTTP.
            let spoke_first = unsent && !target.is_tls() && connection.traffic.received();
            let failure = Failure::head(target, error.error(), spoke_first);
            return Err(match unsent || !connection.traffic.sent() {
                true => Broken::Unsent(failure),
                false => Broken::Failed(failure),
            });
        }
    };
    // After an HTTP/1.0 response, hyper would use HTTP/1.0 too, so the bytes of requests would no longer be the same.
    let keeps =
        response.version() == Version::HTTP_11 && response.status() != StatusCode::SWITCHING_PROTOCOLS;
    let answer = read(response, target, cap).await.map_err(Broken::Failed)?;
    connection.busy = answer.truncated;
    let reusable = keeps && !answer.truncated;
    Ok((answer, reusable))
}

async fn read(
    response: Response<Incoming>,
    target: &Target,
    cap: usize,
) -> Result<ReceiverResponse, Failure> {
    let (head, mut incoming) = response.into_parts();
    let status = head.status.as_u16();
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    // Copied, because a slice of the read buffer would keep the whole buffer in memory as long as the response is kept.
    let mut body = Vec::new();
    let mut truncated = false;
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| Failure::body(target, &error, status, body.len()))?;
        let Ok(data) = frame.into_data() else { continue };
        let room = cap.saturating_sub(body.len());
        body.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            truncated = true;
            break;
        }
    }
    body.shrink_to_fit();
    Ok(ReceiverResponse { status, headers, body: Bytes::from(body), truncated })
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
