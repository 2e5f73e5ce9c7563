//! The one small HTTP server.

/// Limits of a server.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The largest body, in bytes.
    pub body: usize,
}

/// A server on one listener.
#[derive(Debug)]
pub struct Server {}
