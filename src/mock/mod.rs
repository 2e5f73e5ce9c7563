//! Assembly of a mock: from settings to a running mock.
//!
//! `serve`, `run`, `emit`, `load`, the tests, the fuzz targets and users of the library all start here, so that a mock is
//! assembled in only one way. [`Builder`] holds the configuration. The result is an [`Engine`](crate::engine::Engine) without
//! a network, an [`Assembly`] that its caller drives, or a running [`Mock`].

#[cfg(test)]
mod again_tests;
mod assembly;
mod beginning;
mod build;
mod builder;
#[cfg(test)]
mod control_examples_tests;
mod destinations;
#[cfg(test)]
mod ending_tests;
mod error;
#[cfg(test)]
mod examples_tests;
mod folder;
#[cfg(test)]
mod journey_tests;
mod memory;
mod namespaces;
mod prepared;
mod remake;
mod running;
mod secured;
#[cfg(test)]
mod settle_tests;
mod template;
#[cfg(test)]
mod tests;

pub use crate::console::{LoadCounts, LoadPoint, LoadRun, LoadRuns};
pub use assembly::Assembly;
#[cfg(any(test, feature = "fuzzing"))]
pub use assembly::Service;
pub use builder::Builder;
pub(crate) use builder::Options;
pub(crate) use destinations::CallbackUrl;
pub use error::StartError;
pub use folder::{Folder, FolderError};
pub use prepared::Prepared;
pub(crate) use prepared::scheme;
pub use running::{Mock, Stopped};
pub(crate) use secured::{PROXY_REFUSED, Secured};
