//! A WAV file of the user's own, served in place of a generated recording.

use std::path::Path;
use std::{fmt, io};

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::files::read_within;

/// Maximum size of a recording, in megabytes: about four hours on a telephone line.
const MOST_MEGABYTES: u64 = 256;

/// A WAV file that has been read.
#[derive(Clone, PartialEq, Eq)]
pub struct WavFile {
    bytes: Bytes,
    etag: String,
}

/// Why a file cannot be served as a recording.
#[derive(Debug, thiserror::Error)]
pub enum WavError {
    /// The file cannot be read.
    #[error("{}", match .0.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => format!("it can't be read: {}", .0),
    })]
    Unreadable(io::Error),
    /// The file is not a WAV file.
    #[error("it is not a WAV file: {0}")]
    NotWav(hound::Error),
}

impl WavFile {
    /// Reads a file. Only its header is checked to be that of a WAV file.
    ///
    /// # Errors
    ///
    /// If there is no such file, or if it is not a WAV file.
    pub fn read(path: &Path) -> Result<Self, WavError> {
        let bytes = read_within(path, MOST_MEGABYTES).map_err(WavError::Unreadable)?;
        hound::WavReader::new(bytes.as_slice()).map_err(WavError::NotWav)?;
        let etag = format!("\"{}\"", hex::encode(&Sha256::digest(&bytes)[..16]));
        Ok(Self { bytes: bytes.into(), etag })
    }

    /// Returns the bytes of the file.
    pub fn bytes(&self) -> Bytes {
        self.bytes.clone()
    }

    /// Returns its strong entity tag, with the quotes.
    pub fn etag(&self) -> &str {
        &self.etag
    }
}

impl fmt::Debug for WavFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WavFile({} bytes)", self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recordings::{Recording, Turns};

    #[test]
    fn only_wav_files_are_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("own.wav");
        let wrong = || WavFile::read(&path).unwrap_err().to_string();
        assert_eq!(wrong(), "there is no such file");
        std::fs::write(&path, "ID3").unwrap();
        assert!(wrong().starts_with("it is not a WAV file: "), "{}", wrong());
        let made = Recording::Made(Turns { seconds: 1, turns: Vec::new() }).wav();
        std::fs::write(&path, &made).unwrap();
        let own = WavFile::read(&path).unwrap();
        assert_eq!((own.bytes(), own.etag().len()), (made, 34));
        let recording = Recording::Own(own.clone());
        assert_eq!((recording.wav(), recording.etag()), (own.bytes(), own.etag().to_owned()));
    }
}
