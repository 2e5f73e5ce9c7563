//! The simulated vendor: a deterministic state machine without sockets, threads, wall clock or ambient randomness.

pub mod seed;
