//! Stories made into request templates, so that a callback costs a copy and a signature instead of a run of the engine.

mod context;
mod learn;
mod leaves;
mod template;

pub use context::Context;
pub(crate) use template::Scratch;
pub use template::StoryTemplate;
