//! A receiver of HTTP/1.1 that keeps every byte it was sent, a thread for each connection, with none of the product's
//! code.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::support::{TIMEOUT, independent_hmac};

pub(super) const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

/// A request, byte for byte.
#[derive(Clone, Debug)]
pub(super) struct Arrived {
    pub at: Instant,
    pub head: String,
    pub body: Vec<u8>,
}

impl Arrived {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    #[track_caller]
    pub(super) fn assert_signed(&self, secret: &str) {
        let wanted = independent_hmac(secret, &self.body);
        assert_eq!(self.header("X-AIRudder-Sign"), Some(wanted.as_str()), "{}", self.head);
    }
}

/// What a connection does after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Keep,
    Close,
    /// Closes so that the other side sees a reset.
    Reset,
}

/// Answers the request with this number, counted from 0 over all connections.
type Serve = dyn Fn(&mut TcpStream, u64, &Arrived) -> Then + Send + Sync;

struct Shared {
    serve: Box<Serve>,
    arrived: Mutex<Vec<Arrived>>,
    number: AtomicU64,
    connections: AtomicU64,
    open: Mutex<HashMap<u64, TcpStream>>,
    stop: AtomicBool,
}

/// A receiver that can die and come back.
pub(super) struct Receiver {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

impl Receiver {
    /// Answers everything with 200.
    pub(super) fn new() -> Self {
        Self::with(|stream, _| answer(stream, OK))
    }

    /// Answers every request with these bytes.
    pub(super) fn saying(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Self {
        Self::with(move |stream, _| answer(stream, bytes.as_ref()))
    }

    pub(super) fn with(serve: impl Fn(&mut TcpStream, u64) -> Then + Send + Sync + 'static) -> Self {
        Self::seeing(move |stream, number, _| serve(stream, number))
    }

    /// Answers every request as it likes, by what is in it.
    pub(super) fn seeing(
        serve: impl Fn(&mut TcpStream, u64, &Arrived) -> Then + Send + Sync + 'static,
    ) -> Self {
        let shared = Arc::new(Shared {
            serve: Box::new(serve),
            arrived: Mutex::default(),
            number: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            open: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let mut receiver = Self { address: "127.0.0.1:0".parse().unwrap(), shared, accepting: None };
        receiver.revive();
        receiver
    }

    /// Listens (again), where it listened before.
    pub(super) fn revive(&mut self) {
        let listener = TcpListener::bind(self.address).unwrap();
        self.address = listener.local_addr().unwrap();
        self.shared.stop.store(false, Ordering::SeqCst);
        let shared = Arc::clone(&self.shared);
        self.accepting = Some(thread::spawn(move || accept(&listener, &shared)));
    }

    /// Breaks off all connections and listens no more.
    pub(super) fn die(&mut self) {
        let Some(accepting) = self.accepting.take() else { return };
        self.shared.stop.store(true, Ordering::SeqCst);
        // Whoever waits in `accept` needs a connection to notice.
        let _ = TcpStream::connect(self.address);
        accepting.join().unwrap();
        for (_, stream) in self.shared.open.lock().unwrap().drain() {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(super) fn arrived(&self) -> Vec<Arrived> {
        self.shared.arrived.lock().unwrap().clone()
    }

    pub(super) fn count(&self) -> u64 {
        self.shared.arrived.lock().unwrap().len() as u64
    }

    pub(super) fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Waits until so many requests have arrived.
    pub(super) fn wait_for(&self, count: u64) {
        let begun = Instant::now();
        while self.count() < count {
            assert!(begun.elapsed() < TIMEOUT, "only {} requests arrived", self.count());
            thread::yield_now();
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.die();
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    loop {
        let Ok((stream, _)) = listener.accept() else { return };
        if shared.stop.load(Ordering::SeqCst) {
            return;
        }
        let id = shared.connections.fetch_add(1, Ordering::SeqCst);
        shared.open.lock().unwrap().insert(id, stream.try_clone().unwrap());
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            let _ = stream.set_nodelay(true);
            let then = serve(&stream, &shared);
            shared.open.lock().unwrap().remove(&id);
            if then == Then::Reset {
                // Unread or unsent bytes are thrown away, which the other side learns of by a reset.
                let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
            }
        });
    }
}

fn serve(stream: &TcpStream, shared: &Shared) -> Then {
    let mut stream = stream;
    let mut buffer = Vec::new();
    let mut piece = vec![0; 16 * 1024];
    loop {
        while let Some((arrived, length)) = first(&buffer) {
            buffer.drain(..length);
            let number = shared.number.fetch_add(1, Ordering::SeqCst);
            shared.arrived.lock().unwrap().push(arrived.clone());
            let Ok(mut own) = stream.try_clone() else { return Then::Close };
            match (shared.serve)(&mut own, number, &arrived) {
                Then::Keep => {}
                other => return other,
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return Then::Close,
            Ok(count) => buffer.extend_from_slice(&piece[..count]),
        }
    }
}

/// The first request of these bytes, if it is whole, and how many of them it has.
fn first(bytes: &[u8]) -> Option<(Arrived, usize)> {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = String::from_utf8(bytes[..head].to_vec()).expect("a head in ASCII");
    let length = text
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.trim().parse().ok())
        .unwrap_or(0);
    let body = bytes.get(head..head + length)?.to_vec();
    Some((Arrived { at: Instant::now(), head: text, body }, head + length))
}

/// Writes an answer and keeps the connection, if there still is one.
pub(super) fn answer(stream: &mut TcpStream, bytes: &[u8]) -> Then {
    match stream.write_all(bytes) {
        Ok(()) => Then::Keep,
        Err(_) => Then::Close,
    }
}

/// A server that has its own way with each connection, without reading first.
pub(super) fn raw(with: impl Fn(TcpStream, u64) + Send + Sync + 'static) -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&connections);
    let with = Arc::new(with);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(stream) = stream else { break };
            let number = counter.fetch_add(1, Ordering::SeqCst);
            let with = Arc::clone(&with);
            thread::spawn(move || with(stream, number));
        }
    });
    (address, connections)
}
