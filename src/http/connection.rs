//! One connection from its first byte to its end, over HTTP/1.1 or HTTP/2, whichever the client speaks.

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use super::context::{ConnContext, ServerContext};
use super::exchange::exchange;
use super::state::{ConnState, Ending, Overdue};
use super::transport::{TimedStream, Transport, finish};
use crate::net::{HttpRequest, Reply};
use crate::sync::lock;

/// How long a connection that gives up its place may take to send its last response.
const LAST_ANSWER: Duration = Duration::from_millis(100);

/// Serves a connection. An error on it affects no other connection. `asked` receives how the connection is to end.
pub(super) async fn serve<S, H, R>(
    stream: S,
    server: Arc<ServerContext<H>>,
    (state, mut asked): (Arc<ConnState>, oneshot::Receiver<Ending>),
) where
    S: Transport,
    H: Fn(HttpRequest) -> R + Send + Sync + 'static,
    R: Future<Output = Reply> + Send + 'static,
{
    let (limits, mut shutdown) = (&server.limits, server.shutdown.clone());
    let mut leaving = state.leaving();
    let opened = tokio::select! {
        biased;
        _ = shutdown.changed() => return,
        Ok(()) = leaving.changed() => return,
        opened = timeout(limits.header_timeout, server.entrance.open(stream)) => opened,
    };
    // A connection that fails or stalls while it is being opened is dropped without a report.
    let Ok(Ok((stream, way))) = opened else { return };
    let stream = Arc::new(Mutex::new(stream));
    let ending = {
        let io = TimedStream::new(stream.clone(), limits.write_timeout, state.clone());
        let client = Arc::downgrade(&stream);
        let is_gone = move || client.upgrade().is_none_or(|stream| lock(&stream).is_gone());
        let context = Arc::new(ConnContext {
            server: server.clone(),
            state: state.clone(),
            way,
            is_gone: Box::new(is_gone),
        });
        let service = service_fn(move |request| exchange(request, context.clone()));
        let mut connection = pin!(server.http.serve_connection(TokioIo::new(io), service));
        let (mut is_ending, mut leaves_at) = (false, None);
        // Hyper checks neither whether an HTTP/2 client ever sends a request nor whether it reads the responses to its
        // requests: a client that only answers pings could keep its connection for ever.
        let mut timer = pin!(sleep(limits.write_timeout.min(limits.header_timeout)));
        loop {
            tokio::select! {
                biased;
                _ = connection.as_mut() => return,
                Ok(ending) = &mut asked => break ending,
                _ = shutdown.changed(), if !is_ending => {
                    is_ending = true;
                    connection.as_mut().graceful_shutdown();
                }
                Ok(()) = leaving.changed() => {
                    if !state.is_reading() {
                        return;
                    }
                    // The request in progress is answered 503, if its client still reads the response.
                    is_ending = true;
                    connection.as_mut().graceful_shutdown();
                    leaves_at = Some(Instant::now() + LAST_ANSWER);
                    timer.as_mut().reset(Instant::now() + LAST_ANSWER);
                }
                () = timer.as_mut() => match state.check(limits) {
                    _ if leaves_at.is_some_and(|at| at <= Instant::now()) => return,
                    Ok(next) => timer.as_mut().reset(next),
                    Err(Overdue::Idle) if !is_ending => {
                        is_ending = true;
                        connection.as_mut().graceful_shutdown();
                        timer.as_mut().reset(Instant::now() + limits.drain);
                    }
                    Err(_) => return,
                }
            }
        }
    };
    // Hyper's part has been dropped by now.
    if let Some(stream) = Arc::into_inner(stream) {
        let stream = stream.into_inner().unwrap_or_else(PoisonError::into_inner);
        finish(stream, ending, limits.never, shutdown).await;
    }
}
