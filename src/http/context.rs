//! What connections and exchanges work with.

use std::sync::Arc;

use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::sync::watch;

use super::Limits;
use super::entrance::{Entrance, Way};
use super::state::ConnState;

/// The smallest buffer that hyper takes, in bytes.
const SMALLEST_BUFFER: usize = 8 << 10;

/// What all connections of a server work with.
pub(super) struct ServerContext<H> {
    pub(super) handler: H,
    pub(super) limits: Limits,
    /// What connections go through first.
    pub(super) entrance: Entrance,
    pub(super) http: auto::Builder<TokioExecutor>,
    /// Changes when the server ends.
    pub(super) shutdown: watch::Receiver<()>,
}

impl<H> ServerContext<H> {
    pub(super) fn new(handler: H, limits: Limits, entrance: Entrance, shutdown: watch::Receiver<()>) -> Self {
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
        Self { handler, limits, entrance, http, shutdown }
    }
}

/// What every exchange of a connection works with.
pub(super) struct ConnContext<H> {
    pub(super) server: Arc<ServerContext<H>>,
    pub(super) state: Arc<ConnState>,
    pub(super) way: Way,
    /// Whether the client has closed its side, looked at without reading.
    pub(super) is_gone: Box<dyn Fn() -> bool + Send + Sync>,
}
