//! Drives the real program over real sockets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

mod commands;
mod custom;
mod readme;
mod receive;
mod signing;
mod stories;
mod workflow;
