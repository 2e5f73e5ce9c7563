//! Plain HTTP, 1.1 and 2 at one port: messages as data, and the one small server both the mock and the receiver are
//! built on.
//!
//! Whoever serves sees whole requests and gives whole answers. Connections, limits, time-outs and hostile bytes end
//! here.

mod bind;
mod body;
mod client;
mod connection;
mod exchange;
mod line;
mod read;
mod server;

pub use bind::BindError;
pub use client::request;
pub use server::{Limits, Server};
