//! What a server accepts from its clients, and how long it waits for them.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hyper::header::HeaderValue;

use super::Budget;
use crate::net::HttpResponse;

/// Which requests may have bodies up to [`Limits::body`], by method and path; all others, up to [`Limits::usual_body`].
#[derive(Clone)]
pub struct LargeBodies(Arc<IsLarge>);

/// Whether the body of a request may be large, by its method and its path.
type IsLarge = dyn Fn(&str, &str) -> bool + Send + Sync;

impl LargeBodies {
    /// The requests for which `is_large` returns true.
    pub fn of(is_large: impl Fn(&str, &str) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(is_large))
    }
}

impl fmt::Debug for LargeBodies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LargeBodies")
    }
}

/// Which requests are refused, by path, because the mock is shutting down.
#[derive(Clone)]
pub struct TurnedAway(Arc<IsTurnedAway>);

/// Whether a request is refused, by its path.
type IsTurnedAway = dyn Fn(&str) -> bool + Send + Sync;

impl TurnedAway {
    /// The requests for which `is_turned_away` returns true.
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

/// How bodies that are too large are refused, by path.
#[derive(Clone)]
pub struct TooLarge(Arc<Refuses>);

/// Writes the refusal of a request, by its path and a message. `None` if the path is not known.
type Refuses = dyn Fn(&str, &str) -> Option<HttpResponse> + Send + Sync;

impl TooLarge {
    /// The refusals that `refuse` writes by path and message. Their status is 413 in any case.
    pub fn refusing(refuse: impl Fn(&str, &str) -> Option<HttpResponse> + Send + Sync + 'static) -> Self {
        Self(Arc::new(refuse))
    }

    pub(super) fn answer(&self, path: &str, message: &str) -> Option<HttpResponse> {
        (self.0)(path, message)
    }
}

impl fmt::Debug for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TooLarge")
    }
}

/// Limits of a server.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Maximum size of a body, in bytes. A larger one is answered 413.
    pub body: usize,
    /// Maximum size of the body of requests that carry neither lists nor files, if it is known which requests do.
    pub usual_body: usize,
    /// Which requests carry lists or files. `None` means that all of them may.
    pub large_bodies: Option<LargeBodies>,
    /// How bodies that are too large are refused. `None` means with a message alone, like everything else that is not read.
    pub too_large: Option<TooLarge>,
    /// Which requests are answered 503, decided when they begin. `None` means that none are.
    pub turned_away: Option<TurnedAway>,
    /// The header `Server` of every response.
    pub server: Option<HeaderValue>,
    /// Memory that all connections together may take. Requests beyond it are answered 503.
    pub budget: Budget,
    /// Maximum size of the request line and headers, in bytes. More are answered 431.
    pub header_bytes: usize,
    /// Maximum number of headers of a request. More are answered 431.
    pub header_count: usize,
    /// Maximum number of open connections. A further one replaces the connection that has waited longest for its client.
    pub connections: usize,
    /// How long a connection must have waited for its client before it gives its place to another.
    pub give_way: Duration,
    /// How long a connection may be without a request, which includes the idle time before it and the time to send request
    /// line and headers. Then it is closed, within [`Limits::drain`] at the latest.
    pub header_timeout: Duration,
    /// How long a body may make no progress. Then the request is answered 408.
    pub body_timeout: Duration,
    /// How long a whole body may take. Then the request is answered 408.
    pub body_deadline: Duration,
    /// Minimum rate of a body in bytes per second, on average, after the first [`Limits::body_timeout`]. A slower request
    /// is answered 408.
    pub body_rate: u32,
    /// How long a client may read nothing of a response that is ready for it. Then the connection is closed, and the
    /// producer of the response is stopped.
    pub write_timeout: Duration,
    /// Whether a client that has closed its writing side still gets its response. Over HTTP/1.1 such a client cannot be
    /// told from one that is gone: without this it counts as gone, and the exchange is dropped.
    pub half_close: bool,
    /// Maximum number of concurrent requests on one HTTP/2 connection. Others wait at the client.
    pub streams: u32,
    /// How often an HTTP/2 client is pinged, and how long it may take to answer. Then the connection is closed.
    pub ping: Duration,
    /// How long a client waits for a [`Reply::Never`](crate::net::Reply::Never). Then the connection is closed, or the
    /// HTTP/2 stream reset.
    pub never: Duration,
    /// How long exchanges may continue after the server, or their connection, was asked to end.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 64 << 20,
            usual_body: 1 << 20,
            large_bodies: None,
            too_large: None,
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
    /// The maximum size of the body of this request, in bytes.
    pub(super) fn body_of(&self, method: &str, path: &str) -> usize {
        match &self.large_bodies {
            Some(LargeBodies(is_large)) if !is_large(method, path) => self.usual_body.min(self.body),
            _ => self.body,
        }
    }
}
