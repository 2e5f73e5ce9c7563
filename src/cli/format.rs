//! How lists are printed.

use clap::ValueEnum;

/// How a list is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// Aligned columns, for reading.
    Table,
    /// An array of entries, for programs.
    Json,
    /// Tables for documents.
    Markdown,
}
