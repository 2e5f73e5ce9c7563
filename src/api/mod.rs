//! The REST side: HTTP in, typed call out, answer back.
//!
//! Routes come from the catalog. A request is checked for who makes it, decrypted, decoded, and handed to the engine;
//! what comes back is put into the family's envelope. Every exchange is journaled, whatever becomes of it, under the
//! same lock as the change it causes, so that the journal's order is the order of the changes.

mod access;
mod came;
mod decode;
mod delayed;
mod download;
mod envelop;
mod media;
mod proof;
mod server;
mod stream;

pub use decode::{DecodeError, Fields, decode};
pub use delayed::Late;
pub use server::{Answering, Api, ready};
