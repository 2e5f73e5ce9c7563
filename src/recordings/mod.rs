//! Recordings of simulated calls: generated on request, with the same bytes every time.
//!
//! Nothing is stored. A [`Recording`] says who spoke when, or holds the user's own file; [`Recording::read`] returns any
//! part of the file, [`select`] says which part players and download managers ask for, and [`zip()`] packs the files of
//! many calls while the archive is being sent.
//!
//! Guarantees: equal recordings give equal bytes on every machine; a generated file is exactly as long as the talk; only
//! the requested part is generated; and a request keeps only one recording in memory, however many calls its archive has.

mod archive;
mod file;
mod range;
mod recording;
mod tones;
mod turns;

pub use archive::zip;
pub use file::WavFile;
pub use range::select;
pub use recording::{Recording, Turn};
pub use turns::Speaker;
#[cfg(test)]
pub use turns::{Turns, Voice};
