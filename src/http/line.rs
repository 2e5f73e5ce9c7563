//! What happens to a connection apart from HTTP: how it begins, and the ways in which it ends on purpose.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, Sleep, sleep};

/// What an HTTP/2 client says first.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Which HTTP a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

/// A connection of which the first bytes were read to learn the version; whoever reads from it gets them again.
#[derive(Debug)]
pub(super) struct Begun {
    stream: TcpStream,
    early: Bytes,
    /// How long nothing may get out of what is to be written.
    patience: Option<Duration>,
    /// Runs while the client takes nothing.
    stuck: Option<Pin<Box<Sleep>>>,
}

/// Reads until the version is known. None if the client goes away before it says anything.
pub(super) async fn begin(mut stream: TcpStream) -> Option<(Version, Begun)> {
    let mut early = [0; PREFACE.len()];
    let mut length = 0;
    let version = loop {
        let more = stream.read(&mut early[length..]).await.ok()?;
        length += more;
        if length == 0 {
            return None;
        }
        if more == 0 || early[..length] != PREFACE[..length] {
            break Version::One;
        }
        if length == PREFACE.len() {
            break Version::Two;
        }
    };
    Some((
        version,
        Begun { stream, early: Bytes::copy_from_slice(&early[..length]), patience: None, stuck: None },
    ))
}

/// How the connection of an exchange ends, in place of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Closed.
    Close,
    /// Reset.
    Reset,
    /// Kept open, in silence.
    Silence,
}

impl Begun {
    /// From now on writing fails when the client has taken nothing for so long.
    pub(super) fn patience(&mut self, patience: Duration) {
        self.patience = Some(patience);
    }

    /// What comes of a try to write: an error if the client has taken nothing for too long.
    fn wrote(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let Some(patience) = self.patience else { return Poll::Pending };
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(stuck.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Brings the connection to its end.
    pub(super) async fn finish(mut self, ending: Ending, never: Duration, mut end: watch::Receiver<()>) {
        match ending {
            Ending::Close => {}
            Ending::Reset => {
                // Without the option the client reads an orderly end, which is the next best thing.
                let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
            }
            Ending::Silence => {
                let mut unheard = [0; 1024];
                let gone = async { while matches!(self.stream.read(&mut unheard).await, Ok(1..)) {} };
                tokio::select! {
                    () = gone => {}
                    () = tokio::time::sleep(never) => {}
                    _ = end.changed() => {}
                }
            }
        }
    }
}

/// What the exchanges of a connection tell the one who drives it.
#[derive(Debug)]
pub(super) struct Line {
    version: Version,
    ending: OnceLock<Ending>,
    told: Notify,
    begun: AtomicUsize,
    open: AtomicUsize,
    /// The answers that wait for their client, and since when; over HTTP/1.1 the connection itself knows.
    waits: Mutex<Vec<(usize, Instant)>>,
}

impl Line {
    /// The line of a connection.
    pub(super) fn new(version: Version) -> Self {
        Self {
            version,
            ending: OnceLock::new(),
            told: Notify::new(),
            begun: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            waits: Mutex::default(),
        }
    }

    /// Asks for the end of the connection. Of several wishes the first counts.
    pub(super) fn end(&self, ending: Ending) {
        self.ending.get_or_init(|| ending);
        self.told.notify_one();
    }

    /// Whether an exchange has asked for the end.
    pub(super) fn is_ending(&self) -> bool {
        self.ending.get().is_some()
    }

    /// Ready once an exchange has asked for the end.
    pub(super) async fn ending(&self) -> Ending {
        loop {
            match self.ending.get() {
                Some(ending) => return *ending,
                None => self.told.notified().await,
            }
        }
    }

    fn waits(&self) -> MutexGuard<'_, Vec<(usize, Instant)>> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the answer has waited for which its client has not taken anything for longest.
    pub(super) fn longest_wait(&self) -> Duration {
        let first = self.waits().iter().map(|(_, since)| *since).min();
        first.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// How many exchanges have begun so far; none if one of them still goes on.
    pub(super) fn idle_after(&self) -> Option<usize> {
        let begun = self.begun.load(Ordering::Relaxed);
        (self.open.load(Ordering::Relaxed) == 0).then_some(begun)
    }
}

/// An exchange that goes on, until its answer is sent.
#[derive(Debug)]
pub(super) struct Open {
    line: Arc<Line>,
    number: usize,
}

impl Open {
    pub(super) fn new(line: &Arc<Line>) -> Self {
        let number = line.begun.fetch_add(1, Ordering::Relaxed);
        line.open.fetch_add(1, Ordering::Relaxed);
        Self { line: Arc::clone(line), number }
    }

    /// The answer waits for its client to take more, or does not any longer.
    pub(super) fn set_waiting(&self, is_waiting: bool) {
        if self.line.version == Version::One {
            return;
        }
        let mut waits = self.line.waits();
        waits.retain(|(number, _)| *number != self.number);
        if is_waiting {
            waits.push((self.number, Instant::now()));
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.set_waiting(false);
        self.line.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl AsyncRead for Begun {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.early.has_remaining() {
            let length = self.early.len().min(buf.remaining());
            buf.put_slice(&self.early.split_to(length));
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Begun {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.wrote(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
