//! TLS towards the receiver.

use std::path::PathBuf;

/// How certificates are checked.
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    /// A PEM file of further authorities beside the system's.
    pub ca: Option<PathBuf>,
    /// Accepts any certificate.
    pub insecure: bool,
}

/// Why TLS can't be set up.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(pub String);
