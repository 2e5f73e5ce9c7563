//! `airudder-mock load` as a process, against receivers that are nothing but sockets.
//!
//! Whatever a receiver does, every run ends, and its sums match: [`harness::load`] checks that each time.

mod harness;
mod receiver;

mod bad_receivers;
mod counts;
mod edges;
mod ending;
mod kubernetes;
mod mixes;
mod pacing;
mod protocols;
mod search;
mod shards;
mod simulated;
mod usage;
mod void;
mod wire;
