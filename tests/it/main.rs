//! Drives the real program over real sockets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod serving;
mod support;

mod commands;
mod readme;
mod receive;
mod serve_life;
mod signing;
mod stories;
