//! The fields of requests, responses and callbacks, described by the types that carry them.
//!
//! A type says everything once. Its names are those on the wire and its doc comments are the reference. The last word in
//! brackets of a doc comment is the provenance, for example `The number, in E.164 (client).` What the mark does not cover
//! follows it: `Minutes (example; the unit is assumed).` A field without a mark has the provenance of its type, and no field is
//! better known than the field that contains it. From this follow decoding with errors that name the field ([`decode`]), the
//! field reference ([`fields_of`]), the fields of a request that nothing reads ([`Names`]), and what a body may hold
//! ([`FieldTree`]).

mod decode;
mod described;
mod doubt;
mod error;
mod json_type;
mod names;
mod reference;
mod tree;
mod types;

pub use decode::decode;
pub use doubt::doubts;
pub use error::FieldError;
pub(crate) use error::shown;
pub use json_type::JsonType;
pub use names::{Form, LookFor, Names, Noticed};
pub use reference::{Field, Use, fields_of};
pub(crate) use reference::{assume, document_schema};
pub use tree::{FieldTree, UnknownField};
pub use types::{FilePart, Given, LocalTime, NoEffect, Number, RowList, Text, Whole};
pub(crate) use types::{OrEmpty, or_empty, parsed};
