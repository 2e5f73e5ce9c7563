//! What a server takes from its clients, and for how long.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::HeaderValue;

use super::Budget;

/// Which requests may have bodies up to [`Limits::body`], by method and path; all others, up to [`Limits::usual_body`].
#[derive(Clone)]
pub struct LargeBodies(Arc<IsLarge>);

/// Whether the body of a request may be large, by its method and its path.
type IsLarge = dyn Fn(&str, &str) -> bool + Send + Sync;

impl LargeBodies {
    /// Those for which it says so.
    pub fn of(is_large: impl Fn(&str, &str) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(is_large))
    }
}

impl fmt::Debug for LargeBodies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LargeBodies")
    }
}

/// Which requests are turned away, by path: the mock ends and begins nothing new.
#[derive(Clone)]
pub struct TurnedAway(Arc<IsTurnedAway>);

/// Whether a request is turned away, by its path.
type IsTurnedAway = dyn Fn(&str) -> bool + Send + Sync;

impl TurnedAway {
    /// Those for which it says so.
    pub fn of(is_turned_away: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(is_turned_away))
    }

    pub(super) fn has(&self, path: &str) -> bool {
        (self.0)(path)
    }
}

impl fmt::Debug for TurnedAway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TurnedAway")
    }
}

/// Limits of a server.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The largest body, in bytes. A larger one is answered 413.
    pub body: usize,
    /// The largest body of requests that bring neither lists nor files, where it is known which ones do.
    pub usual_body: usize,
    /// Which requests bring lists or files. Nothing: all may.
    pub large_bodies: Option<LargeBodies>,
    /// Which requests are answered 503, where some are, decided when they begin.
    pub turned_away: Option<TurnedAway>,
    /// What every answer says of who gives it, in its header `Server`.
    pub server: Option<HeaderValue>,
    /// The memory that all connections may take together. Beyond it requests are answered 503.
    pub budget: Budget,
    /// The most bytes of a request line and its headers. More are answered 431.
    pub header_bytes: usize,
    /// The most headers of a request. More are answered 431.
    pub header_count: usize,
    /// The most connections at a time. For another one, that which has waited longest for its client makes place.
    pub connections: usize,
    /// How long a connection must have waited for its client before it makes place for another.
    pub give_way: Duration,
    /// How long a connection may be without a request: a client may take so long for request line and headers, the idle
    /// time before them included. Then it is closed, within [`Limits::drain`] at the latest.
    pub header_timeout: Duration,
    /// How long nothing of a body may arrive. Then the request is answered 408.
    pub body_timeout: Duration,
    /// How long a whole body may take. Then the request is answered 408.
    pub body_deadline: Duration,
    /// How many bytes of a body must arrive in a second, on an average, after the first
    /// [`Limits::body_timeout`]. If fewer do, the
    /// request is answered 408.
    pub body_rate: u32,
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
            usual_body: 1 << 20,
            large_bodies: None,
            turned_away: None,
            server: None,
            budget: Budget::new(512 << 20),
            header_bytes: 64 << 10,
            header_count: 100,
            connections: 1024,
            give_way: Duration::from_millis(100),
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(30),
            body_deadline: Duration::from_secs(5 * 60),
            body_rate: 1 << 10,
            write_timeout: Duration::from_secs(30),
            half_close: true,
            streams: 100,
            ping: Duration::from_secs(20),
            never: Duration::from_secs(5 * 60),
            drain: Duration::from_secs(5),
        }
    }
}

impl Limits {
    /// The largest body of a request.
    pub(super) fn body_of(&self, method: &str, path: &str) -> usize {
        match &self.large_bodies {
            Some(LargeBodies(is_large)) if !is_large(method, path) => self.usual_body.min(self.body),
            _ => self.body,
        }
    }
}
