//! Writes exact requests, and reads the responses.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout_at};

use super::craft::Crafted;
use crate::http::{Connector, Io, Manner, is_closed};
use crate::net::Target;
use crate::time::HumanDuration;

/// Maximum number of bytes read of a response.
const MOST: usize = 1 << 20;

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub status: u16,
    /// The headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether the connection stays open.
    pub keeps: bool,
    pub took: Duration,
}

impl Answer {
    /// Returns the first value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// Why there is no response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    #[error("no connection: {0}")]
    NoConnection(String),
    #[error("no response within {}", HumanDuration(*.0))]
    Timeout(Duration),
    #[error("the connection was closed before it was answered")]
    Closed,
    #[error("the response is not HTTP: {0}")]
    NoHttp(String),
    #[error("the connection broke: {0}")]
    Broke(String),
}

/// A connection to the receiver.
pub(super) struct Connection {
    io: Box<dyn Io>,
    /// Bytes received after the last response.
    rest: Vec<u8>,
}

impl Connection {
    /// Opens a connection.
    pub(super) async fn open(
        connector: &Connector,
        target: &Target,
        limit: Duration,
    ) -> Result<Self, Trouble> {
        Self::open_as(connector, target, limit, Manner::default()).await
    }

    /// Opens a connection that ends with a reset.
    pub(super) async fn open_abruptly(
        connector: &Connector,
        target: &Target,
        limit: Duration,
    ) -> Result<Self, Trouble> {
        let manner = Manner { is_abrupt: true, ..Manner::default() };
        Self::open_as(connector, target, limit, manner).await
    }

    async fn open_as(
        connector: &Connector,
        target: &Target,
        limit: Duration,
        manner: Manner,
    ) -> Result<Self, Trouble> {
        let opening = async {
            let stream = connector.connect_as(target, manner).await;
            stream.map_err(|error| Trouble::NoConnection(error.to_string()))
        };
        match timeout_at(Instant::now() + limit, opening).await {
            Ok(stream) => Ok(Self { io: stream?.into_io(), rest: Vec::new() }),
            Err(_) => Err(Trouble::Timeout(limit)),
        }
    }

    /// Writes a request, piece by piece.
    pub(super) async fn write(&mut self, request: &Crafted) -> Result<(), Trouble> {
        let pieces = request.pieces();
        for (at, piece) in pieces.iter().enumerate() {
            if at > 0 {
                sleep(request.pause()).await;
            }
            self.io.write_all(piece).await.map_err(broke)?;
            self.io.flush().await.map_err(broke)?;
        }
        Ok(())
    }

    /// Writes only the beginning of a head.
    pub(super) async fn stall(&mut self, request: &Crafted) -> Result<(), Trouble> {
        let pieces = request.pieces();
        let begin = &pieces[0][..pieces[0].len().min(40)];
        self.io.write_all(begin).await.map_err(broke)
    }

    /// Closes the sending side, and waits until the receiver has noticed, but no longer than `limit`.
    pub(super) async fn leave(mut self, limit: Duration) {
        let noticed = async {
            let _ = self.io.shutdown().await;
            while self.more().await.unwrap_or(false) {}
        };
        let _ = timeout_at(Instant::now() + limit, noticed).await;
    }

    /// Sends a request and reads the whole response.
    pub(super) async fn exchange(&mut self, request: &Crafted, limit: Duration) -> Result<Answer, Trouble> {
        let begun = Instant::now();
        self.write(request).await?;
        let sent = Instant::now();
        let read = timeout_at(sent + limit, self.read()).await;
        let mut answer = read.unwrap_or(Err(Trouble::Timeout(limit)))?;
        // The time of sending slowly does not count for the receiver.
        answer.took = if request.pieces().len() > 1 { sent.elapsed() } else { begun.elapsed() };
        Ok(answer)
    }

    /// Reads more. Returns whether there was any.
    async fn more(&mut self) -> Result<bool, Trouble> {
        let mut piece = vec![0; 16 << 10];
        match self.io.read(&mut piece).await {
            Ok(0) => Ok(false),
            Ok(count) => {
                self.rest.extend_from_slice(&piece[..count]);
                Ok(true)
            }
            Err(error) if is_closed(&error) => Ok(false),
            Err(error) => Err(broke(error)),
        }
    }

    async fn read(&mut self) -> Result<Answer, Trouble> {
        let (mut answer, length, is_chunked) = loop {
            if let Some((head, taken)) = head(&self.rest)? {
                self.rest.drain(..taken);
                // Skips 100 Continue and other interim responses.
                if head.0.status >= 200 {
                    break head;
                }
            } else if self.rest.len() > MOST {
                return Err(Trouble::NoHttp("its head has no end".to_owned()));
            } else if !self.more().await? {
                return Err(Trouble::Closed);
            }
        };
        if is_chunked {
            loop {
                let end = self.chunk(&mut answer).await?;
                if end {
                    return Ok(answer);
                }
            }
        }
        let has_none = matches!(answer.status, 204 | 304);
        match length {
            _ if has_none => {}
            Some(length) => {
                while self.rest.len() < length.min(MOST) {
                    if !self.more().await? {
                        return Err(Trouble::Closed);
                    }
                }
                answer.body = self.rest.drain(..length.min(MOST)).collect();
                answer.keeps &= length <= MOST;
            }
            None => {
                while self.rest.len() < MOST && self.more().await? {}
                answer.body = std::mem::take(&mut self.rest);
                answer.keeps = false;
            }
        }
        Ok(answer)
    }

    /// Reads a chunk. Returns whether it was the last one to read.
    async fn chunk(&mut self, answer: &mut Answer) -> Result<bool, Trouble> {
        loop {
            match httparse::parse_chunk_size(&self.rest) {
                Ok(httparse::Status::Complete((begin, length))) => {
                    if length == 0 {
                        self.rest.drain(..begin);
                        self.trailers().await?;
                        return Ok(true);
                    }
                    let length = usize::try_from(length).unwrap_or(usize::MAX);
                    let room = MOST - answer.body.len();
                    let is_cut = length > room;
                    let end = begin + length.min(room);
                    while self.rest.len() < end + 2 {
                        if !self.more().await? {
                            return Err(Trouble::Closed);
                        }
                    }
                    answer.body.extend_from_slice(&self.rest[begin..end]);
                    self.rest.drain(..end + 2);
                    // The rest of the response must not be read as the next response.
                    answer.keeps &= !is_cut;
                    return Ok(is_cut);
                }
                Ok(httparse::Status::Partial) => {
                    if !self.more().await? {
                        return Err(Trouble::Closed);
                    }
                }
                Err(_) => return Err(Trouble::NoHttp("a chunk of its body is malformed".to_owned())),
            }
        }
    }

    /// Skips the lines after the last chunk, up to the empty one.
    async fn trailers(&mut self) -> Result<(), Trouble> {
        loop {
            match self.rest.windows(2).position(|two| two == b"\r\n") {
                Some(at) => {
                    self.rest.drain(..at + 2);
                    if at == 0 {
                        return Ok(());
                    }
                }
                None if self.rest.len() > MOST => {
                    return Err(Trouble::NoHttp("its trailers have no end".to_owned()));
                }
                None if !self.more().await? => return Err(Trouble::Closed),
                None => {}
            }
        }
    }
}

fn broke(error: std::io::Error) -> Trouble {
    if is_closed(&error) { Trouble::Closed } else { Trouble::Broke(error.to_string()) }
}

/// A response without its body, the announced length, whether it comes in chunks, and the size of the head in bytes.
type Head = ((Answer, Option<usize>, bool), usize);

fn head(bytes: &[u8]) -> Result<Option<Head>, Trouble> {
    let mut headers = [httparse::EMPTY_HEADER; 100];
    let mut response = httparse::Response::new(&mut headers);
    let taken = match response.parse(bytes) {
        Ok(httparse::Status::Complete(taken)) => taken,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(error) => return Err(Trouble::NoHttp(error.to_string())),
    };
    let headers: Vec<(String, String)> = response
        .headers
        .iter()
        .map(|header| (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).into_owned()))
        .collect();
    let value = |name: &str| headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
    let has =
        |name: &str, word: &str| value(name).is_some_and(|value| value.to_ascii_lowercase().contains(word));
    let length = value("content-length").and_then(|length| length.trim().parse().ok());
    let is_chunked = has("transfer-encoding", "chunked");
    let keeps = match response.version {
        Some(1) => !has("connection", "close"),
        _ => has("connection", "keep-alive"),
    };
    let status = response.code.unwrap_or_default();
    let answer = Answer { status, headers, body: Vec::new(), keeps, took: Duration::ZERO };
    Ok(Some(((answer, length, is_chunked), taken)))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::http::TlsOptions;
    use crate::net::Guard;

    async fn answered(bytes: &[u8]) -> Result<Answer, Trouble> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target: Target = format!("http://{}/hook", listener.local_addr().unwrap()).parse().unwrap();
        let receiver = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            // An endless response is not read completely.
            let _ = stream.write_all(bytes).await;
        };
        let connector = Connector::new(Guard::default(), &TlsOptions::default()).unwrap();
        let sender = async {
            let limit = Duration::from_secs(10);
            let mut connection = Connection::open(&connector, &target, limit).await?;
            let answer = connection.exchange(&Crafted::get(target.clone()), limit).await?;
            assert!(!answer.keeps || connection.rest.is_empty(), "{:?}", connection.rest);
            Ok(answer)
        };
        tokio::join!(sender, receiver).0
    }

    #[tokio::test]
    async fn answers_of_every_framing_are_read() {
        let read = |bytes| async move {
            let answer = answered(bytes).await.unwrap();
            (answer.status, String::from_utf8(answer.body).unwrap(), answer.keeps)
        };
        let ok = |text: &str, keeps| (200, text.to_owned(), keeps);
        assert_eq!(read(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await, ok("{}", true));
        assert_eq!(
            read(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").await,
            ok("{}", true)
        );
        assert_eq!(
            read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n").await,
            ok("{}", true)
        );
        assert_eq!(
            read(
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: y\r\nZ: 0\r\n\r\n"
            )
            .await,
            ok("{}", true)
        );
        assert_eq!(read(b"HTTP/1.0 200 OK\r\n\r\n{}").await, ok("{}", false));
        assert_eq!(
            read(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n").await,
            ok("", false)
        );
        assert_eq!(read(b"HTTP/1.1 204 No Content\r\n\r\n").await, (204, String::new(), true));
    }

    #[tokio::test]
    async fn a_long_body_is_cut_and_its_connection_given_up() {
        for (length, keeps) in [(MOST - 1, true), (MOST, true), (MOST + 1, false), (3 * MOST, false)] {
            let body = "x".repeat(length);
            let whole = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}");
            let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
            let one = format!("{chunked}{length:x}\r\n{body}\r\n0\r\n\r\n");
            let two = format!("{chunked}5\r\nxxxxx\r\n{:x}\r\n{}\r\n0\r\n\r\n", length - 5, &body[5..]);
            for text in [whole, one, two] {
                let answer = answered(text.as_bytes()).await.unwrap();
                assert_eq!((answer.body.len(), answer.keeps), (length.min(MOST), keeps), "{}", &text[..60]);
            }
        }
    }

    #[tokio::test]
    async fn what_is_no_answer_is_told() {
        assert_eq!(answered(b"").await, Err(Trouble::Closed));
        assert_eq!(answered(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}").await, Err(Trouble::Closed));
        assert!(matches!(answered(b"SSH-2.0-OpenSSH\r\n").await, Err(Trouble::NoHttp(_))));
    }
}
