//! Compiles stories into request templates, so that a callback costs a copy and a signature instead of a run of the engine.
//!
//! This happens before a run. A template is exact: it fits several runs of the engine byte for byte, with other ids, at
//! other times and with other numbers; otherwise there is none and the story is simulated instead.

mod align;
mod compiler;

mod context;
mod dry_run;
mod error;
mod identify;
mod ids;
mod request;
mod segments;
mod template;

pub use context::Context;
pub use error::NotCompilable;
pub(crate) use identify::IdFields;
pub use template::StoryTemplate;
pub(crate) use template::{Scratch, Sending};
