//! The vendor's wire: pure data and functions.
//!
//! The catalog is the single list of endpoints and callbacks. Bodies, envelopes, signatures and the cipher define what goes
//! over the wire. Every fact carries its [`Provenance`], and assumed facts can be overridden from a settings file.

pub mod aes;
pub mod bodies;
pub mod catalog;
pub mod envelope;
pub mod expected;
pub mod fields;
mod provenance;
pub mod renames;
mod router;
pub mod signature;

/// The hosts under which integrators reach the vendor (documented, client). A client whose resolver points these names at the
/// mock means the mock.
pub const VENDOR_HOSTS: [&str; 2] = ["api.airudder.com", "detection.airudder.com"];

pub use catalog::{Catalog, Direction, Entry, EntryFile, Family, Menu};
pub use provenance::Provenance;
pub use router::{Route, RouteError, Router};
