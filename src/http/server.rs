//! The one small HTTP server: its address, the connections it accepts, and its shutdown.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::connection;
use super::context::ServerContext;
use super::entrance::{Entrance, Proxy, Refused};
use super::places::Places;
use super::state::ConnState;
use super::transport::Listener;
use super::{BindError, Limits, ServerTls, bind, is_out_of_files};
use crate::net::{HttpRequest, Reply};

/// How long to pause after the system failed to accept a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long to wait before asking another connection to give up its place, or before looking again when none could.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A server that is bound to its address but does not accept connections yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    addr: SocketAddr,
    entrance: Entrance,
}

impl Server {
    /// Binds an address as a user writes it: `127.0.0.1:2479`; port 0 picks a free one, and `:2479` is a port of loopback.
    /// Clients may connect from now on; they are served once [`Server::serve`] runs.
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
            Ok(addr) => Ok(Self { listener, addr, entrance: Entrance::Plain }),
            Err(reason) => Err(BindError::Unresolved { addr: addr.to_owned(), reason }),
        }
    }

    /// Serves over TLS. A client that speaks plain HTTP gets a response that says so.
    #[must_use]
    pub fn with_tls(self, tls: ServerTls) -> Self {
        Self { entrance: Entrance::Tls(tls), ..self }
    }

    /// Acts as a proxy for clients that request these hosts: the server plays the hosts itself, ends their TLS, and refuses
    /// all others. Requests show in [`Via`](crate::net::Via) that they came this way. `refused` is called for each refused
    /// request.
    #[must_use]
    pub fn with_proxy(
        self,
        tls: ServerTls,
        hosts: impl IntoIterator<Item = String>,
        refused: impl Fn(&Refused) + Send + Sync + 'static,
    ) -> Self {
        let hosts = hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect();
        let proxy = Proxy { tls, hosts: Arc::new(hosts), refused: Arc::new(refused) };
        Self { entrance: Entrance::Proxy(proxy), ..self }
    }

    /// The bound address, with the port that was picked.
    pub fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Serves until `shutdown` is ready. Then no more connections are accepted, idle ones are closed, and running exchanges
    /// may finish within [`Limits::drain`].
    ///
    /// Returns how many connections had to be cut off.
    pub async fn serve<H, R>(self, handler: H, limits: Limits, shutdown: impl Future<Output = ()>) -> usize
    where
        H: Fn(HttpRequest) -> R + Send + Sync + 'static,
        R: Future<Output = Reply> + Send + 'static,
    {
        serve(self.listener, self.entrance, handler, limits, shutdown).await
    }
}

/// [`Server::serve`] over connections of any kind.
async fn serve<L, H, R>(
    mut listener: L,
    entrance: Entrance,
    handler: H,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> usize
where
    L: Listener,
    H: Fn(HttpRequest) -> R + Send + Sync + 'static,
    R: Future<Output = Reply> + Send + 'static,
{
    let mut places = Places::new(limits.connections, limits.give_way);
    let drain = limits.drain;
    let (ending, end) = watch::channel(());
    let context = Arc::new(ServerContext::new(handler, limits, entrance, end));
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    let mut came = None;
    // No descriptor is left for the next connection: others make room for it, too.
    let mut is_out_of_files = false;
    loop {
        // A connection without a place waits here, and those behind it wait in the system's queue.
        let has_place = came.is_some() && !places.are_taken();
        let is_full = is_out_of_files || came.is_some() && !has_place;
        let again = is_full.then(|| places.make_room().unwrap_or_else(|| Instant::now() + LOOK_AGAIN));
        if has_place && let Some(stream) = came.take() {
            let (state, asked) = ConnState::new();
            let state = Arc::new(state);
            places.take(&state);
            connections.spawn(connection::serve(stream, context.clone(), (state, asked)));
        }
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            () = sleep_until(again.unwrap_or_else(Instant::now)), if again.is_some() => is_out_of_files = false,
            stream = accept(&mut listener), if came.is_none() && !is_out_of_files => {
                is_out_of_files = stream.is_none();
                came = stream;
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

/// Accepts the next connection. `None` if no descriptor is left for it.
async fn accept<L: Listener>(listener: &mut L) -> Option<L::Stream> {
    loop {
        match listener.accept().await {
            Ok(stream) => return Some(stream),
            Err(error) if is_out_of_files(&error) => return None,
            Err(error) if is_of_the_client(&error) => {}
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// Whether the error affects only the connection that was being accepted.
fn is_of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

#[cfg(test)]
mod tests;
