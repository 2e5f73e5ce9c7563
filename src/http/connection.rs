//! One connection from its first byte to its end, HTTP/1.1 or HTTP/2 as the client speaks.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::Limits;
use super::exchange::exchange;
use super::state::{ConnState, Overdue};
use super::transport::{TimedStream, Transport, finish};
use crate::net::{HttpRequest, Reply};

/// The smallest buffer that hyper takes, in bytes.
const SMALLEST_BUFFER: usize = 8 << 10;

/// What all connections of a server work with.
pub(super) struct ServerContext<H> {
    pub(super) handler: H,
    pub(super) limits: Limits,
    pub(super) http: auto::Builder<TokioExecutor>,
    /// Changes when the server ends.
    pub(super) shutdown: watch::Receiver<()>,
}

impl<H> ServerContext<H> {
    pub(super) fn new(handler: H, limits: Limits, shutdown: watch::Receiver<()>) -> Self {
        let mut http = auto::Builder::new(TokioExecutor::new());
        // Responses are small: head and body in one piece cost the kernel less. Hyper's timer for headers covers neither
        // the bytes that tell the version nor HTTP/2: the one in `serve` covers all of them.
        http.http1()
            .half_close(limits.half_close)
            .writev(false)
            .header_read_timeout(None)
            .max_headers(limits.header_count)
            .max_buf_size(limits.header_bytes.max(SMALLEST_BUFFER));
        http.http2()
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
            .max_concurrent_streams(limits.streams)
            .keep_alive_interval(limits.ping)
            .keep_alive_timeout(limits.ping);
        Self { handler, limits, http, shutdown }
    }
}

/// What every exchange of a connection works with.
pub(super) struct ConnContext<H> {
    pub(super) server: Arc<ServerContext<H>>,
    pub(super) state: Arc<ConnState>,
}

/// Serves a connection. What goes wrong on it concerns nobody else.
pub(super) async fn serve<S, H, R>(stream: S, server: Arc<ServerContext<H>>)
where
    S: Transport,
    H: Fn(HttpRequest) -> R + Send + Sync + 'static,
    R: Future<Output = Reply> + Send + 'static,
{
    let (limits, mut shutdown) = (&server.limits, server.shutdown.clone());
    let (state, mut wish) = ConnState::new();
    let state = Arc::new(state);
    let stream = Arc::new(Mutex::new(stream));
    let ending = {
        let io = TimedStream::new(stream.clone(), limits.write_timeout);
        let context = Arc::new(ConnContext { server: server.clone(), state: state.clone() });
        let service = service_fn(move |request| exchange(request, context.clone()));
        let mut connection = pin!(server.http.serve_connection(TokioIo::new(io), service));
        let mut is_ending = false;
        // Hyper watches neither whether an HTTP/2 client ever asks for anything nor whether it takes the responses that
        // it asked for, so that one that answers pings could keep its connection for ever.
        let mut timer = pin!(sleep(limits.write_timeout.min(limits.header_timeout)));
        loop {
            tokio::select! {
                biased;
                _ = connection.as_mut() => return,
                Ok(ending) = &mut wish => break ending,
                _ = shutdown.changed(), if !is_ending => {
                    is_ending = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = timer.as_mut() => match state.check(limits) {
                    Ok(next) => timer.as_mut().reset(next),
                    Err(Overdue::Idle) if !is_ending => {
                        is_ending = true;
                        connection.as_mut().graceful_shutdown();
                        timer.as_mut().reset(Instant::now() + limits.drain);
                    }
                    Err(_) => return,
                }
            }
        }
    };
    // Hyper's part is dropped by now.
    if let Some(stream) = Arc::into_inner(stream) {
        let stream = stream.into_inner().unwrap_or_else(PoisonError::into_inner);
        finish(stream, ending, limits.never, shutdown).await;
    }
}
