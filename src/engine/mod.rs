//! The engine: owns the simulator and the running stories, and is the only place that moves time.
//!
//! The [`Engine`] is a state machine: requests and delivery results go in, each with its moment, and attempts to make come
//! out. The [`Driver`] adds a [`Clock`], a client, and events from outside. Commands, tests and the library all drive the same
//! engine.

mod arrived;
mod attempts;
mod by_hand;
mod clock;
mod core;
mod correct;
mod dispatch;
mod drive;
mod found;
mod held;
mod host;
mod inputs;
mod left;
mod live;
mod names;
mod options;
mod outcome;
mod pace;
mod reload;
mod requests;
mod room;
#[cfg(test)]
mod room_tests;
mod stories;
mod turn;
#[cfg(test)]
mod user_endpoints_tests;
mod written;

pub use arrived::TurnedAway;
pub use clock::{Clock, Speed, SpeedError};
pub use core::Engine;
#[cfg(test)]
pub(crate) use drive::Receiver;
pub use drive::{Agenda, Checkpoint, Clients, Driver, End, Misfit};
pub use inputs::{Given, Input, NoInputs, NotStored, ReadStored, Store};
pub use left::Left;
pub use options::EngineOptions;
pub use outcome::RequestOutcome;
pub use pace::Pace;
pub use reload::Reload;
pub use turn::Watchdog;
pub use written::Written;
