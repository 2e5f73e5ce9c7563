//! Attempts over kept connections of HTTP/1.1, for very many attempts to one address. The bytes on the wire are the same as
//! those of the delivery client.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::net::TcpStream;

use super::response::{Ended, ResponseReader};
use crate::delivery::{Attempt, AttemptResult, Failure, ReceiverResponse};
use crate::http::is_closed;
use crate::net::Target;
use crate::sync::lock;

/// Size of one read, in bytes.
const READ: usize = 8 * 1024;

/// The address of attempts, with the connections that are kept to it.
#[derive(Debug)]
pub(super) struct Direct {
    target: Arc<Target>,
    address: SocketAddr,
    idle: Mutex<Vec<Wire>>,
    opened: AtomicU64,
}

/// A connection.
#[derive(Debug)]
struct Wire {
    stream: TcpStream,
    reader: ResponseReader,
}

/// A request that may have been written in part.
pub(super) struct Begun {
    bytes: Vec<u8>,
    written: usize,
    wire: Option<Wire>,
    begun: Instant,
}

impl Direct {
    /// For attempts to this target.
    pub(super) fn new(target: Arc<Target>, address: SocketAddr) -> Self {
        Self { target, address, idle: Mutex::default(), opened: AtomicU64::new(0) }
    }

    /// Returns the number of opened connections.
    pub(super) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    /// Whether an attempt goes to this address and can be sent this way.
    pub(super) fn takes(&self, attempt: &Attempt) -> bool {
        let target = &attempt.callback.target;
        !target.is_tls() && target.origin() == self.target.origin() && is_plain(attempt)
    }

    /// Writes as much as possible without waiting: mostly everything.
    pub(super) fn begin(&self, attempt: &Attempt) -> Begun {
        let mut bytes = Vec::with_capacity(attempt.body.len() + 512);
        write(attempt, &mut bytes);
        let mut begun = Begun { bytes, written: 0, wire: None, begun: Instant::now() };
        loop {
            let wire = lock(&self.idle).pop();
            let Some(wire) = wire else { return begun };
            // A connection that was closed, or that received unexpected bytes, can't be used.
            let is_quiet = matches!(wire.stream.try_read(&mut [0; 1]), Err(error) if error.kind() == io::ErrorKind::WouldBlock);
            if !is_quiet {
                continue;
            }
            match wire.stream.try_write(&begun.bytes) {
                Ok(count) => begun.written = count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // Nothing of the request left this machine.
                Err(_) => continue,
            }
            begun.wire = Some(wire);
            return begun;
        }
    }

    /// Completes an attempt. A failure is part of the result.
    pub(super) async fn finish(&self, attempt: &Attempt, mut begun: Begun) -> AttemptResult {
        let timeout = attempt.callback.policy.timeout;
        let cap = attempt.callback.policy.answer_cap;
        let started = begun.begun;
        let mut is_connected = begun.wire.is_some();
        let exchange = async {
            let mut wire = match begun.wire.take() {
                Some(wire) => wire,
                None => self.connect(cap).await?,
            };
            is_connected = true;
            self.exchange(&begun.bytes, begun.written, &mut wire).await.map(|ended| (ended, wire))
        };
        let result = match tokio::time::timeout(timeout, exchange).await {
            Ok(Ok(((status, reusable), wire))) => {
                let body = Bytes::copy_from_slice(wire.reader.body());
                if reusable {
                    lock(&self.idle).push(wire);
                }
                Ok(ReceiverResponse { status, headers: Vec::new(), body, truncated: false })
            }
            Ok(Err(failure)) => Err(failure),
            Err(_) if is_connected => Err(Failure::no_answer(&self.target, timeout)),
            Err(_) => Err(Failure::no_connection(&self.target, timeout)),
        };
        AttemptResult {
            result,
            elapsed: Instant::now().saturating_duration_since(started).min(timeout + Duration::from_secs(1)),
        }
    }

    async fn connect(&self, cap: usize) -> Result<Wire, Failure> {
        let connected = TcpStream::connect(self.address).await;
        let stream = connected.map_err(|error| Failure::connect(&self.target, &error))?;
        self.opened.fetch_add(1, Ordering::Relaxed);
        // Where it can't be set, requests are slower but still correct.
        let _ = stream.set_nodelay(true);
        Ok(Wire { stream, reader: ResponseReader::new(cap) })
    }

    async fn exchange(
        &self,
        bytes: &[u8],
        mut written: usize,
        wire: &mut Wire,
    ) -> Result<(u16, bool), Failure> {
        let broken = |error: &io::Error| Failure::broken(&self.target, Some(error));
        let mut is_whole = true;
        while written < bytes.len() {
            wire.stream.writable().await.map_err(|error| broken(&error))?;
            match wire.stream.try_write(&bytes[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // A receiver may respond before it has read everything, and close: what can be read decides.
                Err(error) if is_closed(&error) => {
                    is_whole = false;
                    break;
                }
                Err(error) => return Err(broken(&error)),
            }
        }
        loop {
            wire.stream.readable().await.map_err(|error| broken(&error))?;
            if let Some(ended) = self.read(wire)? {
                return Ok((ended.status, ended.reusable && is_whole));
            }
        }
    }
}

impl Direct {
    /// Reads the available bytes; returns the end of the response if they contain it.
    fn read(&self, wire: &mut Wire) -> Result<Option<Ended>, Failure> {
        // The buffer must not be part of the task, whose memory is allocated for each attempt.
        let mut buffer = [0; READ];
        match wire.stream.try_read(&mut buffer) {
            Ok(0) => wire.reader.close().map(Some).ok_or_else(|| wire.reader.broken(&self.target, None)),
            Ok(count) => {
                let read = wire.reader.read(&buffer[..count]);
                read.map_err(|why| wire.reader.no_http(&self.target, &why))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(wire.reader.broken(&self.target, Some(&error))),
        }
    }
}

/// Whether all headers can be written as they are. Others are left to the delivery client, which reports what is wrong.
fn is_plain(attempt: &Attempt) -> bool {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_value = |value: &str| value.bytes().all(|byte| byte >= b' ' && byte != 0x7f);
    let is_own = |name: &str| {
        ["host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "te"]
            .iter()
            .any(|other| name.eq_ignore_ascii_case(other))
    };
    if !attempt.wire.is_empty() {
        return false;
    }
    let headers = &attempt.headers;
    let mut rest = headers.iter().enumerate();
    // Values of one name are adjacent on the wire.
    rest.all(|(index, (name, value))| {
        let is_first = headers[..index].iter().all(|(other, _)| !other.eq_ignore_ascii_case(name));
        is_first && is_name(name) && is_value(value) && !is_own(name)
    }) && matches!(&*attempt.callback.method, "POST" | "PUT" | "PATCH")
}

/// Writes a request as it goes over the wire.
fn write(attempt: &Attempt, out: &mut Vec<u8>) {
    let callback = &attempt.callback;
    let mut put = |parts: &[&str]| parts.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
    put(&[&callback.method, " ", callback.target.path_and_query(), " HTTP/1.1\r\nHost: "]);
    put(&[callback.target.authority(), "\r\n"]);
    for (name, value) in &attempt.headers {
        put(&[name, ": ", value, "\r\n"]);
    }
    put(&["Content-Length: ", itoa::Buffer::new().format(attempt.body.len()), "\r\n\r\n"]);
    out.extend_from_slice(&attempt.body);
}
