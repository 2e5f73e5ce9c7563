//! The HTTP/2 protocol for a client that only posts (RFC 9113): bytes in, bytes out, without a socket or a clock.
//!
//! All requests that are made between two writes leave in one. The dynamic table of headers is refused, so that no state of
//! it has to be kept, and the receive windows are as large as possible.

use std::collections::{HashMap, VecDeque};

use crate::load::hpack;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The types of frames.
mod kind {
    pub(super) const DATA: u8 = 0;
    pub(super) const HEADERS: u8 = 1;
    pub(super) const RST_STREAM: u8 = 3;
    pub(super) const SETTINGS: u8 = 4;
    pub(super) const PUSH_PROMISE: u8 = 5;
    pub(super) const PING: u8 = 6;
    pub(super) const GOAWAY: u8 = 7;
    pub(super) const WINDOW_UPDATE: u8 = 8;
    pub(super) const CONTINUATION: u8 = 9;
}

/// Flags of frames.
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 0x20;

/// The error code for cancelling a stream whose response is no longer awaited.
const CANCEL: u32 = 8;

/// Size of a frame's header, in bytes.
const HEAD: usize = 9;

/// Largest accepted frame: the default, since we announce no larger `SETTINGS_MAX_FRAME_SIZE`.
const LONGEST: usize = 16_384;

/// Maximum size of a header block.
const LONGEST_BLOCK: usize = 256 * 1024;

/// The default window.
const WINDOW: i64 = 65_535;

/// Maximum size of a window.
const WIDEST: u32 = (1 << 31) - 1;

/// Maximum number of open streams until the other side has announced its limit.
const FIRST_STREAMS: usize = 100;

/// The last stream number: after it a connection is used up.
const LAST_STREAM: u32 = WIDEST - 2;

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// A complete response: its status, and as much of its body as is kept.
    Answer(u16, Vec<u8>),
    /// The other side reset the stream.
    Reset,
}

/// Why the received bytes are not HTTP/2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NoHttp2(pub(super) String);

/// A request in progress, with a tag by which its sender identifies it.
#[derive(Debug)]
struct Exchange<T> {
    tag: T,
    /// Number of bytes that may be sent.
    window: i64,
    /// 0 until the head of the response has arrived.
    status: u16,
    body: Vec<u8>,
}

/// A connection's state.
#[derive(Debug)]
pub(super) struct Session<T> {
    /// The bytes to be written.
    out: Vec<u8>,
    /// The beginning of an incomplete frame.
    input: Vec<u8>,
    next: u32,
    open: HashMap<u32, Exchange<T>>,
    window: i64,
    stream_window: i64,
    longest: usize,
    most_streams: usize,
    /// Bodies that wait for the window: the stream, and the rest of the body.
    blocked: VecDeque<(u32, Vec<u8>)>,
    /// A header block that continues in further frames.
    block: Option<(u32, bool, Vec<u8>)>,
    /// Number of bytes received since the last window update.
    received: u32,
    /// Maximum number of bytes that are kept of each response's body.
    cap: usize,
    has_begun: bool,
    /// Whether no further requests are accepted.
    closes: bool,
}

impl<T> Session<T> {
    /// Starts a connection.
    pub(super) fn new(cap: usize) -> Self {
        let mut out = PREFACE.to_vec();
        // No dynamic table, no pushes, the largest window for each stream.
        let settings = [(1_u16, 0_u32), (2, 0), (4, WIDEST)];
        let settings: Vec<u8> = settings
            .iter()
            .flat_map(|(key, value)| key.to_be_bytes().into_iter().chain(value.to_be_bytes()))
            .collect();
        frame(kind::SETTINGS, 0, 0, &settings, &mut out);
        frame(kind::WINDOW_UPDATE, 0, 0, &(WIDEST - WINDOW as u32).to_be_bytes(), &mut out);
        Self {
            out,
            input: Vec::new(),
            next: 1,
            open: HashMap::new(),
            window: WINDOW,
            stream_window: WINDOW,
            longest: LONGEST,
            most_streams: FIRST_STREAMS,
            blocked: VecDeque::new(),
            block: None,
            received: 0,
            cap,
            has_begun: false,
            closes: false,
        }
    }

    /// Returns the bytes to be written. The writer removes what it has written.
    pub(super) fn out(&mut self) -> &mut Vec<u8> {
        &mut self.out
    }

    /// Returns the maximum number of concurrent streams.
    pub(super) fn most_streams(&self) -> usize {
        self.most_streams
    }

    /// Whether another request may be made on this connection.
    pub(super) fn is_open(&self) -> bool {
        !self.closes && self.next <= LAST_STREAM
    }

    /// Whether no requests are in progress.
    pub(super) fn is_idle(&self) -> bool {
        self.open.is_empty()
    }

    /// Makes a request from a header block and a body.
    pub(super) fn request(&mut self, block: &[u8], body: &[u8], tag: T) {
        let stream = self.next;
        self.next += 2;
        let ends = if body.is_empty() { END_STREAM } else { 0 };
        let (first, mut rest) = block.split_at(block.len().min(self.longest));
        let flags = if rest.is_empty() { END_HEADERS } else { 0 };
        frame(kind::HEADERS, flags | ends, stream, first, &mut self.out);
        while !rest.is_empty() {
            let (part, after) = rest.split_at(rest.len().min(self.longest));
            let flags = if after.is_empty() { END_HEADERS } else { 0 };
            frame(kind::CONTINUATION, flags, stream, part, &mut self.out);
            rest = after;
        }
        let mut exchange = Exchange { tag, window: self.stream_window, status: 0, body: Vec::new() };
        let length = body.len() as i64;
        let fits = self.blocked.is_empty() && body.len() <= self.longest;
        if body.is_empty() {
        } else if fits && length <= self.window.min(exchange.window) {
            frame(kind::DATA, END_STREAM, stream, body, &mut self.out);
            self.window -= length;
            exchange.window -= length;
        } else {
            self.blocked.push_back((stream, body.to_vec()));
        }
        self.open.insert(stream, exchange);
        self.unblock();
    }

    /// Sends queued body data as far as the flow-control windows allow.
    fn unblock(&mut self) {
        let mut at = 0;
        while let Some((stream, body)) = self.blocked.get_mut(at) {
            let Some(exchange) = self.open.get_mut(stream) else {
                self.blocked.remove(at);
                continue;
            };
            if self.window <= 0 {
                return;
            }
            let room = self.window.min(exchange.window).max(0) as usize;
            let count = room.min(self.longest).min(body.len());
            if count == 0 {
                at += 1;
                continue;
            }
            let ends = if count == body.len() { END_STREAM } else { 0 };
            frame(kind::DATA, ends, *stream, &body[..count], &mut self.out);
            body.drain(..count);
            self.window -= count as i64;
            exchange.window -= count as i64;
            if body.is_empty() {
                self.blocked.remove(at);
            }
        }
    }

    /// Cancels the requests for which `is_over` returns true.
    pub(super) fn give_up(&mut self, mut is_over: impl FnMut(&T) -> bool) -> Vec<T> {
        let out = &mut self.out;
        let given_up = self.open.extract_if(|stream, exchange| {
            let is_over = is_over(&exchange.tag);
            if is_over {
                frame(kind::RST_STREAM, 0, *stream, &CANCEL.to_be_bytes(), out);
            }
            is_over
        });
        let tags = given_up.map(|(_, exchange)| exchange.tag).collect();
        self.unblock();
        tags
    }

    /// Returns the tags of all requests in progress; the connection is broken.
    pub(super) fn into_tags(self) -> impl Iterator<Item = T> {
        self.open.into_values().map(|exchange| exchange.tag)
    }

    /// Processes received bytes. `ended` is called for each request that has ended.
    pub(super) fn read(&mut self, bytes: &[u8], mut ended: impl FnMut(T, End)) -> Result<(), NoHttp2> {
        let kept = std::mem::take(&mut self.input);
        let joined;
        let mut rest = match kept.is_empty() {
            true => bytes,
            false => {
                joined = [&kept, bytes].concat();
                &joined
            }
        };
        while let Some((head, after)) = rest.split_at_checked(HEAD) {
            let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
            if !self.has_begun && head[3] != kind::SETTINGS {
                return Err(NoHttp2("it does not begin with its settings".to_owned()));
            }
            if length > LONGEST {
                return Err(NoHttp2(format!("a frame of {length} bytes")));
            }
            let Some((payload, after)) = after.split_at_checked(length) else { break };
            let stream = number(&head[5..9]).unwrap_or_default() & WIDEST;
            self.take(head[3], head[4], stream, payload, &mut ended)?;
            rest = after;
        }
        self.input = rest.to_vec();
        Ok(())
    }

    fn take(
        &mut self,
        kind: u8,
        flags: u8,
        stream: u32,
        payload: &[u8],
        ended: &mut impl FnMut(T, End),
    ) -> Result<(), NoHttp2> {
        let short = || NoHttp2("a frame is too short".to_owned());
        if self.block.is_some() && kind != kind::CONTINUATION {
            return Err(NoHttp2("headers without their continuation".to_owned()));
        }
        match kind {
            kind::DATA => {
                // Padding counts against the window as well.
                self.received += payload.len() as u32;
                if self.received > WIDEST / 2 {
                    frame(kind::WINDOW_UPDATE, 0, 0, &self.received.to_be_bytes(), &mut self.out);
                    self.received = 0;
                }
                let data = unpadded(flags, payload).ok_or_else(short)?;
                if let Some(exchange) = self.open.get_mut(&stream) {
                    if exchange.status == 0 {
                        return Err(NoHttp2("a body without a head".to_owned()));
                    }
                    let room = self.cap.saturating_sub(exchange.body.len()).min(data.len());
                    exchange.body.extend_from_slice(&data[..room]);
                }
                if flags & END_STREAM != 0 {
                    self.finish(stream, ended);
                }
            }
            kind::HEADERS => {
                let mut block = unpadded(flags, payload).ok_or_else(short)?;
                if flags & PRIORITY != 0 {
                    block = block.get(5..).ok_or_else(short)?;
                }
                let ends = flags & END_STREAM != 0;
                if flags & END_HEADERS != 0 {
                    return self.head(stream, ends, block, ended);
                }
                self.block = Some((stream, ends, block.to_vec()));
            }
            kind::CONTINUATION => {
                let Some((of, ends, mut block)) = self.block.take().filter(|(of, ..)| *of == stream) else {
                    return Err(NoHttp2("a continuation without headers".to_owned()));
                };
                block.extend_from_slice(payload);
                if block.len() > LONGEST_BLOCK {
                    return Err(NoHttp2("headers without end".to_owned()));
                }
                if flags & END_HEADERS != 0 {
                    return self.head(of, ends, &block, ended);
                }
                self.block = Some((of, ends, block));
            }
            kind::RST_STREAM => {
                if let Some(exchange) = self.open.remove(&stream) {
                    ended(exchange.tag, End::Reset);
                }
            }
            kind::SETTINGS if flags & ACK != 0 => self.has_begun = true,
            kind::SETTINGS => {
                self.has_begun = true;
                self.settings(payload)?;
                frame(kind::SETTINGS, ACK, 0, &[], &mut self.out);
                self.unblock();
            }
            kind::PING if flags & ACK == 0 => frame(kind::PING, ACK, 0, payload, &mut self.out),
            kind::GOAWAY => {
                let last = number(payload).ok_or_else(short)? & WIDEST;
                self.closes = true;
                let refused = self.open.extract_if(|stream, _| *stream > last);
                let refused: Vec<T> = refused.map(|(_, exchange)| exchange.tag).collect();
                refused.into_iter().for_each(|tag| ended(tag, End::Reset));
            }
            kind::WINDOW_UPDATE => {
                let more = i64::from(number(payload).ok_or_else(short)? & WIDEST);
                match self.open.get_mut(&stream) {
                    _ if stream == 0 => self.window += more,
                    Some(exchange) => exchange.window += more,
                    None => {}
                }
                self.unblock();
            }
            kind::PUSH_PROMISE => return Err(NoHttp2("it pushes, although that was refused".to_owned())),
            // Other frames are ignored.
            _ => {}
        }
        Ok(())
    }

    /// Processes the head of a response, or its trailers.
    fn head(
        &mut self,
        stream: u32,
        ends: bool,
        block: &[u8],
        ended: &mut impl FnMut(T, End),
    ) -> Result<(), NoHttp2> {
        if let Some(exchange) = self.open.get_mut(&stream).filter(|exchange| exchange.status == 0) {
            let status = hpack::status(block);
            let status = status.ok_or_else(|| NoHttp2("a response without a status".to_owned()))?;
            // Statuses below 200 only announce that the response is to come.
            exchange.status = if status < 200 { 0 } else { status };
        }
        if ends {
            self.finish(stream, ended);
        }
        Ok(())
    }

    fn finish(&mut self, stream: u32, ended: &mut impl FnMut(T, End)) {
        if let Some(exchange) = self.open.remove(&stream) {
            let end = match exchange.status {
                0 => End::Reset,
                status => End::Answer(status, exchange.body),
            };
            ended(exchange.tag, end);
        }
    }

    fn settings(&mut self, payload: &[u8]) -> Result<(), NoHttp2> {
        for setting in payload.chunks_exact(6) {
            let value = number(&setting[2..]).unwrap_or_default();
            match u16::from_be_bytes([setting[0], setting[1]]) {
                3 => self.most_streams = (value as usize).max(1),
                4 => {
                    let change = i64::from(value) - self.stream_window;
                    self.stream_window += change;
                    self.open.values_mut().for_each(|exchange| exchange.window += change);
                }
                5 if (LONGEST as u32..1 << 24).contains(&value) => self.longest = value as usize,
                5 => return Err(NoHttp2(format!("frames of {value} bytes at most"))),
                _ => {}
            }
        }
        // Without an announced limit the number of streams is unlimited.
        let says = payload.chunks_exact(6).any(|setting| setting[..2] == [0, 3]);
        if !says && self.most_streams == FIRST_STREAMS {
            self.most_streams = usize::MAX;
        }
        Ok(())
    }
}

/// Appends a frame.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8], out: &mut Vec<u8>) {
    let [_, a, b, c] = (payload.len() as u32).to_be_bytes();
    let [d, e, f, g] = stream.to_be_bytes();
    out.extend_from_slice(&[a, b, c, kind, flags, d, e, f, g]);
    out.extend_from_slice(payload);
}

/// Reads the number at the beginning of the bytes.
fn number(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|four| u32::from_be_bytes(*four))
}

/// Returns a payload without its padding.
fn unpadded(flags: u8, payload: &[u8]) -> Option<&[u8]> {
    if flags & PADDED == 0 {
        return Some(payload);
    }
    let (padding, rest) = payload.split_first()?;
    rest.get(..rest.len().checked_sub(usize::from(*padding))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Starts a session with the other side's settings, and discards all bytes to be written.
    fn begun(settings: &[(u16, u32)]) -> Session<u32> {
        let mut session = Session::new(8);
        let payload: Vec<u8> = settings
            .iter()
            .flat_map(|(key, value)| key.to_be_bytes().into_iter().chain(value.to_be_bytes()))
            .collect();
        assert_eq!(read(&mut session, &framed(kind::SETTINGS, 0, 0, &payload)), Ok(vec![]));
        session.out().clear();
        session
    }

    fn framed(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        frame(kind, flags, stream, payload, &mut out);
        out
    }

    fn read(session: &mut Session<u32>, bytes: &[u8]) -> Result<Vec<(u32, End)>, NoHttp2> {
        let mut ends = Vec::new();
        session.read(bytes, |tag, end| ends.push((tag, end))).map(|()| ends)
    }

    /// Splits bytes into frames: type, flags, stream, length.
    fn frames(mut bytes: &[u8]) -> Vec<(u8, u8, u32, usize)> {
        let mut found = Vec::new();
        while let Some((head, rest)) = bytes.split_at_checked(HEAD) {
            let length = number(&[0, head[0], head[1], head[2]]).unwrap() as usize;
            found.push((head[3], head[4], number(&head[5..]).unwrap(), length));
            bytes = &rest[length..];
        }
        found
    }

    #[test]
    fn many_requests_leave_in_one_write_and_are_answered_in_any_order() {
        let mut session = begun(&[]);
        for tag in 0..3 {
            session.request(b"\x83", b"body", tag);
        }
        let expected: Vec<_> =
            [1, 3, 5].into_iter().flat_map(|stream| [(1, 4, stream, 1), (0, 1, stream, 4)]).collect();
        assert_eq!(frames(session.out()), expected);
        let answers = [
            framed(kind::HEADERS, END_HEADERS, 5, &[0x88]),
            framed(kind::DATA, END_STREAM, 5, b"0123456789"),
            framed(kind::HEADERS, END_HEADERS | END_STREAM, 1, &[0x8d]),
        ]
        .concat();
        let expected = vec![(2, End::Answer(200, b"01234567".to_vec())), (0, End::Answer(404, Vec::new()))];
        // The result is the same however the bytes are cut into pieces.
        let mut ends = Vec::new();
        for piece in answers.chunks(4) {
            ends.extend(read(&mut session, piece).unwrap());
        }
        assert_eq!(ends, expected);
        assert_eq!(session.into_tags().collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn bodies_wait_for_room() {
        let mut session = begun(&[(4, 10)]);
        session.request(b"\x83", &[7; 25], 0);
        assert_eq!(frames(session.out()), [(1, 4, 1, 1), (0, 0, 1, 10)]);
        session.out().clear();
        // Another stream has its own window, and does not wait for the first.
        session.request(b"\x83", &[7; 5], 1);
        assert_eq!(frames(session.out()), [(1, 4, 3, 1), (0, 1, 3, 5)]);
        session.out().clear();
        read(&mut session, &framed(kind::WINDOW_UPDATE, 0, 1, &100_u32.to_be_bytes())).unwrap();
        assert_eq!(frames(session.out()), [(0, 1, 1, 15)]);
        // The connection as a whole has a window too.
        let mut session = begun(&[(4, WIDEST)]);
        session.request(b"\x83", &[7; 65_000], 0);
        session.out().clear();
        session.request(b"\x83", &[7; 1_000], 1);
        assert_eq!(frames(session.out()), [(1, 4, 3, 1), (0, 0, 3, 535)]);
        session.out().clear();
        read(&mut session, &framed(kind::WINDOW_UPDATE, 0, 0, &10_000_u32.to_be_bytes())).unwrap();
        assert_eq!(frames(session.out()), [(0, 1, 3, 465)]);
    }

    #[test]
    fn what_the_other_side_gives_up_is_told() {
        let mut session = begun(&[(3, 7)]);
        assert_eq!(session.most_streams(), 7);
        (0..3).for_each(|tag| session.request(b"\x83", b"", tag));
        let reset = framed(kind::RST_STREAM, 0, 1, &CANCEL.to_be_bytes());
        assert_eq!(read(&mut session, &reset), Ok(vec![(0, End::Reset)]));
        let goaway = framed(kind::GOAWAY, 0, 0, &[0, 0, 0, 3, 0, 0, 0, 0]);
        assert_eq!(read(&mut session, &goaway), Ok(vec![(2, End::Reset)]));
        assert!(!session.is_open() && !session.is_idle());
        session.out().clear();
        assert_eq!(session.give_up(|_| true), [1]);
        assert_eq!(frames(session.out()), [(3, 0, 3, 4)]);
        assert!(session.is_idle());
    }

    #[test]
    fn pings_and_settings_are_answered() {
        let mut session = begun(&[]);
        assert_eq!(session.most_streams(), usize::MAX);
        read(&mut session, &framed(kind::PING, 0, 0, &[1; 8])).unwrap();
        read(&mut session, &framed(kind::SETTINGS, 0, 0, &[])).unwrap();
        assert_eq!(frames(session.out()), [(6, 1, 0, 8), (4, 1, 0, 0)]);
    }

    #[test]
    fn heads_come_in_pieces_padded_and_after_others() {
        let mut session = begun(&[]);
        session.request(b"\x83", b"", 0);
        let answer = [
            framed(kind::HEADERS, END_HEADERS, 1, b"\x08\x03103"),
            framed(kind::HEADERS, END_STREAM | PADDED | PRIORITY, 1, &[1, 0, 0, 0, 0, 9, 0x08, 0xaa]),
            framed(kind::CONTINUATION, END_HEADERS, 1, b"\x03418"),
        ];
        assert_eq!(read(&mut session, &answer.concat()), Ok(vec![(0, End::Answer(418, Vec::new()))]));
    }

    #[test]
    fn what_is_no_http2_is_refused() {
        let mut fresh = Session::new(0);
        assert!(read(&mut fresh, b"HTTP/1.1 400 Bad Request\r\n\r\n").is_err());
        for bytes in [
            framed(kind::DATA, PADDED, 1, &[9, 1]),
            framed(kind::PUSH_PROMISE, 0, 1, &[]),
            framed(kind::CONTINUATION, 0, 1, &[]),
            framed(kind::HEADERS, END_HEADERS, 1, b"\x7f"),
            framed(kind::DATA, 0, 1, b"x"),
            vec![0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1],
        ] {
            let mut session = begun(&[]);
            session.request(b"\x83", b"", 0);
            assert!(read(&mut session, &bytes).is_err(), "{bytes:x?}");
        }
    }
}
