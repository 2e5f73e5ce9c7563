//! One request over a connection of its own: how the sample integrator calls the mock.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Full};

use super::connector::{ConnectError, Stream};
use crate::net::{HttpRequest, HttpResponse};

/// Why a request got no response.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// There is no connection.
    #[error("{0}")]
    Connect(String),
    /// It is not HTTP.
    #[error("not a request: {0}")]
    NotARequest(#[from] hyper::http::Error),
    /// The exchange broke off.
    #[error("no response: {0}")]
    Exchange(#[from] hyper::Error),
}

impl From<ConnectError> for RequestError {
    fn from(error: ConnectError) -> Self {
        Self::Connect(error.to_string())
    }
}

/// Makes a request and reads the whole response.
///
/// # Errors
///
/// If nobody listens there, if the request can't be sent as it is, or if the exchange breaks off.
pub async fn request(address: SocketAddr, request: HttpRequest) -> Result<HttpResponse, RequestError> {
    let (mut sender, ..) = Stream::connect(&[address]).await?.http1().await?;
    let mut builder = hyper::Request::builder()
        .method(&*request.method)
        .uri(&*request.path_and_query())
        .header("host", address.to_string());
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
    let body = response.into_body().collect().await?.to_bytes();
    Ok(HttpResponse { status, headers, body })
}
