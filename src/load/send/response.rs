//! Reads responses of HTTP/1.1 from a connection, and keeps only what is needed of them.

use std::io;
use std::mem::MaybeUninit;

use httparse::{ParserConfig, Response, Status};

use crate::delivery::Failure;
use crate::net::Target;

/// Maximum size of the head of a response, in bytes.
const LONGEST_HEAD: usize = 64 * 1024;

/// Maximum length of the line with a chunk's size, in bytes.
const LONGEST_LINE: usize = 1024;

/// Maximum number of headers of a response.
const MOST_HEADERS: usize = 512;

/// A response that was read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Whether another request can follow on the connection.
    pub(crate) reusable: bool,
}

/// Why the received bytes are not a response of HTTP/1.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NoHttp(pub(crate) String);

/// Reads consecutive responses from a connection.
#[derive(Debug)]
pub(crate) struct ResponseReader {
    /// Bytes that were read but not parsed yet: part of a head or of a line.
    pending: Vec<u8>,
    state: State,
    status: u16,
    reusable: bool,
    /// Maximum number of bytes that are kept of a body; 0 if it is not needed.
    cap: usize,
    body: Vec<u8>,
    /// How many bytes of the latest body have arrived.
    arrived: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Head,
    /// This many bytes of the body are to come.
    Length(u64),
    /// The line with the size of a chunk.
    Size,
    /// This many bytes of the chunk are to come.
    Chunk(u64),
    /// The line break after a chunk.
    Break,
    /// Lines after the last chunk, up to an empty one.
    Trailer,
    /// The body lasts as long as the connection.
    Endless,
}

impl ResponseReader {
    /// Keeps at most `cap` bytes of each body.
    pub(crate) fn new(cap: usize) -> Self {
        Self {
            pending: Vec::new(),
            state: State::Head,
            status: 0,
            reusable: true,
            cap,
            body: Vec::new(),
            arrived: 0,
        }
    }

    /// Returns what was kept of the latest body.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// Whether nothing of the next response has arrived.
    #[cfg(test)]
    fn is_fresh(&self) -> bool {
        self.state == State::Head && self.pending.is_empty()
    }

    /// Processes received bytes. Returns the response if they complete it; bytes after its end make the connection
    /// unusable.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) -> Result<Option<Ended>, NoHttp> {
        loop {
            match self.state {
                State::Head => {
                    let Some(length) = self.head(bytes)? else { return Ok(None) };
                    bytes = &bytes[length..];
                    if self.state == State::Head {
                        return Ok(Some(self.end(bytes)));
                    }
                }
                State::Length(left) => {
                    let taken = self.take(bytes, left);
                    let left = left - taken as u64;
                    self.state = State::Length(left);
                    return Ok((left == 0).then(|| self.end(&bytes[taken..])));
                }
                State::Endless => {
                    self.take(bytes, u64::MAX);
                    return Ok(None);
                }
                State::Chunk(left) => {
                    let taken = self.take(bytes, left);
                    bytes = &bytes[taken..];
                    let left = left - taken as u64;
                    self.state = if left == 0 { State::Break } else { State::Chunk(left) };
                    if left > 0 {
                        return Ok(None);
                    }
                }
                State::Size | State::Break | State::Trailer => {
                    let Some((line, taken)) = self.line(bytes)? else { return Ok(None) };
                    bytes = &bytes[taken..];
                    let is_empty = line.trim_ascii_end().is_empty();
                    self.state = match (self.state, httparse::parse_chunk_size(&line)) {
                        (State::Trailer, _) if is_empty => return Ok(Some(self.end(bytes))),
                        (State::Trailer, _) => State::Trailer,
                        (State::Break, _) if is_empty => State::Size,
                        (State::Break, _) => {
                            return Err(NoHttp("a chunk is longer than its size says".to_owned()));
                        }
                        (_, Ok(Status::Complete((_, 0)))) => State::Trailer,
                        (_, Ok(Status::Complete((_, size)))) => State::Chunk(size),
                        _ => {
                            let line = String::from_utf8_lossy(&line);
                            return Err(NoHttp(format!("`{}` is not the size of a chunk", line.trim_end())));
                        }
                    };
                }
            }
        }
    }

    /// Ends the input. Returns a response whose body lasts until the connection ends.
    pub(crate) fn close(&mut self) -> Option<Ended> {
        (self.state == State::Endless).then_some(Ended { status: self.status, reusable: false })
    }

    /// Describes what the end of the connection, or an error of it, means for the response that is awaited.
    pub(crate) fn broken(&self, target: &Target, error: Option<&io::Error>) -> Failure {
        match self.state {
            State::Head => Failure::broken(target, error),
            _ => Failure::cut_off(target, self.status, self.arrived),
        }
    }

    /// Describes bytes that are not a response, or not its body.
    pub(crate) fn no_http(&self, target: &Target, NoHttp(what): &NoHttp) -> Failure {
        match self.state {
            State::Head => Failure::no_http(target, what),
            _ => Failure::malformed(target, self.status, what),
        }
    }

    fn end(&mut self, rest: &[u8]) -> Ended {
        self.state = State::Head;
        Ended { status: self.status, reusable: self.reusable && rest.is_empty() }
    }

    fn take(&mut self, bytes: &[u8], left: u64) -> usize {
        let taken = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.arrived += taken as u64;
        let room = self.cap.saturating_sub(self.body.len()).min(taken);
        self.body.extend_from_slice(&bytes[..room]);
        taken
    }

    /// Reads the head. Returns how many of the bytes belong to it, or `None` if it is incomplete.
    fn head(&mut self, bytes: &[u8]) -> Result<Option<usize>, NoHttp> {
        if self.pending.is_empty() {
            // A head nearly always arrives in one piece.
            if let Some(length) = self.parse(bytes)? {
                return Ok(Some(length));
            }
            self.pending.extend_from_slice(bytes);
            return Ok(None);
        }
        let before = self.pending.len();
        let mut pending = std::mem::take(&mut self.pending);
        pending.extend_from_slice(bytes);
        match self.parse(&pending)? {
            // The head cannot have ended before: then it would not be pending.
            Some(length) => Ok(Some(length - before)),
            None if pending.len() > LONGEST_HEAD => {
                Err(NoHttp(format!("the head of the response is longer than {LONGEST_HEAD} bytes")))
            }
            None => {
                self.pending = pending;
                Ok(None)
            }
        }
    }

    /// Parses a head at the beginning of the bytes, and interim ones before it.
    fn parse(&mut self, bytes: &[u8]) -> Result<Option<usize>, NoHttp> {
        let mut offset = 0;
        loop {
            match self.parse_one(&bytes[offset..]) {
                Ok(None) => return Ok(None),
                // An interim response; the final one follows.
                Ok(Some(length)) if (100..200).contains(&self.status) && self.status != 101 => {
                    offset += length;
                }
                Ok(Some(length)) => return Ok(Some(offset + length)),
                Err(error) => return Err(NoHttp(error.to_string())),
            }
        }
    }

    fn parse_one(&mut self, bytes: &[u8]) -> Result<Option<usize>, httparse::Error> {
        let mut headers = [const { MaybeUninit::uninit() }; MOST_HEADERS];
        let mut response = Response::new(&mut []);
        let parser = ParserConfig::default();
        let Status::Complete(length) =
            parser.parse_response_with_uninit_headers(&mut response, bytes, &mut headers)?
        else {
            return Ok(None);
        };
        self.status = response.code.unwrap_or(0);
        self.reusable = response.version == Some(1) && self.status != 101;
        self.body.clear();
        self.arrived = 0;
        let mut content: Option<u64> = None;
        let mut is_chunked = false;
        for header in response.headers.iter() {
            if header.name.eq_ignore_ascii_case("content-length") {
                let value = std::str::from_utf8(header.value).ok().and_then(|text| text.trim().parse().ok());
                let value: u64 = value.ok_or(httparse::Error::HeaderValue)?;
                if content.is_some_and(|before| before != value) {
                    return Err(httparse::Error::HeaderValue);
                }
                content = Some(value);
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                is_chunked = ends_with_token(header.value, b"chunked");
            } else if header.name.eq_ignore_ascii_case("connection")
                && ends_with_token(header.value, b"close")
            {
                self.reusable = false;
            }
        }
        self.state = match (self.status, is_chunked, content) {
            (100..200 | 204 | 304, _, _) => State::Head,
            (_, true, _) => State::Size,
            (_, false, Some(0)) => State::Head,
            (_, false, Some(length)) => State::Length(length),
            (_, false, None) => {
                self.reusable = false;
                State::Endless
            }
        };
        Ok(Some(length))
    }

    /// Returns a whole line with its break, and how many of the bytes belong to it.
    fn line(&mut self, bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, NoHttp> {
        let end = memchr::memchr(b'\n', bytes);
        let taken = end.map_or(bytes.len(), |end| end + 1);
        self.pending.extend_from_slice(&bytes[..taken]);
        if self.pending.len() > LONGEST_LINE {
            return Err(NoHttp(format!("a line between chunks is longer than {LONGEST_LINE} bytes")));
        }
        Ok(end.map(|_| (std::mem::take(&mut self.pending), taken)))
    }
}

fn ends_with_token(value: &[u8], token: &[u8]) -> bool {
    value
        .rsplit(|byte| *byte == b',')
        .next()
        .is_some_and(|last| last.trim_ascii().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Feeds a response in pieces of one size.
    fn fed(text: &str, size: usize) -> Result<(Vec<Ended>, Vec<u8>, ResponseReader), NoHttp> {
        let mut reader = ResponseReader::new(100);
        let mut all = Vec::new();
        let mut body = Vec::new();
        for piece in text.as_bytes().chunks(size) {
            if let Some(ended) = reader.read(piece)? {
                all.push(ended);
                body = reader.body().to_vec();
            }
        }
        Ok((all, body, reader))
    }

    const OK: Ended = Ended { status: 200, reusable: true };

    #[test]
    fn answers_of_every_framing_in_pieces_of_any_size() {
        let cases = [
            ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", OK, "hello"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", OK, ""),
            ("HTTP/1.1 200\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi", OK, "hi"),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=1\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
                OK,
                "hello world",
            ),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n1\r\n!\r\n0\r\nA: b\r\nC: d\r\n\r\n",
                OK,
                "!",
            ),
            ("HTTP/1.1 204 No Content\r\n\r\n", Ended { status: 204, reusable: true }, ""),
            (
                "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
                Ended { status: 304, reusable: true },
                "",
            ),
            ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", OK, "ok"),
            (
                "HTTP/1.1 500 Oops\r\nConnection: Close\r\nContent-Length: 1\r\n\r\nx",
                Ended { status: 500, reusable: false },
                "x",
            ),
            ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", Ended { status: 200, reusable: false }, "x"),
        ];
        for (text, ended, body) in cases {
            for size in 1..=text.len() {
                let (all, kept, reader) = fed(text, size).unwrap();
                assert_eq!(all, [ended], "{text:?} by {size}");
                assert_eq!(kept, body.as_bytes(), "{text:?} by {size}");
                assert!(reader.is_fresh(), "{text:?} by {size}");
            }
        }
    }

    #[test]
    fn a_body_may_last_as_long_as_the_connection() {
        let (all, _, mut reader) = fed("HTTP/1.1 200 OK\r\n\r\nhello", 3).unwrap();
        assert_eq!(all, []);
        assert_eq!(reader.close(), Some(Ended { status: 200, reusable: false }));
        assert_eq!(reader.body(), b"hello");
        let (_, _, mut reader) = fed("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", 3).unwrap();
        assert_eq!(reader.close(), None);
    }

    #[test]
    fn two_answers_follow_each_other_and_more_is_too_much() {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        let mut reader = ResponseReader::new(0);
        assert_eq!(reader.read(text.as_bytes()), Ok(Some(OK)));
        assert_eq!(reader.read(text.as_bytes()), Ok(Some(OK)));
        assert_eq!(reader.body(), b"");
        assert_eq!(reader.read(format!("{text}more").as_bytes()), Ok(Some(Ended { reusable: false, ..OK })));
    }

    #[test]
    fn what_is_no_http_says_so() {
        let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(MOST_HEADERS + 1));
        let long = format!("HTTP/1.1 200 OK\r\na: {}", "x".repeat(2 * LONGEST_HEAD));
        for text in [
            "SSH-2.0-OpenSSH\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
            &many,
            &long,
        ] {
            assert!(fed(text, 1000).is_err(), "{}", &text[..40.min(text.len())]);
        }
        let some = format!("HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n", "a: b\r\n".repeat(100));
        assert_eq!(fed(&some, 7).unwrap().0, [OK]);
    }

    #[test]
    fn what_breaks_within_a_body_is_told_as_that() {
        let target: Target = "http://127.0.0.1:9/hook".parse().unwrap();
        let after = |text: &str| fed(text, 7).unwrap().2.broken(&target, None).message;
        let (cut, chunked) = (
            after("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"),
            after("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n5\r\nc"),
        );
        assert!(cut.contains("within its 200 response, 3 bytes into the body"), "{cut}");
        assert_eq!(chunked, cut);
        for text in ["", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n!"] {
            assert!(after(text).contains("before it responded"), "{}", after(text));
        }
        let mut reader = ResponseReader::new(0);
        let why = reader.read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n").unwrap_err();
        let malformed = reader.no_http(&target, &why).message;
        assert!(
            malformed.starts_with("the body of the 200 response of 127.0.0.1:9 is malformed"),
            "{malformed}"
        );
    }

    proptest! {
        #[test]
        fn nothing_panics(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..10), good: bool) {
            let mut reader = ResponseReader::new(10);
            if good {
                let _ = reader.read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
            }
            for piece in pieces {
                if reader.read(&piece).is_err() {
                    break;
                }
            }
        }
    }
}
