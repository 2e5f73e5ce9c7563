//! The fields of requests, responses and callbacks, described by the types that carry them.
//!
//! A type says everything once: its names are the wire's, its doc comments are the reference, and the last word in
//! brackets of a doc comment is the provenance, for example `The number, in E.164 (client).` What it does not hold for
//! stands behind it: `Minutes (example; the unit is assumed).` A field without one has that of the type it stands in, and
//! none is surer than the field it stands in. From there come decoding with errors that name the field ([`decode`]), the field
//! reference ([`fields_of`]), what a request holds that nothing reads ([`Names`]), and what a body may hold ([`FieldTree`]).

mod decode;
mod described;
mod error;
mod names;
mod reference;
mod tree;
mod types;

pub use decode::decode;
pub use error::FieldError;
pub(crate) use error::shown;
pub use names::{LookFor, Names, Noticed};
pub use reference::{Field, Use, fields_of};
pub(crate) use reference::{assume, document_schema};
pub use tree::{FieldTree, UnknownField};
pub(crate) use types::or_empty;
pub use types::{FilePart, Given, LocalTime, NoEffect, Number, RowList, Text, Whole};
