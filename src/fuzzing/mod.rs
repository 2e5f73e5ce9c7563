//! What the fuzz targets need of the inside, and one target for each parser. No promise is made about any of it.
//!
//! A target takes any bytes and panics where something is wrong. The tests run each over its kept corpus and over
//! mutations of it; with cargo-fuzz the same targets run for as long as one likes.

mod edge;
#[cfg(test)]
mod runner;
mod targets;

pub use crate::api::decode;
pub use crate::engine::Driver;
pub use crate::mock::Service;
pub use crate::net::{HttpRequest, Reply};
pub use crate::scenario::load;
pub use crate::simulator::{DEFAULT_APP_KEY, DEFAULT_APP_SECRET, TokenKind};
pub use targets::{TARGETS, Target, run};

/// A mock that nobody drives.
#[must_use]
pub fn service(settings: &str, epoch: jiff::Timestamp) -> Service {
    mock(settings, epoch).expect("a mock")
}

/// The same where the settings may be wrong.
fn mock(settings: &str, epoch: jiff::Timestamp) -> Result<Service, crate::StartError> {
    let mock = crate::Mock::builder().settings_text(settings).callback_url("http://127.0.0.1:9/hook");
    mock.epoch(epoch).speed(crate::Speed::Max).max_in_flight(1).service()
}
