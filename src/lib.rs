//! A mock AI Rudder server: it emits the vendor's signed callbacks and serves fake versions of its REST endpoints.
//!
//! Data flows one way. A call of the integrator or a step of a scenario enters the [`simulator`]; what comes out is
//! an answer and callbacks with due times. [`delivery`] signs and sends callbacks and never asks the simulator
//! anything. The [`engine`] owns both and moves time; the [`journal`] remembers what happened in both directions.
//! What a simulated call sounded like is made by [`recordings`] when somebody asks for it.

pub mod api;
pub mod cli;
pub mod console;
pub mod content;
pub mod contract;
pub mod delivery;
pub mod engine;
pub mod faults;
pub mod files;
pub mod http;
pub mod integrator;
pub mod journal;
mod json;
pub mod language;
pub mod load;
pub mod mock;
pub mod net;
pub mod recordings;
pub mod scenario;
pub mod seed;
pub mod settings;
pub mod simulator;
pub mod time;

pub use mock::{Mock, StartError};
