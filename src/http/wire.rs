//! The TCP stream under a connection, and what is known about its traffic.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The traffic of a connection since the last [`Traffic::reset`].
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    sent: AtomicBool,
    received: AtomicBool,
}

impl Traffic {
    /// Starts watching anew, before a request is written.
    pub(crate) fn reset(&self) {
        self.sent.store(false, Ordering::Relaxed);
        self.received.store(false, Ordering::Relaxed);
    }

    /// Whether the system accepted at least one byte. If not, the receiver can't have seen anything of the request.
    pub(crate) fn sent(&self) -> bool {
        self.sent.load(Ordering::Relaxed)
    }

    /// Whether at least one byte arrived.
    pub(crate) fn received(&self) -> bool {
        self.received.load(Ordering::Relaxed)
    }
}

/// A TCP stream that keeps reading when it can no longer write.
///
/// A receiver may respond before it has read the whole request, for example with 413, and close. The rest of the request
/// can then not be written, but the response is already on its way. So a write that fails because the receiver closed
/// counts as done, and what can be read decides: the response, or the end of the connection.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    traffic: Arc<Traffic>,
}

impl Wire {
    /// Wraps a stream. Also returns the shared record of its traffic.
    pub(crate) fn new(stream: TcpStream) -> (Self, Arc<Traffic>) {
        let traffic = Arc::new(Traffic::default());
        (Self { stream, traffic: traffic.clone() }, traffic)
    }

    fn written(&self, result: Poll<io::Result<usize>>, all: usize) -> Poll<io::Result<usize>> {
        match result {
            Poll::Ready(Ok(count)) if count > 0 => {
                self.traffic.sent.store(true, Ordering::Relaxed);
                // Many receivers write head and body of a response in two pieces, and the second one waits for the
                // acknowledgement of the first, which the system would delay by 40 ms.
                #[cfg(any(target_os = "linux", target_os = "android"))]
                let _ = self.stream.set_quickack(true);
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) if is_closed(&error) => Poll::Ready(Ok(all)),
            other => other,
        }
    }
}

/// Whether an error means that the other side closed the connection.
pub(crate) fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(error.kind(), Kind::BrokenPipe | Kind::ConnectionReset | Kind::ConnectionAborted)
}

/// Whether the process, or the system, has no room for another open file.
pub(crate) fn is_out_of_files(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use nix::errno::Errno;
        error.raw_os_error().is_some_and(|code| code == Errno::EMFILE as i32 || code == Errno::ENFILE as i32)
    }
    #[cfg(not(unix))]
    {
        let _ = error;
        false
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.traffic.received.store(true, Ordering::Relaxed);
        }
        result
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(result, bytes.len())
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.written(result, parts.iter().map(|part| part.len()).sum())
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn an_answer_is_read_though_writing_fails() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut wire, traffic) = Wire::new(stream);
        let (mut receiver, _) = listener.accept().await.unwrap();

        wire.write_all(b"request").await.unwrap();
        assert!(traffic.sent() && !traffic.received());
        receiver.write_all(b"answer").await.unwrap();
        // Unread data makes the system reset the connection.
        receiver.readable().await.unwrap();
        drop(receiver);

        traffic.reset();
        for _ in 0..3 {
            wire.write_all(b"more").await.unwrap();
        }
        assert!(!traffic.sent(), "nothing was sent any more");
        let mut answer = [0; 6];
        wire.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"answer");
        assert!(traffic.received());
    }
}
