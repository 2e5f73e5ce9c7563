//! The transport under HTTP: a stream with a time limit for writing, which can be taken back from hyper.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Sleep, sleep};

use super::state::{ConnState, Ending};

use crate::sync::lock;

/// Where connections come from: TCP, or memory in tests.
pub(super) trait Listener: Send {
    type Stream: Transport;

    /// Accepts the next connection.
    fn accept(&mut self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

/// An accepted connection.
pub(super) trait Transport: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Makes closing reset the connection, so that the client reads an error and not the end.
    fn reset_on_close(&self);

    /// Whether the client has closed its side and everything that it sent before has been read.
    fn is_gone(&self) -> bool;
}

impl Listener for TcpListener {
    type Stream = TcpStream;

    async fn accept(&mut self) -> io::Result<TcpStream> {
        let (stream, _) = Self::accept(self).await?;
        // Small responses should not wait for more data; without the option they still arrive.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }
}

impl Transport for TcpStream {
    fn reset_on_close(&self) {
        // Without the option the client reads an orderly end, which is the next best thing.
        let _ = SockRef::from(self).set_linger(Some(Duration::ZERO));
    }

    fn is_gone(&self) -> bool {
        let mut byte = [MaybeUninit::uninit()];
        match SockRef::from(self).peek(&mut byte) {
            Ok(count) => count == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }
}

/// A connection while hyper has it. Writing fails when the client reads nothing for too long, for which hyper has no timer.
/// The stream is shared because hyper's `auto::Connection` does not give it back: to end a connection in another way than
/// by a response, the task that drives it drops hyper's part and continues with its own.
#[derive(Debug)]
pub(super) struct TimedStream<S> {
    stream: Arc<Mutex<S>>,
    write_timeout: Duration,
    state: Arc<ConnState>,
    /// Runs while the client reads nothing.
    stuck: Option<Pin<Box<Sleep>>>,
}

impl<S> TimedStream<S> {
    pub(super) fn new(stream: Arc<Mutex<S>>, write_timeout: Duration, state: Arc<ConnState>) -> Self {
        Self { stream, write_timeout, state, stuck: None }
    }

    fn stream(&self) -> MutexGuard<'_, S> {
        lock(&self.stream)
    }
}

impl<S: Transport> AsyncRead for TimedStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream()).poll_read(cx, buf)
    }
}

impl<S: Transport> AsyncWrite for TimedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut *self.stream()).poll_write(cx, bytes);
        if written.is_ready() {
            if self.stuck.take().is_some() {
                self.state.set_stuck(false);
            }
            return written;
        }
        self.state.set_stuck(true);
        let write_timeout = self.write_timeout;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(write_timeout)));
        ready!(stuck.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream()).poll_shutdown(cx)
    }
}

/// Ends a connection as asked. Silence lasts until the client goes, until `never` has passed, or until the server ends.
pub(super) async fn finish(
    mut stream: impl Transport,
    ending: Ending,
    never: Duration,
    mut shutdown: watch::Receiver<()>,
) {
    match ending {
        Ending::Close => {}
        Ending::Reset => stream.reset_on_close(),
        Ending::Silence => {
            let mut ignored = [0; 1024];
            let gone = async { while matches!(stream.read(&mut ignored).await, Ok(1..)) {} };
            tokio::select! {
                () = gone => {}
                () = sleep(never) => {}
                _ = shutdown.changed() => {}
            }
        }
    }
}
