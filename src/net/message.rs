//! A request and an answer as data, apart from any connection.

use std::borrow::Cow;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::Headers;

/// A header of an answer: its name and its value. Most are the same in every answer.
pub type Header = (Cow<'static, str>, Cow<'static, str>);

/// The header of nearly every answer.
pub(crate) const JSON: Header = (Cow::Borrowed("content-type"), Cow::Borrowed("application/json"));

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub struct HttpRequest {
    /// The method, upper case.
    pub method: Cow<'static, str>,
    /// The path, still percent-encoded, without the query.
    pub path: String,
    /// The query as it came, without the question mark.
    pub query: Option<String>,
    /// The headers in order, names in lower case; values that are not UTF-8 are replaced lossily.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
    /// What it came through.
    pub via: Via,
}

/// What a request came through on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Via {
    /// TLS: the client reaches the server by `https`.
    pub tls: bool,
    /// The proxy: the client means another host.
    pub proxy: bool,
}

impl Via {
    /// What URLs of the server begin with for this client.
    pub fn scheme(self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }
}

impl HttpRequest {
    /// The host that the client means, if that is not this server but one that it plays behind its proxy.
    pub fn proxied_host(&self) -> Option<&str> {
        self.header("host").filter(|_| self.via.proxy)
    }

    /// The first value of a header, by its lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)
    }

    /// Path and query as they came.
    pub fn path_and_query(&self) -> Cow<'_, str> {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path).into(),
            None => self.path.as_str().into(),
        }
    }
}

/// An answer to send.
#[derive(Clone, Debug, Default)]
pub struct HttpResponse {
    /// The status.
    pub status: u16,
    /// The headers in order. `date` and all that says how long the body is or how it is framed are the server's
    /// business and are passed over here.
    pub headers: Vec<Header>,
    /// The body.
    pub body: Bytes,
}

impl HttpResponse {
    /// A JSON answer.
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self { status, headers: vec![JSON], body: Bytes::from(body.to_string()) }
    }
}

/// An answer whose body is made while it is sent.
#[derive(Debug)]
pub struct HttpStream {
    /// The status.
    pub status: u16,
    /// The headers in order, under the rule of [`HttpResponse::headers`].
    pub headers: Vec<Header>,
    /// The length of the body in bytes, where it is known before. Of longer parts the rest is not sent; shorter ones
    /// end the connection, or reset the HTTP/2 stream.
    pub length: Option<u64>,
    /// The parts of the body. Whoever makes them stops once the receiving end is gone.
    pub parts: mpsc::Receiver<Bytes>,
    /// How much memory it takes at most to make them, in bytes.
    pub memory: usize,
}

/// What to do with a request. What is wrong on purpose is done to the connection over HTTP/1.1; over HTTP/2, where many
/// requests share one, it is done to the stream of the request, except for [`Reply::Close`].
#[derive(Debug)]
pub enum Reply {
    /// Answer it.
    Answer(HttpResponse),
    /// Answer it with a body that is made while it is sent.
    Stream(HttpStream),
    /// Close the connection without a word.
    Close,
    /// Reset the connection: the client reads an error, not the end.
    Reset,
    /// Announce the whole body, send about half of it, and close the connection.
    Half(HttpResponse),
    /// Say nothing until the client gives up, the server ends, or a limit of the server is over.
    Never,
    /// Wait for the reply, which is late on purpose. It comes about whether or not the client waits for it.
    Later(oneshot::Receiver<Reply>),
}

impl Reply {
    /// The reply, once it is there. Nothing comes of one whose maker is gone.
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
