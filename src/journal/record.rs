//! The NDJSON record.

/// Writes every entry as one line of JSON.
#[derive(Debug)]
pub struct Recorder {}
