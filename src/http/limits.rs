//! What a server takes from its clients, and for how long.

use std::time::Duration;

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
    /// How long a connection may be without a request: a client may take so long for request line and headers, the idle
    /// time before them included. Then it is closed, within [`Limits::drain`] at the latest.
    pub header_timeout: Duration,
    /// How long nothing of a body may arrive. Then the request is answered 408.
    pub body_timeout: Duration,
    /// How long a client may take nothing of a response that is ready for it. Then the connection is closed, and whoever
    /// makes the response is stopped.
    pub write_timeout: Duration,
    /// Whether a client that has closed its writing side is still answered. Over HTTP/1.1 nobody can tell it from one
    /// that is gone: without this it counts as gone, and the exchange is dropped.
    pub half_close: bool,
    /// The most requests at a time over one HTTP/2 connection. Others wait at the client.
    pub streams: u32,
    /// How often an HTTP/2 client is asked whether it is still there, and how long it may take to say so. Then the
    /// connection is closed.
    pub ping: Duration,
    /// How long a client waits in vain for [`Reply::Never`](crate::net::Reply::Never). Then the connection is closed, or
    /// the HTTP/2 stream reset.
    pub never: Duration,
    /// How long exchanges may go on once the server, or their connection, was asked to end.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 64 << 20,
            header_bytes: 64 << 10,
            header_count: 100,
            connections: 1024,
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            half_close: true,
            streams: 100,
            ping: Duration::from_secs(20),
            never: Duration::from_secs(5 * 60),
            drain: Duration::from_secs(5),
        }
    }
}
