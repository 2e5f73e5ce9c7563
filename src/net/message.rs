//! Requests and responses as data, apart from any connection.

use std::borrow::Cow;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::Headers;

/// A header of a response: its name and its value. Most are the same in every response.
pub type Header = (Cow<'static, str>, Cow<'static, str>);

/// The header that nearly every response has.
pub(crate) const JSON: Header = (Cow::Borrowed("content-type"), Cow::Borrowed("application/json"));

/// A request as it arrived.
#[derive(Clone, Debug, Default)]
pub struct HttpRequest {
    /// The method, upper case.
    pub method: Cow<'static, str>,
    /// The path, still percent-encoded, without the query.
    pub path: String,
    /// The query as it arrived, without the question mark.
    pub query: Option<String>,
    /// The headers in order, names in lower case; values that are not UTF-8 are replaced lossily.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
    /// How it arrived.
    pub via: Via,
}

/// How a request arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Via {
    /// Over TLS: the client reaches the server by `https`.
    pub tls: bool,
    /// Through the proxy: the client addresses another host.
    pub proxy: bool,
}

impl Via {
    /// The scheme of the server's URLs for this client.
    pub fn scheme(self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }
}

impl HttpRequest {
    /// The host that the client addresses, if it is one that the server plays behind its proxy.
    pub fn proxied_host(&self) -> Option<&str> {
        self.header("host").filter(|_| self.via.proxy)
    }

    /// The first value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// Path and query as they arrived.
    pub fn path_and_query(&self) -> Cow<'_, str> {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path).into(),
            None => self.path.as_str().into(),
        }
    }
}

/// A response to send.
#[derive(Clone, Debug, Default)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// The headers in order. `date` and everything about the length or framing of the body is set by the server and is
    /// ignored here.
    pub headers: Vec<Header>,
    /// The body.
    pub body: Bytes,
}

impl HttpResponse {
    /// Creates a JSON response.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self { status, headers: vec![JSON], body: Bytes::from(body.to_string()) }
    }

    /// The same, with the header Retry-After: in so many seconds it may go better.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.headers.push(("retry-after".into(), seconds.to_string().into()));
        self
    }
}

/// A response whose body is produced while it is sent.
#[derive(Debug)]
pub struct HttpStream {
    /// The status.
    pub status: u16,
    /// The headers in order, under the rule of [`HttpResponse::headers`].
    pub headers: Vec<Header>,
    /// The length of the body in bytes, if it is known beforehand. Longer bodies are cut to it; a shorter one ends the
    /// connection, or resets the HTTP/2 stream.
    pub length: Option<u64>,
    /// The parts of the body. The producer stops once the receiving end is dropped.
    pub parts: mpsc::Receiver<Bytes>,
    /// Maximum memory that producing the body takes, in bytes.
    pub memory: usize,
}

/// What to do with a request. Deliberate errors affect the connection over HTTP/1.1. Over HTTP/2, where many requests share
/// a connection, they affect the stream of the request, except for [`Reply::Close`].
#[derive(Debug)]
pub enum Reply {
    /// Send this response.
    Answer(HttpResponse),
    /// Send a response whose body is produced while it is sent.
    Stream(HttpStream),
    /// Close the connection without a response.
    Close,
    /// Reset the connection: the client reads an error, not the end.
    Reset,
    /// Announce the whole body, send about half of it, and close the connection.
    Half(HttpResponse),
    /// Send nothing until the client gives up, the server ends, or a time limit of the server expires.
    Never,
    /// Wait for a delayed reply. It is produced whether or not the client waits for it.
    Later(oneshot::Receiver<Reply>),
}

impl Reply {
    /// Waits until the reply is available. If its sender is dropped, the connection is closed.
    #[cfg(any(test, feature = "fuzzing"))]
    pub async fn here(mut self) -> Self {
        while let Self::Later(later) = self {
            self = later.await.unwrap_or(Self::Close);
        }
        self
    }
}

impl From<HttpResponse> for Reply {
    fn from(answer: HttpResponse) -> Self {
        Self::Answer(answer)
    }
}

impl From<HttpStream> for Reply {
    fn from(stream: HttpStream) -> Self {
        Self::Stream(stream)
    }
}
