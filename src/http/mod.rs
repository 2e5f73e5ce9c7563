//! HTTP, 1.1 and 2 on one port, plain or under TLS, and for the hosts of a proxy: messages as data, and the one small
//! server that both the mock and the receiver are built on.
//!
//! Handlers see whole requests and return whole responses. Connections, limits, time-outs and hostile bytes are dealt with
//! here.

mod authority;
mod bind;
mod body;
mod budget;
mod client;
mod connection;
mod connector;
mod context;
mod entrance;
mod exchange;
mod header_case;
mod limits;
mod places;
mod read;
mod server;
mod state;
mod tls;
mod transport;
mod verifier;
mod wire;

pub use authority::{Authority, AuthorityError, ServerTls};
pub(crate) use authority::{pem_of, replace};
pub use bind::BindError;
pub use budget::Budget;
pub use client::{Peer, RequestError, request, request_parts};
pub(crate) use connector::{ConnectError, Connector, Http1, Io, Manner, Stream};
pub use entrance::Refused;
pub(crate) use header_case::HeaderCase;
pub use limits::{LargeBodies, Limits, TooLarge, TurnedAway};
pub use server::Server;
pub(crate) use tls::{Tls, TlsPlan};
pub use tls::{TlsError, TlsOptions};
pub(crate) use verifier::SelfSigned;
pub(crate) use wire::{Traffic, is_closed, is_out_of_files};
