//! Files that users write (scenarios, settings): reading them with positions, and telling what is wrong in them.
//!
//! A file is parsed once into a spanned TOML tree. The tree is checked against the JSON Schema generated from the
//! Rust type the file is read into, so that the structure, the editor support and the messages have one source; all
//! mistakes of a file are collected. Only a tree without mistakes is turned into the type.

#[cfg(test)]
mod broken;
pub mod diagnostic;
pub mod rate;
pub(crate) mod schema;
pub(crate) mod shape;
pub(crate) mod suggest;
pub(crate) mod syntax;
mod words;

use std::sync::Arc;

use serde::de::DeserializeOwned;

pub use diagnostic::{Diagnostic, Place, Problems, SourceFile};
pub use rate::{Arrivals, Rate, RateUnit};

/// A table whose keys are the user's own: a body, variables, conditions. Keys keep their order.
pub type Tree = serde_json::Map<String, serde_json::Value>;

/// Turns a file whose tree has no mistakes into its type.
pub(crate) fn typed<T: DeserializeOwned>(source: &Arc<SourceFile>) -> Result<T, Problems> {
    toml::from_str(source.text()).map_err(|error| {
        // The check against the schema should have caught it; if it did not, this is still a mistake with a place.
        let message = error.message().to_owned();
        match error.span() {
            Some(span) => Diagnostic::at(source, span, message).into(),
            None => Diagnostic::whole(source, message).into(),
        }
    })
}
