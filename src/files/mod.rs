//! Files that users write (scenarios, settings): reading them with positions, and telling what is wrong in them.
//!
//! A file is parsed once into a spanned TOML tree. The tree is checked against the JSON Schema generated from the
//! Rust type the file is read into, so that the structure, the editor support and the messages have one source; all
//! mistakes of a file are collected. Only a tree without mistakes is turned into the type.

pub mod diagnostic;
pub mod lapse;
pub mod shape;

pub use diagnostic::{Diagnostic, Problems, SourceFile};
pub use lapse::{Lapse, LapseRange};

/// A table whose keys are the user's own: a body, variables, conditions. Keys keep their order.
pub type Tree = serde_json::Map<String, serde_json::Value>;
