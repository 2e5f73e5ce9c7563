//! The one small HTTP server.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, DATE, HeaderName, HeaderValue, TE, TRAILER, TRANSFER_ENCODING, UPGRADE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::read::{self, Unread};
use super::{BindError, HttpAnswer, HttpCall, Reply, bind};

/// How long nothing is accepted after the system refused to give a connection, mostly for want of descriptors.
const BREATH: Duration = Duration::from_millis(50);

/// Limits of a server.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The largest body, in bytes. A larger one is answered 413.
    pub body: usize,
    /// The most bytes of a request line and its headers. More are answered 431.
    pub header_bytes: usize,
    /// The most headers of a request. More are answered 431.
    pub header_count: usize,
    /// The most connections at a time. Others wait until one of these ends.
    pub connections: usize,
    /// How long a client may take for request line and headers, the idle time before them included. Then the
    /// connection is closed.
    pub header_read: Duration,
    /// How long nothing of a body may come. Then the request is answered 408.
    pub stall: Duration,
    /// How long exchanges may go on after the server was told to end.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 64 << 20,
            header_bytes: 64 << 10,
            header_count: 100,
            connections: 1024,
            header_read: Duration::from_secs(30),
            stall: Duration::from_secs(30),
            drain: Duration::from_secs(5),
        }
    }
}

/// A server that has its address and does not accept yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    addr: SocketAddr,
}

impl Server {
    /// Takes an address as a user writes it: `127.0.0.1:2479`; port 0 picks a free one, and `:2479` is a port of
    /// loopback. Clients may connect from now on; they are served once [`Server::serve`] runs.
    ///
    /// # Errors
    ///
    /// The message says what to do.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn bind(addr: &str) -> Result<Self, BindError> {
        let listener = bind::listen(addr)?;
        match listener.local_addr() {
            Ok(addr) => Ok(Self { listener, addr }),
            Err(reason) => Err(BindError::Unresolved { addr: addr.to_owned(), reason }),
        }
    }

    /// The address it has, with the port that was picked.
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until `shutdown` is ready. Then nothing more is accepted, idle connections are closed, and running
    /// exchanges may end within [`Limits::drain`].
    ///
    /// Returns how many connections had to be cut off.
    pub async fn serve<H, R>(self, handler: H, limits: Limits, shutdown: impl Future<Output = ()>) -> usize
    where
        H: Fn(HttpCall) -> R + Send + Sync + 'static,
        R: Future<Output = Reply> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let limits = Arc::new(limits);
        let places = Arc::new(Semaphore::new(limits.connections.clamp(1, Semaphore::MAX_PERMITS)));
        let (ending, end) = watch::channel(());
        let mut connections = JoinSet::new();
        let mut shutdown = pin!(shutdown);
        loop {
            let next = accept(&self.listener, &places);
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some(_) = connections.join_next() => {}
                (stream, place) = next => {
                    let exchange = connection(stream, handler.clone(), limits.clone(), end.clone());
                    connections.spawn(async move {
                        exchange.await;
                        drop(place);
                    });
                }
            }
        }
        drop(self.listener);
        drop(ending);
        let all = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(limits.drain, all).await.is_ok() {
            return 0;
        }
        let left = connections.len();
        connections.shutdown().await;
        left
    }
}

/// The next connection, once there is a place for it.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> (TcpStream, Option<tokio::sync::OwnedSemaphorePermit>) {
    // Never closed, so there always is a permit in the end.
    let place = places.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, place),
            Err(error) if of_the_client(&error) => {}
            Err(_) => tokio::time::sleep(BREATH).await,
        }
    }
}

/// Whether only the connection that was to be accepted is lost.
fn of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// One connection to its end. What goes wrong on it concerns nobody else.
async fn connection<H, R>(
    stream: TcpStream,
    handler: Arc<H>,
    limits: Arc<Limits>,
    mut end: watch::Receiver<()>,
) where
    H: Fn(HttpCall) -> R + Send + Sync + 'static,
    R: Future<Output = Reply> + Send + 'static,
{
    // Small answers should not wait for more to send; without the option they arrive all the same.
    let _ = stream.set_nodelay(true);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header_read)
        .max_headers(limits.header_count)
        .max_header_size(limits.header_bytes);
    let service = service_fn(move |request| exchange(request, handler.clone(), limits.clone()));
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        _ = &mut connection => return,
        _ = end.changed() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// The handler wants the connection closed without an answer.
#[derive(Debug)]
struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("closed without an answer")
    }
}

impl std::error::Error for Closed {}

async fn exchange<H, R>(
    request: Request<Incoming>,
    handler: Arc<H>,
    limits: Arc<Limits>,
) -> Result<Response<Full<Bytes>>, Closed>
where
    H: Fn(HttpCall) -> R,
    R: Future<Output = Reply>,
{
    let reply = match read::read(request, &limits).await {
        Ok(call) => handler(call).await,
        Err(unread) => Unread::answer(unread).into(),
    };
    match reply {
        Reply::Answer(answer) => Ok(response(answer)),
        Reply::Close | Reply::Stream(_) => Err(Closed),
    }
}

/// An answer that cannot be sent as it is meant is told so instead.
fn response(answer: HttpAnswer) -> Response<Full<Bytes>> {
    built(answer).unwrap_or_else(|message| {
        let instead = HttpAnswer::json(500, &json!({ "message": message }));
        let mut response = Response::new(Full::new(instead.body));
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}

fn built(answer: HttpAnswer) -> Result<Response<Full<Bytes>>, String> {
    let status = StatusCode::from_u16(answer.status).ok().filter(|status| !status.is_informational());
    let status = status.ok_or_else(|| format!("{} is not a status of an answer", answer.status))?;
    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() = status;
    for (name, value) in answer.headers {
        let unfit = || format!("the header `{}` cannot be sent", name.escape_debug());
        let name = HeaderName::try_from(&name).map_err(|_| unfit())?;
        let value = HeaderValue::try_from(&value).map_err(|_| unfit())?;
        if ![CONTENT_LENGTH, TRANSFER_ENCODING, DATE, TE, TRAILER, UPGRADE].contains(&name) {
            response.headers_mut().append(name, value);
        }
    }
    Ok(response)
}

#[cfg(test)]
mod tests;
