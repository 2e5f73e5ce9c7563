//! The language of the files that users write, as far as scenarios and settings share it: templates and the names they
//! read, conditions and matchers, formats of texts, rates, and the check of a file against the schema of its type.
//!
//! A file is parsed once into a TOML tree with positions ([`crate::files`]). The tree is checked against the JSON Schema
//! generated from the Rust type that the file is read into, so that the structure, the editor support and the messages have
//! one source. All mistakes of a file are collected. Only a tree without mistakes is converted to the type.

pub mod condition;
mod format_mistake;
pub(crate) mod formats;
pub mod matcher;
pub(crate) mod names;
pub mod rate;
pub(crate) mod schema;
pub(crate) mod shape;
pub mod template;
pub(crate) mod tree;
mod words;

pub use format_mistake::FormatMistake;
pub use rate::{Arrivals, RateProfile, RateUnit};
pub(crate) use template::truth;

/// Shortens a value for a message.
fn shortened(value: &str) -> String {
    match value.char_indices().nth(200) {
        Some((end, _)) => format!("{}...", &value[..end]),
        None => value.to_owned(),
    }
}
