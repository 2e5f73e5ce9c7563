//! For tests: a receiver without an HTTP library. The test writes every byte.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{
    Attempt, AttemptResult, CallbackId, Client, ClientOptions, Failure, Policy, QueuedCallback,
    ReceiverResponse,
};

use crate::net::Target;

pub(super) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

pub(super) struct Receiver {
    listener: TcpListener,
}

impl Receiver {
    pub(super) async fn bind() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap() }
    }

    pub(super) fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port())
    }

    pub(super) async fn accept(&self) -> TcpStream {
        // A client that does not connect fails the test instead of hanging it.
        let accepted = tokio::time::timeout(Duration::from_secs(20), self.listener.accept()).await;
        accepted.expect("a connection should come").unwrap().0
    }

    /// Accepts a connection, reads a request and writes a response.
    pub(super) async fn answer(&self, answer: &str) -> TcpStream {
        let mut stream = self.accept().await;
        read_request(&mut stream).await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
        stream
    }

    /// Asserts that no connection waits to be accepted. The runtime gets a turn to notice one.
    pub(super) async fn assert_idle(&self) {
        tokio::task::yield_now().await;
        let mut accept = std::pin::pin!(self.listener.accept());
        std::future::poll_fn(|cx| {
            assert!(accept.as_mut().poll(cx).is_pending(), "another connection came");
            std::task::Poll::Ready(())
        })
        .await;
    }
}

/// Reads one request with its body by `Content-Length`.
pub(super) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<String> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse::<usize>().unwrap());
    while bytes.len() < head + length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(String::from_utf8(bytes).unwrap())
}

pub(super) fn attempt(
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
    policy: Policy,
) -> Attempt {
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| (Arc::from(*name), (*value).to_owned())).collect();
    let target: Target = url.parse().unwrap();
    let callback = QueuedCallback {
        id: CallbackId(1),
        event: "session.end".into(),
        target: Arc::new(target),
        method: "POST".into(),
        headers: headers.clone(),
        body: body.into(),
        signer: None,
        message_id: String::new(),
        part_of: Vec::new(),
        sums_up: None,
        order_key: None,
        due: Timestamp::UNIX_EPOCH,
        policy: Arc::new(policy),
        faults: Vec::new(),
        copy_of: None,
    };
    Attempt {
        body: callback.body.clone(),
        number: 1,
        headers,
        wire: Vec::new(),
        faults: Vec::new(),
        callback: Arc::new(callback),
    }
}

/// Returns a small ordinary attempt.
pub(super) fn plain(url: &str) -> Attempt {
    attempt(url, &[("Content-Type", "application/json")], "{}", Policy::airudder())
}

/// Returns the same attempt with a timeout short enough to wait for.
pub(super) fn hasty(url: &str, body: impl Into<Bytes>) -> Attempt {
    attempt(url, &[], body, Policy { timeout: Duration::from_millis(100), ..Policy::airudder() })
}

pub(super) fn client() -> Client {
    Client::new(ClientOptions::default()).unwrap()
}

pub(super) fn answer(result: AttemptResult) -> ReceiverResponse {
    result.result.unwrap_or_else(|failure| panic!("{}: {}", failure.class, failure.message))
}

pub(super) fn failure(result: AttemptResult) -> Failure {
    result.result.expect_err("an answer came where none was expected")
}

/// Returns class and message of a failure, with the port replaced so that it is the same in every run.
pub(super) fn message_of(result: AttemptResult, port: u16) -> String {
    let failure = failure(result);
    format!("{}: {}", failure.class, failure.message.replace(&port.to_string(), "PORT"))
}
