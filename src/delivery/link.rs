//! A connection to a receiver: opening it, and the idle ones that are kept.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

use super::Failure;
use super::tls::{self, Tls};
use super::wire::{Traffic, Wire};
use crate::net::{Guard, Target};

/// To how many origins idle connections are kept at most.
const ORIGINS: usize = 256;

/// An open HTTP/1.1 connection. Its input and output run in a task of their own.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) sender: SendRequest<Full<Bytes>>,
    pub(super) traffic: Arc<Traffic>,
    /// A request was begun and its answer not read to the end.
    pub(super) busy: bool,
    task: AbortHandle,
}

impl Drop for Link {
    /// Left alone, hyper closes an idle connection in good order. One in the midst of something it would wait for, as
    /// long as the receiver likes; so that is cut off.
    fn drop(&mut self) {
        if self.busy || !self.sender.is_ready() {
            self.task.abort();
        }
    }
}

/// Opens connections.
#[derive(Debug)]
pub(super) struct Connector {
    guard: Guard,
    tls: Tls,
}

impl Connector {
    pub(super) fn new(guard: Guard, tls: Tls) -> Self {
        Self { guard, tls }
    }

    /// Whether a target's address may be connected to, as far as it can be told now. Errs with advice.
    pub(super) async fn check(&self, target: &Target) -> Result<(), String> {
        match resolve(target).await {
            Ok(addresses) => self.guard.admit(target.host(), &addresses).map(drop),
            Err(_) => Ok(()),
        }
    }

    /// Opens a connection to a target, if its address may be connected to.
    pub(super) async fn connect(&self, target: &Target) -> Result<Link, Failure> {
        let addresses = resolve(target).await?;
        let addresses = self.guard.admit(target.host(), &addresses).map_err(Failure::not_allowed)?;
        let stream = connect_any(&addresses)
            .await
            .map_err(|error| Failure::connect(target, &error))?
            .ok_or_else(|| Failure::unresolved(target, None))?;
        // Without it, the last part of a large request may wait for an acknowledgement. Where it can't be set, requests
        // are slower but right.
        let _ = stream.set_nodelay(true);
        let (wire, traffic) = Wire::new(stream);
        if !target.is_tls() {
            return open(wire, traffic, target).await;
        }
        let connector = self.tls.connector().map_err(Failure::tls)?;
        let name = tls::server_name(target).map_err(Failure::tls)?;
        let stream =
            connector.connect(name, wire).await.map_err(|error| Failure::handshake(target, &error))?;
        open(stream, traffic, target).await
    }
}

async fn resolve(target: &Target) -> Result<Vec<SocketAddr>, Failure> {
    if let Ok(address) = target.host().parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, target.port())]);
    }
    match tokio::net::lookup_host((target.host(), target.port())).await {
        Ok(addresses) => Ok(addresses.collect()),
        Err(error) => Err(Failure::unresolved(target, Some(&error))),
    }
}

/// Connects to the first address that takes the connection. The last error if none does, nothing if there are none.
async fn connect_any(addresses: &[SocketAddr]) -> io::Result<Option<TcpStream>> {
    let mut last = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(Some(stream)),
            Err(error) => last = Some(error),
        }
    }
    last.map_or(Ok(None), Err)
}

async fn open<T>(stream: T, traffic: Arc<Traffic>, target: &Target) -> Result<Link, Failure>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http1::Builder::new()
        .preserve_header_case(true)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| Failure::head(target, &error, false))?;
    // What goes wrong on the connection reaches the request that is under way; an idle one just closes.
    let task = tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(Link { sender, traffic, busy: false, task: task.abort_handle() })
}

/// The idle connections, by the origin they lead to.
#[derive(Debug)]
pub(super) struct Pool {
    idle: Mutex<HashMap<String, Vec<Link>>>,
    per_target: usize,
}

impl Pool {
    pub(super) fn new(per_target: usize) -> Self {
        Self { idle: Mutex::default(), per_target }
    }

    /// The connection to an origin that was used last, if there is one that is still open.
    pub(super) async fn take(&self, origin: &str) -> Option<Link> {
        if !self.idle.lock().unwrap_or_else(PoisonError::into_inner).contains_key(origin) {
            return None;
        }
        // Gives the runtime the chance to look at the sockets, so that connections the receiver has closed by now are
        // known as such. Otherwise a request would be written into a closed connection, and it could not be told
        // whether the receiver got it.
        tokio::task::yield_now().await;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let links = idle.get_mut(origin)?;
        let mut found = None;
        while let Some(link) = links.pop() {
            if link.sender.is_ready() {
                found = Some(link);
                break;
            }
        }
        if links.is_empty() {
            idle.remove(origin);
        }
        found
    }

    /// Keeps a connection whose answer was read to the end.
    pub(super) fn put(&self, origin: &str, link: Link) {
        if link.sender.is_closed() {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() >= ORIGINS && !idle.contains_key(origin) {
            idle.retain(|_, links| links.iter().any(|link| !link.sender.is_closed()));
            if idle.len() >= ORIGINS {
                return;
            }
        }
        let links = match idle.get_mut(origin) {
            Some(links) => links,
            None => idle.entry(origin.to_owned()).or_default(),
        };
        if links.len() >= self.per_target {
            links.retain(|link| !link.sender.is_closed());
        }
        if links.len() < self.per_target {
            links.push(link);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.idle.lock().unwrap().values().map(Vec::len).sum()
    }
}
