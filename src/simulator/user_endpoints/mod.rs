//! The user's own endpoints and callbacks: a part of the vendor's API of which only the user has documents, mocked from the
//! settings file.
//!
//! [`mod@file`] is the written form, `check` finds mistakes in it, [`Declarations`] is its compiled form, and
//! [`UserEndpoints`], a department like the vendor's own, carries it out.

mod context;
mod fields;
pub mod file;
mod machine;
mod plan;
mod planned;
mod state;

pub(crate) use fields::{pattern, wrong_default};
pub(super) use machine::{UserEndpoints, handle};
pub use plan::Declarations;
pub(super) use planned::PlannedSend;
