//! What a connection goes through before HTTP is spoken over it: nothing, TLS, or a proxy's CONNECT.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
    BufReader, ReadBuf,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::authority::ServerTls;
use super::transport::Transport;
use crate::net::{HttpRequest, HttpResponse, Via};

/// The first byte of every TLS connection: the record type of the handshake.
const HANDSHAKE: u8 = 22;

/// Number of bytes that are read ahead, to see how a connection begins.
const AHEAD: usize = 1 << 10;

/// Maximum size of a client's CONNECT request to the proxy, in bytes.
const LONGEST_CONNECT: u64 = 8 << 10;

/// What the connections of a server go through.
#[derive(Clone, Debug, Default)]
pub(super) enum Entrance {
    /// HTTP without anything before it.
    #[default]
    Plain,
    /// TLS.
    Tls(ServerTls),
    /// A proxy for hosts that the mock plays itself.
    Proxy(Proxy),
}

/// A proxy that plays the requested hosts itself and connects to no other.
#[derive(Clone)]
pub(super) struct Proxy {
    pub(super) tls: ServerTls,
    /// The hosts that it plays, in lower case.
    pub(super) hosts: Arc<BTreeSet<String>>,
    /// Called for each refused request.
    pub(super) refused: Arc<dyn Fn(&Refused) + Send + Sync>,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy").field("hosts", &self.hosts).finish_non_exhaustive()
    }
}

/// How a connection is used once it has been opened.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// For HTTP.
    Open(Via),
    /// The client speaks plain HTTP where TLS is expected.
    WithoutTls,
    /// For HTTP with the hosts of a proxy.
    Proxied(Proxy, Via),
}

/// The response to a request that is not for this server as it arrived.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Plain HTTP on a TLS port.
    #[error(
        "this port speaks TLS, but the request was sent without: write https:// instead of http:// \
        (`airudder-mock ca` says how to trust its certificate)"
    )]
    WithoutTls,
    /// A host that the proxy does not play.
    #[error(
        "this proxy of airudder-mock plays {played} and forwards nothing else: add --proxy-host {host} \
        to play `{host}` as well, or set NO_PROXY={host} to reach it without the proxy"
    )]
    Host {
        /// The host.
        host: String,
        /// The hosts that the proxy plays.
        played: String,
    },
    /// The host is this machine itself, or is missing.
    #[error(
        "this is the proxy of airudder-mock, and the request names no host that it plays: send it \
        directly to the mock's own address (NO_PROXY=localhost,127.0.0.1,::1)"
    )]
    NoHost,
}

impl Refused {
    pub(super) fn answer(&self) -> HttpResponse {
        let headers = ["text/plain; charset=utf-8", "close"];
        let headers = ["content-type", "connection"].into_iter().zip(headers);
        HttpResponse {
            status: self.status(),
            headers: headers.map(|(name, value)| (name.into(), value.into())).collect(),
            body: format!("{self}\n").into(),
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::WithoutTls | Self::NoHost => 400,
            Self::Host { .. } => 403,
        }
    }

    /// The response to a client that asks for a tunnel. Most programs show only its first line.
    fn head(&self) -> String {
        let (status, body) = (self.status(), format!("{self}\n"));
        format!(
            "HTTP/1.1 {status} {self}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: {}\r\nconnection: \
             close\r\n\r\n{body}",
            body.len()
        )
    }
}

impl Way {
    /// How the requests of the connection arrived.
    pub(super) fn via(&self) -> Via {
        match self {
            Self::Open(via) | Self::Proxied(_, via) => *via,
            Self::WithoutTls => Via::default(),
        }
    }

    /// Checks whether a request that arrived this way is for this server.
    pub(super) fn check(&self, request: &HttpRequest) -> Result<(), Refused> {
        match self {
            Self::Open(_) => Ok(()),
            Self::WithoutTls => Err(Refused::WithoutTls),
            Self::Proxied(proxy, _) => match request.header("host") {
                Some(host) => proxy.admit(host),
                None => proxy.refuse(Refused::NoHost),
            },
        }
    }
}

impl Proxy {
    /// Checks whether the proxy plays the host of an authority.
    fn admit(&self, authority: &str) -> Result<(), Refused> {
        let host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => authority,
        };
        let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
        if self.hosts.contains(&host) {
            return Ok(());
        }
        let address = host.parse::<IpAddr>();
        if host == "localhost" || address.is_ok_and(|address| address.is_loopback()) {
            return self.refuse(Refused::NoHost);
        }
        let played = self.hosts.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        // The host is shown in one line of a response.
        let host = host.chars().filter(char::is_ascii_graphic).take(255).collect();
        self.refuse(Refused::Host { host, played })
    }

    fn refuse(&self, refused: Refused) -> Result<(), Refused> {
        (self.refused)(&refused);
        Err(refused)
    }
}

impl Entrance {
    /// Brings a connection to the point where HTTP begins. A connection that does not get that far is closed without a
    /// report.
    pub(super) async fn open<S: Transport>(&self, stream: S) -> io::Result<(Entered<S>, Way)> {
        match self {
            Self::Plain => Ok((Entered::Plain(stream), Way::Open(Via::default()))),
            Self::Tls(tls) => {
                let mut stream = BufReader::with_capacity(AHEAD, stream);
                match first(&mut stream).await? {
                    HANDSHAKE => {
                        let via = Via { tls: true, proxy: false };
                        Ok((secured(stream, tls).await?, Way::Open(via)))
                    }
                    _ => Ok((Entered::Ahead(stream), Way::WithoutTls)),
                }
            }
            Self::Proxy(proxy) => {
                let mut stream = BufReader::with_capacity(AHEAD, stream);
                let mut begin = first(&mut stream).await?;
                if begin == b'C' {
                    connect(&mut stream, proxy).await?;
                    begin = first(&mut stream).await?;
                }
                let via = Via { tls: begin == HANDSHAKE, proxy: true };
                let stream = match via.tls {
                    true => secured(stream, &proxy.tls).await?,
                    false => Entered::Ahead(stream),
                };
                Ok((stream, Way::Proxied(proxy.clone(), via)))
            }
        }
    }
}

/// Reads the first byte without consuming it.
async fn first(stream: &mut (impl AsyncBufRead + Unpin)) -> io::Result<u8> {
    stream.fill_buf().await?.first().copied().ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

async fn secured<S: Transport>(stream: BufReader<S>, tls: &ServerTls) -> io::Result<Entered<S>> {
    let stream = TlsAcceptor::from(Arc::clone(&tls.0)).accept(stream).await?;
    Ok(Entered::Tls(Box::new(stream)))
}

/// Reads a client's CONNECT request and answers it. Continues only for a host that the proxy plays.
async fn connect<S: Transport>(stream: &mut BufReader<S>, proxy: &Proxy) -> io::Result<()> {
    let malformed = || io::Error::from(io::ErrorKind::InvalidData);
    let mut head = Vec::new();
    let mut limited = (&mut *stream).take(LONGEST_CONNECT);
    while limited.read_until(b'\n', &mut head).await? > 0 {
        if head.ends_with(b"\r\n\r\n") {
            break;
        }
    }
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let is_whole = request.parse(&head).is_ok_and(|parsed| parsed.is_complete());
    let target =
        request.path.filter(|_| is_whole && request.method == Some("CONNECT")).ok_or_else(malformed)?;
    if let Err(refused) = proxy.admit(target) {
        stream.write_all(refused.head().as_bytes()).await?;
        stream.shutdown().await?;
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    stream.flush().await
}

/// A connection that is ready for HTTP.
#[derive(Debug)]
pub(super) enum Entered<S> {
    /// The connection as it was accepted.
    Plain(S),
    /// A connection of which some bytes have been read ahead.
    Ahead(BufReader<S>),
    /// A connection under TLS.
    Tls(Box<TlsStream<BufReader<S>>>),
}

impl<S: Transport> AsyncRead for Entered<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Ahead(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl<S: Transport> AsyncWrite for Entered<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Ahead(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Ahead(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Ahead(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

impl<S: Transport> Entered<S> {
    fn transport(&self) -> &S {
        match self {
            Self::Plain(stream) => stream,
            Self::Ahead(stream) => stream.get_ref(),
            Self::Tls(stream) => stream.get_ref().0.get_ref(),
        }
    }
}

impl<S: Transport> Transport for Entered<S> {
    fn reset_on_close(&self) {
        self.transport().reset_on_close();
    }

    fn is_gone(&self) -> bool {
        self.transport().is_gone()
    }
}
