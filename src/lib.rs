//! A mock AI Rudder server: it emits the vendor's signed callbacks and serves fake versions of its REST endpoints.
//!
//! [`Mock`] runs one inside of a program or a test; [`contract`] is the vendor's wire: the catalog of endpoints and
//! callbacks, signatures, encryption, envelopes. [`Report`] reads what the command `load` writes.
//!
//! ```
//! # use airudder_mock::Mock;
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let mock = Mock::builder().listen("127.0.0.1:0").seed(7).start().await?;
//! println!("point your client at {}", mock.url());
//! mock.stop().await;
//! # Ok::<(), airudder_mock::StartError>(())
//! # }).unwrap();
//! ```

mod api;
mod cli;
mod console;
mod content;
pub mod contract;
mod delivery;
mod engine;
mod faults;
mod files;
mod http;
mod integrator;
mod journal;
mod json;
mod language;
mod load;
mod mock;
mod net;
mod recordings;
mod scenario;
mod seed;
mod settings;
mod simulator;
mod time;

pub use cli::main;
pub use delivery::Totals;
pub use engine::Speed;
pub use load::Report;
pub use mock::{Builder, Mock, StartError, Stopped};
pub use net::Headers;

/// What the fuzz targets need of the inside. No promise is made about any of it.
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::api::decode;
    pub use crate::engine::Driver;
    pub use crate::mock::Service;
    pub use crate::net::{HttpRequest, Reply};
    pub use crate::scenario::load;
    pub use crate::simulator::{DEFAULT_APP_KEY, DEFAULT_APP_SECRET, TokenKind};

    /// A mock that nobody drives.
    pub fn service(settings: &str, epoch: jiff::Timestamp) -> Service {
        let mock = crate::Mock::builder().settings_text(settings).callback_url("http://127.0.0.1:9/hook");
        mock.epoch(epoch).speed(crate::Speed::Max).max_in_flight(1).service().expect("a mock")
    }
}
