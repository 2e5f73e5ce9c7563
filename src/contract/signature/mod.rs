//! Signatures of callbacks and of requests: the scheme as data, signing, verifying, and explaining a mismatch.
//!
//! The vendor's algorithm is not public. Therefore every aspect of it is a setting, and the default is assumed. One scheme
//! serves both directions: callbacks and requests.
//!
//! A [`SchemeFile`] is what a user writes, a [`Scheme`] is its meaning, and a [`Signer`] is a scheme with its secret.
//! Signatures are computed over the given bytes, never over a parsed copy. The body is examined only after a signature turned
//! out wrong, to find out what it was computed over instead.

mod apart;
mod compute;
mod explain;
mod file;
mod guess;
mod notation;
mod numbers;
mod rewrite;
mod scheme;
mod secret;
mod signer;
mod signing;
mod verify;

pub use apart::{Explained, TakenApart};
pub use file::{SchemeError, SchemeFile};
pub use scheme::{
    Algorithm, Encoding, KeyHeader, Part, Preset, Scheme, SecretForm, TimestampUnit, UnknownPreset,
};
pub use secret::{Secret, SecretError};
pub use signer::Signer;
pub use signing::{Mismatch, Received, Signing};

/// The signing secret of a mock that is not given one by flag, environment or settings file.
///
/// It is public on purpose, so that a first try works without configuration. It protects nothing.
pub const DEFAULT_SECRET: &str = "airudder-mock-secret";

/// The environment variable that holds the signing secret.
pub const SECRET_VARIABLE: &str = "AIRUDDER_MOCK_SECRET";
