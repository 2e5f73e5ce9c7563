//! The pool of idle connections to receivers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::task::AbortHandle;

use crate::http::{ConnectError, Http1, Stream, Traffic};
use crate::sync::lock;

/// Maximum number of origins to which idle connections are kept.
const ORIGINS: usize = 256;

/// An open HTTP/1.1 connection. Its input and output run in a separate task.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) sender: Http1,
    pub(super) traffic: Arc<Traffic>,
    /// Whether a request was begun and its response not read to the end.
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
    /// hyper closes an idle connection cleanly on its own. A busy one would be awaited as long as the receiver likes, so abort
    /// it.
    fn drop(&mut self) {
        if self.busy || !self.sender.is_ready() {
            self.task.abort();
        }
    }
}

/// The idle connections by origin.
#[derive(Debug)]
pub(super) struct Pool {
    idle: Mutex<HashMap<String, Vec<Connection>>>,
    per_target: usize,
}

impl Pool {
    pub(super) fn new(per_target: usize) -> Self {
        Self { idle: Mutex::default(), per_target }
    }

    /// Takes the most recently used connection to an origin that is still open.
    pub(super) async fn take(&self, origin: &str) -> Option<Connection> {
        if !lock(&self.idle).contains_key(origin) {
            return None;
        }
        // Lets the runtime poll the sockets, so that connections closed by the receiver are recognised. Otherwise a request
        // would be written into a closed connection, and it would be unknown whether the receiver got it.
        tokio::task::yield_now().await;
        let mut idle = lock(&self.idle);
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

    /// Keeps a connection whose response was read to the end.
    pub(super) fn put(&self, origin: &str, connection: Connection) {
        if connection.sender.is_closed() {
            return;
        }
        let mut idle = lock(&self.idle);
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
