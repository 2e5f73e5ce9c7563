//! Endpoints and callbacks of the user's own: a part of the vendor's API that only the user has documents of, mocked
//! from the settings file.
//!
//! [`mod@file`] is what is written, `check` finds its mistakes, [`Declarations`] is what it means, and [`Custom`] acts
//! by it: a state machine without sockets, clock or randomness of its own. The engine asks it whenever a call has
//! one of its ids, and moves its time.

mod context;
mod fields;
pub mod file;
mod machine;
mod plan;
mod sends;
mod state;

pub(crate) use fields::{pattern, wrong_default};
pub use machine::{Custom, Reply};
pub use plan::Declarations;
pub use sends::UserCallback;
