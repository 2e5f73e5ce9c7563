//! Plain HTTP: messages as data, and the one small server both the mock and the receiver are built on.

mod client;
mod message;
mod server;

pub use client::request;
pub use message::{HttpAnswer, HttpCall};
pub use server::{Limits, Server};
