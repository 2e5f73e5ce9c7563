//! One request over a connection of its own: how the sample integrator and the commands call a mock.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};

use super::connector::{ConnectError, Stream};
use super::tls::TlsPlan;
use crate::net::{HttpRequest, HttpResponse};

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
}

/// A server, and whether it is reached over TLS.
#[derive(Clone, Debug)]
pub struct Peer {
    address: SocketAddr,
    tls: Option<TlsPlan>,
}

impl Peer {
    /// Creates the peer of a server, reached over TLS if there is a plan for it.
    pub(crate) fn new(address: SocketAddr, tls: Option<TlsPlan>) -> Self {
        Self { address, tls }
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Self { address, tls: None }
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
    let head = request_parts(&peer.into(), request, |_, part| body.extend_from_slice(part)).await?;
    Ok(HttpResponse { body: body.freeze(), ..head })
}

/// Sends a request and passes on the response as it arrives: its status and each part of its body. The returned response
/// has no body.
///
/// # Errors
///
/// As [`request`].
pub async fn request_parts(
    peer: &Peer,
    request: HttpRequest,
    mut take: impl FnMut(u16, &[u8]),
) -> Result<HttpResponse, RequestError> {
    let (mut sender, ..) =
        Stream::connect(&[peer.address]).await?.secure(peer.tls.as_ref()).await?.http1().await?;
    let mut builder = hyper::Request::builder()
        .method(&*request.method)
        .uri(&*request.path_and_query())
        .header("host", peer.address.to_string());
    for (name, value) in request.headers.iter() {
        builder = builder.header(name, value);
    }
    let response = sender.send_request(builder.body(Full::new(request.body))?).await?;
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
