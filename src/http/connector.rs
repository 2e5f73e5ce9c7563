//! Opens connections to other servers: TCP, TLS and the start of HTTP/1.1.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio_rustls::TlsConnector;

use super::tls::{Tls, TlsError, TlsOptions, TlsPlan};
use super::wire::{Traffic, Wire};
use crate::net::{Guard, NotAllowed, Target};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// The target's address is neither on loopback nor allowed by the user.
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    /// The host has no address.
    #[error("the host has no address")]
    Unresolved(#[source] Option<io::Error>),
    /// The TCP connection failed.
    #[error("no connection: {0}")]
    Tcp(#[source] io::Error),
    /// TLS can't be set up on this side.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The TLS handshake failed.
    #[error("the TLS handshake failed: {0}")]
    Handshake(#[source] io::Error),
    /// HTTP could not begin.
    #[error("no HTTP: {0}")]
    Http(#[source] hyper::Error),
}

/// Opens connections to targets by their URL.
#[derive(Debug)]
pub(crate) struct Connector {
    guard: Guard,
    tls: Tls,
}

impl Connector {
    /// Creates a connector that connects only to what the guard allows.
    pub(crate) fn new(guard: Guard, tls: &TlsOptions) -> Result<Self, TlsError> {
        Ok(Self { guard, tls: Tls::new(tls, b"http/1.1")? })
    }

    /// Checks whether the target's address may be connected to, as far as that is known now: a host that does not resolve
    /// is not an error yet.
    pub(crate) async fn check(&self, target: &Target) -> Result<(), NotAllowed> {
        self.guard.consider(target.host())?;
        match resolve(target).await {
            Ok(addresses) => self.guard.admit(target.host(), &addresses).map(drop),
            Err(_) => Ok(()),
        }
    }

    /// Opens a connection to a target. The guard checks exactly the addresses that are connected to, so that a name cannot
    /// resolve to another machine in between.
    pub(crate) async fn connect(&self, target: &Target) -> Result<Stream, ConnectError> {
        self.connect_as(target, Manner::default()).await
    }

    /// Opens a connection in another manner.
    pub(crate) async fn connect_as(&self, target: &Target, manner: Manner) -> Result<Stream, ConnectError> {
        self.guard.consider(target.host())?;
        let addresses = resolve(target).await.map_err(|error| ConnectError::Unresolved(Some(error)))?;
        let addresses = self.guard.admit(target.host(), &addresses)?;
        // The system's authorities are read only for a target that may be reached.
        let stream = Stream::connect_as(&addresses, manner).await?;
        if manner.is_bare {
            return Ok(stream);
        }
        self.tls.ready(target).await?;
        stream.secure(self.tls.plan(target)?.as_ref()).await
    }
}

async fn resolve(target: &Target) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = target.host().parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, target.port())]);
    }
    Ok(tokio::net::lookup_host((target.host(), target.port())).await?.collect())
}

/// How a connection is opened, if it differs from the default.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Manner {
    /// Uses TCP alone, even where TLS is asked for.
    pub(crate) is_bare: bool,
    /// Ends the connection with a reset.
    pub(crate) is_abrupt: bool,
}

/// A sender of requests over HTTP/1.1.
pub(crate) type Http1 = http1::SendRequest<Full<Bytes>>;

/// The transport under HTTP: TCP, or TLS over TCP.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// A connection on which HTTP has not started yet.
pub(crate) struct Stream {
    io: Box<dyn Io>,
    traffic: Arc<Traffic>,
    /// The one that it is connected to.
    address: SocketAddr,
}

impl Stream {
    /// Connects to the first address that accepts the connection.
    pub(crate) async fn connect(addresses: &[SocketAddr]) -> Result<Self, ConnectError> {
        Self::connect_as(addresses, Manner::default()).await
    }

    async fn connect_as(addresses: &[SocketAddr], manner: Manner) -> Result<Self, ConnectError> {
        let mut last = ConnectError::Unresolved(None);
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    // Without it, the last part of a large request may wait for an acknowledgement. Where it can't be set,
                    // requests are slower but still correct.
                    let _ = stream.set_nodelay(true);
                    if manner.is_abrupt {
                        // Without the option the receiver reads an orderly end, which is the next best thing.
                        let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
                    }
                    let (wire, traffic) = Wire::new(stream);
                    return Ok(Self { io: Box::new(wire), traffic, address: *address });
                }
                Err(error) => last = ConnectError::Tcp(error),
            }
        }
        Err(last)
    }

    /// Starts TLS, if there is a plan for it.
    pub(crate) async fn secure(self, tls: Option<&TlsPlan>) -> Result<Self, ConnectError> {
        let Some(tls) = tls else { return Ok(self) };
        let connector = TlsConnector::from(tls.config.clone());
        let stream = connector.connect(tls.name.clone(), self.io).await.map_err(ConnectError::Handshake)?;
        Ok(Self { io: Box::new(stream), ..self })
    }

    /// The address of the other side.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the raw byte stream, for requests that no HTTP library would write.
    pub(crate) fn into_io(self) -> Box<dyn Io> {
        self.io
    }

    /// Splits the connection in two: a stream that reads from it and discards what is written, and the writing side, for
    /// bytes written by hand. A discarded write is signalled.
    pub(crate) fn split(self) -> (Self, impl AsyncWrite + Send + Unpin + use<>, Arc<Notify>) {
        let (reader, writer) = tokio::io::split(self.io);
        let written = Arc::new(Notify::new());
        let nothing = Nothing(Arc::clone(&written));
        (Self { io: Box::new(tokio::io::join(reader, nothing)), ..self }, writer, written)
    }

    /// Starts HTTP/1.1. Header names keep their letter case where a request says so.
    pub(crate) async fn http1(self) -> Result<(Http1, Arc<Traffic>, AbortHandle), ConnectError> {
        let mut builder = http1::Builder::new();
        let made = builder.preserve_header_case(true).handshake(TokioIo::new(self.io)).await;
        let (sender, connection) = made.map_err(ConnectError::Http)?;
        Ok((sender, self.traffic, drive(connection)))
    }
}

/// A writer that discards everything and signals that something was written.
struct Nothing(Arc<Notify>);

impl AsyncWrite for Nothing {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.notify_one();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Drives a connection in a task of its own. An error reaches the request in progress; an idle connection just closes.
fn drive(connection: impl Future<Output = hyper::Result<()>> + Send + 'static) -> AbortHandle {
    let task = tokio::spawn(async move {
        let _ = connection.await;
    });
    task.abort_handle()
}
