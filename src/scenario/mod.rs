//! The scenario language: the file as written, the story as meant, templates, expectations, running stories.
//!
//! [`load`] reads files and finds every mistake before anything is sent; [`Story`] is what a file means; a [`StoryRun`]
//! is a story being told, a state machine that time, calls and delivery results drive through the [`StoryHost`].

pub mod check;
mod expect;
pub mod file;
pub mod load;
mod play;
mod stage;
mod story;
pub mod template;
pub(crate) mod tree;

pub use expect::DeliveryEnd;
pub use play::StoryRun;
pub(crate) use play::truth;
pub use stage::{Body, CallReply, CallView, Sending, StoryHost};
pub use story::Story;
