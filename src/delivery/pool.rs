//! The idle connections to receivers that are kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::AbortHandle;

use crate::http::{ConnectError, Http1, Stream, Traffic};

/// To how many origins idle connections are kept at most.
const ORIGINS: usize = 256;

/// An open HTTP/1.1 connection. Its input and output run in a task of their own.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) sender: Http1,
    pub(super) traffic: Arc<Traffic>,
    /// A request was begun and its answer not read to the end.
    pub(super) busy: bool,
    task: AbortHandle,
}

impl Connection {
    /// Starts HTTP/1.1 over a new connection.
    pub(super) async fn start(stream: Stream) -> Result<Self, ConnectError> {
        let (sender, traffic, task) = stream.http1().await?;
        Ok(Self { sender, traffic, busy: false, task })
    }
}

impl Drop for Connection {
    /// Left alone, hyper closes an idle connection in good order. One in the midst of something it would wait for, as
    /// long as the receiver likes; so that is cut off.
    fn drop(&mut self) {
        if self.busy || !self.sender.is_ready() {
            self.task.abort();
        }
    }
}

/// The idle connections, by the origin they lead to.
#[derive(Debug)]
pub(super) struct Pool {
    idle: Mutex<HashMap<String, Vec<Connection>>>,
    per_target: usize,
}

impl Pool {
    pub(super) fn new(per_target: usize) -> Self {
        Self { idle: Mutex::default(), per_target }
    }

    /// The connection to an origin that was used last, if there is one that is still open.
    pub(super) async fn take(&self, origin: &str) -> Option<Connection> {
        if !self.idle.lock().unwrap_or_else(PoisonError::into_inner).contains_key(origin) {
            return None;
        }
        // Gives the runtime the chance to look at the sockets, so that connections the receiver has closed by now are
        // known as such. Otherwise a request would be written into a closed connection, and it could not be told
        // whether the receiver got it.
        tokio::task::yield_now().await;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = idle.get_mut(origin)?;
        let mut found = None;
        while let Some(connection) = connections.pop() {
            if connection.sender.is_ready() {
                found = Some(connection);
                break;
            }
        }
        if connections.is_empty() {
            idle.remove(origin);
        }
        found
    }

    /// Keeps a connection whose answer was read to the end.
    pub(super) fn put(&self, origin: &str, connection: Connection) {
        if connection.sender.is_closed() {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() >= ORIGINS && !idle.contains_key(origin) {
            idle.retain(|_, connections| connections.iter().any(|connection| !connection.sender.is_closed()));
            if idle.len() >= ORIGINS {
                return;
            }
        }
        let connections = match idle.get_mut(origin) {
            Some(connections) => connections,
            None => idle.entry(origin.to_owned()).or_default(),
        };
        if connections.len() >= self.per_target {
            connections.retain(|connection| !connection.sender.is_closed());
        }
        if connections.len() < self.per_target {
            connections.push(connection);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.idle.lock().unwrap().values().map(Vec::len).sum()
    }
}
