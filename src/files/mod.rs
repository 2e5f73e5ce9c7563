//! Files that users write: reading them with positions, and reporting what is wrong in them.
//!
//! Nothing here knows what a file is about. What scenarios and settings have in common is in [`crate::language`].

pub mod diagnostic;
pub(crate) mod suggest;
pub(crate) mod syntax;
pub(crate) mod tables;

use std::sync::Arc;

use serde::de::DeserializeOwned;

pub use diagnostic::{Diagnostic, Place, Problems, SourceFile};

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
