//! Keeps the exact letter case of header names on the wire.
//!
//! hyper keeps header names in lower case and writes them so, unless a message carries the private extension in which hyper's
//! parser records the original spelling. To obtain that extension, a hyper server connection parses a made-up request with the
//! wanted names from memory. The extension is then attached to outgoing requests and responses. It pairs the n-th value of a
//! name with the n-th spelling of that name.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Waker};

use bytes::Bytes;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::http::Extensions;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

use crate::sync::lock;

/// Maximum number of lists of names that are remembered. A run uses few; a story that makes up names must not fill the memory.
const REMEMBERED: usize = 1024;

/// The extensions for every list of header names so far.
#[derive(Debug, Default)]
pub(crate) struct HeaderCase {
    /// Keyed by the names in order, joined by line breaks, which no name contains.
    known: Mutex<HashMap<String, Extensions>>,
}

impl HeaderCase {
    /// Returns the extensions that make hyper write these valid names in exactly this spelling, or `None` if hyper rejects the
    /// names.
    pub(crate) fn extensions<'a>(&self, names: impl Iterator<Item = &'a str>) -> Option<Extensions> {
        let mut key = String::with_capacity(128);
        for name in names {
            key.push_str(name);
            key.push('\n');
        }
        let mut known = lock(&self.known);
        if let Some(extensions) = known.get(&key) {
            return Some(extensions.clone());
        }
        let extensions = parse(key.lines())?;
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(key, extensions.clone());
        Some(extensions)
    }
}

/// Lets hyper parse a request with these header names. All input is in memory, so one poll is enough.
fn parse<'a>(names: impl Iterator<Item = &'a str>) -> Option<Extensions> {
    let mut text = "GET / HTTP/1.1\r\n".to_owned();
    let mut count = 0;
    for name in names {
        // A value that is valid for every header hyper interprets.
        text.push_str(name);
        text.push_str(": 0\r\n");
        count += 1;
    }
    text.push_str("\r\n");

    let found: Mutex<Option<Extensions>> = Mutex::new(None);
    let io = TokioIo::new(tokio::io::join(text.as_bytes(), tokio::io::sink()));
    let service = service_fn(|request: Request<Incoming>| {
        *lock(&found) = Some(request.extensions().clone());
        std::future::ready(Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())))
    });
    let connection = http1::Builder::new()
        .preserve_header_case(true)
        .max_headers(count + 1)
        .max_buf_size(text.len().max(8192))
        .serve_connection(io, service);
    // The end of the connection does not matter, only what its parser recorded.
    let _ = pin!(connection).poll(&mut Context::from_waker(Waker::noop()));
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(extensions: &Extensions) -> String {
        format!("{extensions:?}")
    }

    #[test]
    fn equal_lists_are_parsed_once() {
        let case = HeaderCase::default();
        let names = ["Host", "X-AIRudder-Sign", "x-b", "X-B", "Content-Length"];
        let first = case.extensions(names.into_iter()).unwrap();
        let second = case.extensions(names.into_iter()).unwrap();
        assert_eq!(spelled(&first), spelled(&second));
        assert_eq!(case.known.lock().unwrap().len(), 1);
        assert!(case.extensions(["host"].into_iter()).is_some());
        assert_eq!(case.known.lock().unwrap().len(), 2);
    }

    #[test]
    fn many_and_long_names_are_taken() {
        let names: Vec<String> = (0..500).map(|index| format!("X-{}-{index}", "Long".repeat(50))).collect();
        assert!(HeaderCase::default().extensions(names.iter().map(String::as_str)).is_some());
        assert!(
            HeaderCase::default().extensions(["Connection", "Expect", "TE", "Upgrade"].into_iter()).is_some()
        );
        assert!(HeaderCase::default().extensions([].into_iter()).is_some());
    }

    #[test]
    fn the_memory_is_bounded() {
        let case = HeaderCase::default();
        for index in 0..REMEMBERED * 2 + 5 {
            let name = format!("X-{index}");
            assert!(case.extensions([name.as_str()].into_iter()).is_some());
        }
        assert!(case.known.lock().unwrap().len() <= REMEMBERED);
    }
}
