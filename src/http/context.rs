//! What connections and exchanges share.

use std::sync::Arc;

use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::sync::watch;

use super::Limits;
use super::entrance::{Entrance, Way};
use super::header_case::HeaderCase;
use super::state::ConnState;

/// The smallest buffer that hyper accepts, in bytes.
const SMALLEST_BUFFER: usize = 8 << 10;

/// The parts that all connections of a server share.
pub(super) struct ServerContext<H> {
    pub(super) handler: H,
    pub(super) limits: Limits,
    /// What a connection goes through before HTTP.
    pub(super) entrance: Entrance,
    pub(super) http: auto::Builder<TokioExecutor>,
    /// The spelling of the names of headers in responses.
    pub(super) header_case: HeaderCase,
    /// Signals the end of the server.
    pub(super) shutdown: watch::Receiver<()>,
}

impl<H> ServerContext<H> {
    pub(super) fn new(handler: H, limits: Limits, entrance: Entrance, shutdown: watch::Receiver<()>) -> Self {
        let mut http = auto::Builder::new(TokioExecutor::new());
        // Responses are small, so writing head and body in one piece costs the kernel less. Hyper's header timer covers
        // neither the detection of the version nor HTTP/2; the timer in `serve` covers both.
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
        Self { handler, limits, entrance, http, header_case: HeaderCase::default(), shutdown }
    }
}

/// The parts that all exchanges of a connection share.
pub(super) struct ConnContext<H> {
    pub(super) server: Arc<ServerContext<H>>,
    pub(super) state: Arc<ConnState>,
    pub(super) way: Way,
    /// Returns whether the client has closed its side, without reading from the connection.
    pub(super) is_gone: Box<dyn Fn() -> bool + Send + Sync>,
}
