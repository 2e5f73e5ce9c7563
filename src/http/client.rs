//! One request over a connection of its own: how the sample integrator calls the mock.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::net::{HttpRequest, HttpResponse};

/// Makes a call. Errs in words.
pub async fn request(address: SocketAddr, call: HttpRequest) -> Result<HttpResponse, String> {
    let stream =
        TcpStream::connect(address).await.map_err(|error| format!("{address} is not reachable: {error}"))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| format!("no HTTP with {address}: {error}"))?;
    let connection = tokio::spawn(connection);
    let mut builder = hyper::Request::builder().method(&*call.method).uri(&*call.path_and_query());
    builder = builder.header("host", address.to_string());
    for (name, value) in call.headers.iter() {
        builder = builder.header(name, value);
    }
    let request =
        builder.body(Full::<Bytes>::new(call.body)).map_err(|error| format!("not a request: {error}"))?;
    let failed = |error: hyper::Error| format!("the call to {address} failed: {error}");
    let answer = sender.send_request(request).await.map_err(failed)?;
    let status = answer.status().as_u16();
    let headers = answer
        .headers()
        .iter()
        .map(|(name, value)| {
            (name.to_string().into(), String::from_utf8_lossy(value.as_bytes()).into_owned().into())
        })
        .collect();
    let body = answer.into_body().collect().await.map_err(failed)?.to_bytes();
    drop(sender);
    // The connection task ends by itself once the sender is gone; its error is the one already reported.
    let _ = connection.await;
    Ok(HttpResponse { status, headers, body })
}
