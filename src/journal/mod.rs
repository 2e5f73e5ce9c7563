//! The journal: one entry per event in either direction, and the sinks that see every entry as it is written (the timeline,
//! the NDJSON record, the reports).
//!
//! Entries carry the story's time. While time jumps, entries do not depend on real time or on the machine, so that equal runs
//! write equal records.

mod entry;
mod hits;
mod kept;
mod log;
mod mask;
mod record;
mod signed;

pub use entry::{Entry, Event, RefusedRequest, RequestEntry, SkippedStep, assumed_text};
pub use hits::Hits;
pub use kept::{Kept, KeptId, KeptLimits};
pub use log::{Journal, Sink};
pub use mask::{Mask, masked_header};
pub use record::{Lines, RecordHandle, Recorder};
pub use signed::Signed;
