//! The REST side: turns HTTP into typed requests, and their results into responses.
//!
//! Routes come from the catalog. A request is authenticated, decrypted, decoded and passed to the engine; the result is put
//! into the family's envelope. Every exchange is journaled, whatever its result: one with an endpoint under the same lock as
//! the change it causes, so that the order of the journal is the order of the changes; a download when its response is made,
//! which may be later.

mod access;
mod decode;
mod decoded;
mod decoding;
mod delayed;
mod download;
mod effect;
mod envelop;
mod media;
mod on_purpose;
mod proof;
mod server;
mod state;
mod stream;

pub use decode::{DecodeError, Fields, decode};
pub use delayed::{Late, LateRequests};
pub use state::{Answering, Api, ready};
