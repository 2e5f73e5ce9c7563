//! A mistake in a file, and how it is shown.

/// A file's text.
#[derive(Debug)]
pub struct SourceFile {}

/// One mistake.
#[derive(Debug)]
pub struct Diagnostic {}

/// All mistakes.
#[derive(Debug)]
pub struct Problems {}
