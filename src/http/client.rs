//! One request over a connection of its own: how the sample integrator and the commands call a mock.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::Response;
use hyper::body::Incoming;
use tokio::time::timeout;

use super::connector::{ConnectError, Http1, Stream};
use super::tls::TlsPlan;
use crate::net::{HttpRequest, HttpResponse};
use crate::time::HumanDuration;

/// Why a request got no response.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The connection could not be opened.
    #[error("{0}")]
    Connect(String),
    /// The request is not valid HTTP.
    #[error("not a request: {0}")]
    NotARequest(#[from] hyper::http::Error),
    /// The exchange was cut off.
    #[error("no response: {0}")]
    Exchange(#[from] hyper::Error),
    /// No response began in time.
    #[error("no response within {}", HumanDuration(*.0))]
    Silent(Duration),
}

/// A server, and whether it is reached over TLS.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Tried in this order.
    addresses: Vec<SocketAddr>,
    tls: Option<TlsPlan>,
}

impl Peer {
    /// Creates the peer of a server at the first of these addresses that accepts a connection, reached over TLS if there is
    /// a plan for it.
    pub(crate) fn new(addresses: Vec<SocketAddr>, tls: Option<TlsPlan>) -> Self {
        Self { addresses, tls }
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Self { addresses: vec![address], tls: None }
    }
}

impl From<ConnectError> for RequestError {
    fn from(error: ConnectError) -> Self {
        Self::Connect(error.to_string())
    }
}

/// Sends a request and reads the whole response.
///
/// # Errors
///
/// If no server listens there, if the request can't be sent as it is, or if the exchange is cut off.
pub async fn request(peer: impl Into<Peer>, request: HttpRequest) -> Result<HttpResponse, RequestError> {
    let mut body = BytesMut::new();
    let head = request_parts(&peer.into(), request, None, |_, part| body.extend_from_slice(part)).await?;
    Ok(HttpResponse { body: body.freeze(), ..head })
}

/// Sends a request and passes on the response as it arrives: its status and each part of its body. The response has to begin
/// within a time, if there is one. The returned response has no body.
///
/// # Errors
///
/// As [`request`].
pub async fn request_parts(
    peer: &Peer,
    request: HttpRequest,
    within: Option<Duration>,
    mut take: impl FnMut(u16, &[u8]),
) -> Result<HttpResponse, RequestError> {
    let begun = begin(peer, request);
    let (response, _sender) = match within {
        Some(within) => timeout(within, begun).await.map_err(|_| RequestError::Silent(within))??,
        None => begun.await?,
    };
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| {
            (name.to_string().into(), String::from_utf8_lossy(value.as_bytes()).into_owned().into())
        })
        .collect();
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        if let Some(part) = frame?.data_ref() {
            take(status, part);
        }
    }
    Ok(HttpResponse { status, headers, body: Bytes::new() })
}

/// Makes a request; its response has begun. The connection lasts as long as its sender.
async fn begin(peer: &Peer, request: HttpRequest) -> Result<(Response<Incoming>, Http1), RequestError> {
    let stream = Stream::connect(&peer.addresses).await?;
    let host = stream.address().to_string();
    let (mut sender, ..) = stream.secure(peer.tls.as_ref()).await?.http1().await?;
    let mut builder = hyper::Request::builder()
        .method(&*request.method)
        .uri(&*request.path_and_query())
        .header("host", host);
    for (name, value) in request.headers.iter() {
        builder = builder.header(name, value);
    }
    let response = sender.send_request(builder.body(Full::new(request.body))?).await?;
    Ok((response, sender))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    fn get() -> HttpRequest {
        HttpRequest { method: "GET".into(), path: "/".to_owned(), ..HttpRequest::default() }
    }

    /// An address at which nobody listens.
    async fn nobody() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
    }

    #[tokio::test]
    async fn all_addresses_of_a_name_are_tried() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let peer = Peer::new(vec![nobody().await, address], None);
        let serving = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 4096];
            let length = stream.read(&mut head).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            String::from_utf8_lossy(&head[..length]).into_owned()
        };
        let (response, head) = tokio::join!(request(peer, get()), serving);
        assert_eq!(response.unwrap().status, 200);
        assert!(head.contains(&format!("host: {address}\r\n")), "{head}");
        let none = request(Peer::new(vec![nobody().await; 2], None), get()).await;
        assert!(matches!(none, Err(RequestError::Connect(_))), "{none:?}");
    }

    #[tokio::test]
    async fn a_peer_that_takes_connections_and_says_nothing_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let peer = Peer::from(listener.local_addr().unwrap());
        let within = Duration::from_millis(50);
        let error = request_parts(&peer, get(), Some(within), |_, _| {}).await.unwrap_err();
        assert_eq!(error.to_string(), "no response within 50ms");
    }
}
