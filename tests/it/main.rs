//! Drives the real program over real sockets.

mod support;

mod commands;
mod readme;
mod signing;
mod stories;
