//! The network as data: callback URLs, the guard of addresses, requests and responses apart from any connection.
//!
//! Nothing here opens a socket. The server, the connector and everything that decides share these types.

mod guard;
mod headers;
mod message;
pub(crate) mod origin;
mod target;

pub use guard::{Guard, GuardError, NotAllowed};
pub use headers::Headers;
pub(crate) use message::JSON;
pub use message::{Header, HttpRequest, HttpResponse, HttpStream, Reply, Via};
pub use target::{Target, TargetError};
