//! Recordings of simulated calls: made when somebody asks for one, and the same bytes every time.
//!
//! Nothing is stored. A [`Recording`] says what a call sounded like in a few numbers; [`wav()`] turns it into a file,
//! [`answer`] serves that file the way players and download managers ask for it, in pieces if they like, and [`zip()`]
//! packs the files of many calls while the archive is being sent.
//!
//! What always holds: equal recordings give equal bytes on every machine, a file is exactly as long as the talk, and a
//! request keeps only one recording in memory, however many calls its archive has.

mod archive;
mod range;
mod recording;
mod speech;
mod voice;
mod wav;

pub use archive::zip;
pub use range::answer;
pub use recording::{Recording, Speaker, Turn, Voice};
pub use wav::{MAX_SECONDS, wav, wav_len};
