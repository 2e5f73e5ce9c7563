//! The internals that the fuzz targets need, and one target for each parser. None of it is a stable interface.
//!
//! A target takes arbitrary bytes and panics if something is wrong. The tests run each target over its stored corpus and
//! over mutations of it; with cargo-fuzz the same targets run for any length of time.

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

use crate::mock::{Builder, Options, Prepared};
use crate::settings::Settings;

/// Creates a mock that is not being driven.
#[must_use]
pub fn service(settings: &str, epoch: jiff::Timestamp) -> Service {
    mock(settings, epoch).expect("a mock")
}

/// Creates a mock from settings that may be wrong.
fn mock(settings: &str, epoch: jiff::Timestamp) -> Result<Service, crate::StartError> {
    let options =
        Options { epoch: Some(epoch), speed: crate::Speed::Max, max_in_flight: 1, ..Options::default() };
    let mock = Builder::with(Prepared::new(Settings::default()), options).settings_text(settings);
    mock.callback_url("http://127.0.0.1:9/hook").service()
}
