//! The one small HTTP server: the address, the connections it accepts, and its end.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::{BindError, bind, connection};

use crate::net::{HttpRequest, Reply};

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
    /// connection is closed, at most an eighth of the time later. Over HTTP/2 it is how long a connection may be without
    /// any request.
    pub header_read: Duration,
    /// How long nothing of a body may come. Then the request is answered 408.
    pub stall: Duration,
    /// How long a client may take nothing of an answer that is ready for it. Then the connection is closed, and whoever
    /// makes the answer is let go.
    pub write: Duration,
    /// Whether a client that has closed its writing side is still answered. Over HTTP/1.1 nobody can tell it from one
    /// that is gone: without this it counts as gone, and the exchange is dropped.
    pub half_close: bool,
    /// The most requests at a time over one HTTP/2 connection. Others wait at the client.
    pub streams: u32,
    /// How often an HTTP/2 client is asked whether it is still there, and how long it may take to say so. Then the
    /// connection is closed.
    pub ping: Duration,
    /// How long a client waits in vain for [`Reply::Never`]. Then the connection is closed, or the HTTP/2 stream reset.
    pub never: Duration,
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
            write: Duration::from_secs(30),
            half_close: true,
            streams: 100,
            ping: Duration::from_secs(20),
            never: Duration::from_secs(5 * 60),
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
        H: Fn(HttpRequest) -> R + Send + Sync + 'static,
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
                    let exchange = connection::serve(stream, handler.clone(), limits.clone(), end.clone());
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

#[cfg(test)]
mod tests;
