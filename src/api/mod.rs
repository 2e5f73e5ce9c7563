//! The REST side: HTTP in, typed call out, answer back.
//!
//! A request is first found in the catalog by method and path, then its fields are read from query and body, however
//! the client encoded them.

mod decode;
mod route;

pub use decode::{DecodeError, decode};
pub use route::{Route, RouteError, Router};
