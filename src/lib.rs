//! A mock AI Rudder server: it emits the vendor's signed callbacks and serves fake versions of its REST endpoints.
//!
//! [`Mock`] runs a mock inside a program or a test. [`contract`] describes the vendor's wire: the catalog of endpoints and
//! callbacks, signatures, encryption, envelopes. [`Report`] reads the reports that the command `load` writes.
//!
//! ```
//! # use airudder_mock::Mock;
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let mock = Mock::builder().seed(7).start().await?;
//! println!("point your client at {}", mock.url());
//! mock.stop().await;
//! # Ok::<(), airudder_mock::StartError>(())
//! # }).unwrap();
//! ```

mod api;
mod audit;
mod cli;
mod console;
mod content;
pub mod contract;
mod delivery;
mod engine;
mod faults;
mod files;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod http;
mod integrator;
mod journal;
mod json;
mod language;
mod load;
mod mock;
mod net;
mod page;
mod recordings;
mod scenario;
mod seed;
mod settings;
mod simulator;
mod sync;
mod time;

pub use cli::main;
pub use delivery::Totals;
pub use engine::Speed;
pub use jiff::Timestamp;
pub use load::Report;
pub use mock::{Builder, Mock, StartError, Stopped};
pub use net::Headers;
