//! Endpoints and callbacks of the user's own: a part of the vendor's API that only the user has documents of, mocked
//! from the settings file.
//!
//! [`mod@file`] is what is written, `check` finds its mistakes, [`Declarations`] is what it means, and [`UserEndpoints`],
//! a department like the vendor's own, acts by it.

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
