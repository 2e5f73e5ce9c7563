//! The simulated vendor: a deterministic state machine without sockets, threads, wall clock or ambient randomness.

pub mod content;
pub mod country;
pub mod dialogue;
pub mod facts;
pub mod identity;
pub mod phone;
pub mod phrases;
pub mod seed;
