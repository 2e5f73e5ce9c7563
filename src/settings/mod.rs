//! Settings: as written in `airudder-mock.toml`, and the result of merging defaults, file, environment and flags.
//!
//! Merging happens once, at the start of a command; later code reads [`Settings`]. A later source wins: default, file,
//! environment, flag.

mod access;
mod check;
mod codes;
mod commented;
mod corrections;
mod file;
mod formats;
mod in_force;
mod merge;
mod references;
mod reload;
mod routes;
mod usable;
mod user_endpoints;
mod vendor;
mod vendor_file;
mod workflow;

pub use access::{AccessRules, SignatureRule, TokenRule};
pub use check::{check_file, schema_text};
pub use commented::commented;
pub use file::AssumedFile;
pub use in_force::InForce;
pub use merge::{DEFAULT_FILE, DEFAULT_LISTEN, Flags, Settings};
pub use reload::{Changes, changes, until_restart};
pub use routes::{Routes, Sent, url_for};
