//! Phone calls: what robots say in each business line, what people answer, and how long it takes to say it.
//!
//! A call is drawn as a whole from a stream of its own, so that nothing of it needs to be stored. The robot opens it; the
//! end fits what the person wants. All texts are spoken language: nothing in them is typed, clicked or sent.

mod about;
mod business;
mod questions;
mod script;
mod spoken;
mod talk;
mod texts;

pub(crate) use about::About;
pub use business::Business;
pub(crate) use questions::{Asked, Heard, Item, Reply};
pub use script::Script;
pub(crate) use script::{INTENTIONS, PLACEHOLDERS};
pub(crate) use spoken::Sum;
pub(crate) use talk::{Call, Talk};
#[cfg(test)]
pub(crate) use {spoken::milliseconds, texts::endings};
