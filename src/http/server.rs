//! The one small HTTP server: the address, the connections it accepts, and its end.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::connection;
use super::context::ServerContext;
use super::transport::Listener;
use super::{BindError, Limits, bind};
use crate::net::{HttpRequest, Reply};

/// How long nothing is accepted after the system refused to give a connection, mostly for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

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
    /// If the address cannot be read, resolved or listened on; the message says what to do.
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
        serve(self.listener, handler, limits, shutdown).await
    }
}

/// [`Server::serve`] over any connections.
async fn serve<L, H, R>(
    mut listener: L,
    handler: H,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> usize
where
    L: Listener,
    H: Fn(HttpRequest) -> R + Send + Sync + 'static,
    R: Future<Output = Reply> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(limits.connections.clamp(1, Semaphore::MAX_PERMITS)));
    let drain = limits.drain;
    let (ending, end) = watch::channel(());
    let context = Arc::new(ServerContext::new(handler, limits, end));
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            (stream, place) = accept(&mut listener, &places) => {
                let exchange = connection::serve(stream, context.clone());
                connections.spawn(async move {
                    exchange.await;
                    drop(place);
                });
            }
        }
    }
    drop(listener);
    drop(ending);
    let all = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(drain, all).await.is_ok() {
        return 0;
    }
    let left = connections.len();
    connections.shutdown().await;
    left
}

/// The next connection, once there is a place for it.
async fn accept<L: Listener>(
    listener: &mut L,
    places: &Arc<Semaphore>,
) -> (L::Stream, Option<OwnedSemaphorePermit>) {
    // Never closed, so there always is a permit in the end.
    let place = places.clone().acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok(stream) => return (stream, place),
            Err(error) if is_of_the_client(&error) => {}
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Whether only the connection that was to be accepted is lost.
fn is_of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests;
