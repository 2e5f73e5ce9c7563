//! Files that users write: reads them with positions, and reports what is wrong in them.
//!
//! This room does not depend on the content of a file. What scenarios and settings have in common is in [`crate::language`].

pub mod diagnostic;
mod read;
mod secrets;
pub(crate) mod suggest;
pub(crate) mod syntax;
pub(crate) mod tables;
mod visible;

use std::sync::Arc;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

pub use diagnostic::{Diagnostic, Place, Problems, SourceFile};
pub use read::{read_text_within, read_within};
pub use secrets::masked;
pub use visible::visible;

/// A table whose keys are the user's own: a body, variables, conditions. Keys keep their order.
pub type Tree = serde_json::Map<String, serde_json::Value>;

/// Converts a tree without mistakes into the type of its file.
///
/// # Errors
///
/// Returns a mistake that the check against the schema should have found and did not.
pub(crate) fn typed<T: DeserializeOwned>(
    source: &Arc<SourceFile>,
    tree: Spanned<DeTable<'_>>,
) -> Result<T, Problems> {
    let whole = Spanned::new(tree.span(), DeValue::Table(tree.into_inner()));
    T::deserialize(ValueDeserializer::from(whole)).map_err(|error| {
        // The check against the schema should have caught it. If it did not, this is still a mistake with a place.
        let message = error.message().to_owned();
        match error.span() {
            Some(span) => Diagnostic::at(source, span, message).into(),
            None => Diagnostic::whole(source, message).into(),
        }
    })
}
