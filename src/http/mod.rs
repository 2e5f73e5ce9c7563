//! Plain HTTP: messages as data, and the one small server both the mock and the receiver are built on.
//!
//! Whoever serves sees whole requests and gives whole answers. Connections, limits, time-outs and hostile bytes end
//! here.

mod bind;
mod client;
mod message;
mod read;
mod server;

pub use bind::BindError;
pub use client::request;
pub use message::{HttpAnswer, HttpCall, HttpStream, Reply};
pub use server::{Limits, Server};
