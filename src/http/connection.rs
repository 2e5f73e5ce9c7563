//! One connection from its first byte to its end, HTTP/1.1 or HTTP/2 as the client speaks.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::Limits;
use super::exchange::{Desk, exchange};
use super::line::{self, Begun, Ending, Line, Version};
use crate::net::{HttpRequest, Reply};

/// How often it is looked whether a client has begun anything, while it may be idle.
const GLANCES: u32 = 8;

/// Serves a connection. What goes wrong on it concerns nobody else.
pub(super) async fn serve<H, R>(
    stream: TcpStream,
    handler: Arc<H>,
    limits: Arc<Limits>,
    mut end: watch::Receiver<()>,
) where
    H: Fn(HttpRequest) -> R + Send + Sync + 'static,
    R: Future<Output = Reply> + Send + 'static,
{
    // Small answers should not wait for more to send; without the option they arrive all the same.
    let _ = stream.set_nodelay(true);
    let begun = tokio::select! {
        begun = timeout(limits.header_read, line::begin(stream)) => begun.ok().flatten(),
        _ = end.changed() => None,
    };
    let Some((version, mut begun)) = begun else { return };
    begun.patience(limits.write);
    let desk = Arc::new(Desk { handler, limits, line: Arc::new(Line::new(version)), end });
    match version {
        Version::One => http1(begun, desk).await,
        Version::Two => http2(begun, desk).await,
    }
}

async fn http1<H, R>(begun: Begun, desk: Arc<Desk<H>>)
where
    H: Fn(HttpRequest) -> R + Send + Sync + 'static,
    R: Future<Output = Reply> + Send + 'static,
{
    let (limits, line, mut end) = (desk.limits.clone(), desk.line.clone(), desk.end.clone());
    let mut http = http1::Builder::new();
    // Answers are small: head and body in one piece cost the kernel less. Hyper's own timer is made anew for every
    // request, which takes as long as reading it.
    http.half_close(limits.half_close)
        .writev(false)
        .header_read_timeout(None)
        .max_headers(limits.header_count)
        .max_header_size(limits.header_bytes);
    let service = service_fn(|request| exchange(request, desk.clone()));
    let mut connection = http.serve_connection(TokioIo::new(begun), service);
    let mut ending = false;
    let watched = end.clone();
    let (mut seen, mut quiet) = (0, 0);
    let glance = limits.header_read / GLANCES;
    let mut look = pin!(sleep(glance));
    let mock_outcome = loop {
        let is_due = || line.is_ending() || watched.has_changed().unwrap_or(true);
        let mut aside = pin!(aside(&line, &mut end, ending));
        let mut has_waker = false;
        // Every request wakes this task twice: what does not come of requests is only asked once it has happened.
        let aside = poll_fn(|cx| {
            if std::mem::replace(&mut has_waker, true) && !is_due() {
                return Poll::Pending;
            }
            aside.as_mut().poll(cx)
        });
        tokio::select! {
            biased;
            _ = &mut connection => return,
            () = look.as_mut() => {
                let idle = line.idle_after();
                quiet = if idle == Some(seen) { quiet + 1 } else { 0 };
                if quiet == GLANCES {
                    return;
                }
                seen = idle.unwrap_or(seen);
                look.as_mut().reset(Instant::now() + glance);
            }
            mock_outcome = aside => match mock_outcome {
                Some(mock_outcome) => break mock_outcome,
                None => {
                    ending = true;
                    std::pin::Pin::new(&mut connection).graceful_shutdown();
                }
            }
        }
    };
    connection.into_parts().io.into_inner().finish(mock_outcome, limits.never, end).await;
}

/// What an exchange wishes the connection to end like; nothing if the server ends.
async fn aside(line: &Line, end: &mut watch::Receiver<()>, ending: bool) -> Option<Ending> {
    tokio::select! {
        mock_outcome = line.ending() => Some(mock_outcome),
        _ = end.changed(), if !ending => None,
    }
}

async fn http2<H, R>(begun: Begun, desk: Arc<Desk<H>>)
where
    H: Fn(HttpRequest) -> R + Send + Sync + 'static,
    R: Future<Output = Reply> + Send + 'static,
{
    let (limits, line, mut end) = (desk.limits.clone(), desk.line.clone(), desk.end.clone());
    let mut http = http2::Builder::new(TokioExecutor::new());
    http.timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(limits.streams)
        .keep_alive_interval(limits.ping)
        .keep_alive_timeout(limits.ping);
    let service = service_fn(move |request| exchange(request, desk.clone()));
    let mut connection = pin!(http.serve_connection(TokioIo::new(begun), service));
    let mut ending = false;
    let mut seen = 0;
    // Hyper has no such timer for HTTP/2: a client that answers pings could keep its connection for ever.
    let mut look = pin!(sleep(limits.header_read));
    // Nor for a client that reads, and takes nothing of one of its answers.
    let mut slow = pin!(sleep(limits.write));
    loop {
        tokio::select! {
            _ = connection.as_mut() => return,
            // Streams share the connection, so that all it can be asked for is its end.
            _ = line.ending() => return,
            _ = end.changed(), if !ending => {
                ending = true;
                connection.as_mut().graceful_shutdown();
            }
            () = slow.as_mut() => {
                let waited = line.longest_wait();
                // Streams share the connection here too.
                if waited >= limits.write {
                    return;
                }
                slow.as_mut().reset(Instant::now() + limits.write.saturating_sub(waited));
            }
            () = look.as_mut() => {
                let mut wait = limits.header_read;
                match line.idle_after() {
                    Some(begun) if begun == seen && ending => return,
                    Some(begun) if begun == seen => {
                        ending = true;
                        connection.as_mut().graceful_shutdown();
                        // A client that is asked to go may take so long.
                        wait = limits.drain;
                    }
                    Some(begun) => seen = begun,
                    None => {}
                }
                look.as_mut().reset(Instant::now() + wait);
            }
        }
    }
}
