//! Many recordings in one zip archive, created while it is being sent.
//!
//! The recordings are stored, not compressed: deflate makes a telephone recording a fifth smaller and takes ten times as
//! long as generating it.
//!
//! The sizes of an entry precede it. A stored entry whose sizes follow it cannot be read by programs that read an archive
//! from front to back, Java's `ZipInputStream` among them, since nothing says where it ends.

use std::collections::HashMap;
use std::io::{self, Write};

use bytes::Bytes;
use eazip::CompressionMethod;
use eazip::write::{ArchiveWriter, FileOptions};
use tokio::sync::mpsc;

use super::recording::Recording;

/// Size of the parts, in bytes.
const PART: usize = 64 * 1024;
/// Number of parts that may wait for the network.
const WAITING: usize = 4;
/// Maximum length of an entry's name, in bytes; no file system accepts much longer names.
const LONGEST_NAME: usize = 200;

/// Packs recordings under their names while the holder of the receiving end sends them. Once that end is dropped, no more
/// entries are requested. Equal entries give equal bytes.
///
/// Names are made safe to unpack: no folders, no characters that a file system refuses, and no duplicates: a second `a.wav`
/// becomes `a (2).wav`. At any time, memory holds at most two copies of one recording, five parts, and the directory that
/// ends the archive, some 400 bytes per entry.
///
/// # Panics
///
/// If it is called outside of a Tokio runtime, on whose threads for blocking work the archive is created.
pub fn zip(entries: impl Iterator<Item = (String, Recording)> + Send + 'static) -> mpsc::Receiver<Bytes> {
    let (to, parts) = mpsc::channel(WAITING);
    tokio::task::spawn_blocking(move || {
        // Names are short and unique, and every recording fits, so this fails only once the receiver is gone. The archive
        // then ends without its directory, which no program accepts as complete.
        let _ = pack(entries, &to);
    });
    parts
}

fn pack(mut entries: impl Iterator<Item = (String, Recording)>, to: &mpsc::Sender<Bytes>) -> io::Result<()> {
    let mut options = FileOptions::default();
    options.compression_method = CompressionMethod::STORE;
    let mut names = Names::default();
    let mut writer = ArchiveWriter::new(Parts { to, held: Vec::with_capacity(PART) });
    while !to.is_closed() {
        let Some((name, recording)) = entries.next() else { break };
        writer.add_file(&names.take(&name), &*recording.wav(), &options)?;
    }
    writer.finish()?.send()
}

/// A writer that sends its output in parts of one size.
struct Parts<'a> {
    to: &'a mpsc::Sender<Bytes>,
    held: Vec<u8>,
}

impl Parts<'_> {
    /// Sends the buffered bytes.
    fn send(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let part = std::mem::replace(&mut self.held, Vec::with_capacity(PART));
        self.to.blocking_send(part.into()).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for Parts<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(PART - self.held.len());
        self.held.extend_from_slice(&bytes[..taken]);
        if self.held.len() == PART {
            self.send()?;
        }
        Ok(taken)
    }

    /// A partial part is kept until it is full.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The names used so far, in lower case: many file systems treat `A.wav` and `a.wav` as the same.
#[derive(Default)]
struct Names(HashMap<String, u32>);

impl Names {
    /// Returns a safe name that is not in use yet, close to the requested one.
    fn take(&mut self, name: &str) -> String {
        let name = safe(name);
        let (stem, extension) = match name.rfind('.') {
            Some(dot) if dot > 0 => name.split_at(dot),
            _ => (name.as_str(), ""),
        };
        let key = name.to_lowercase();
        // Counts on from the last number, so that many equal names take no longer than different ones.
        let mut number = self.0.get(&key).copied().unwrap_or(0);
        loop {
            number += 1;
            let candidate = if number == 1 { name.clone() } else { format!("{stem} ({number}){extension}") };
            let taken = candidate.to_lowercase();
            if taken == key || !self.0.contains_key(&taken) {
                self.0.insert(taken, 1);
                self.0.insert(key, number);
                return candidate;
            }
        }
    }
}

/// Returns a name without folders and special characters, neither empty nor too long.
fn safe(name: &str) -> String {
    let letters = name.chars().map(|letter| match letter {
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
        letter if letter.is_control() => '_',
        letter => letter,
    });
    let clean: String = letters.collect();
    // Leading dots hide a file or lead out of the folder; Windows drops dots and spaces at the end.
    let clean = clean.trim_start_matches(['.', ' ']).trim_end_matches(['.', ' ']);
    let (stem, extension) = match clean.rfind('.') {
        Some(dot) if clean.len() - dot <= 10 => clean.split_at(dot),
        _ => (clean, ""),
    };
    let mut length = stem.len().min(LONGEST_NAME - extension.len());
    while !stem.is_char_boundary(length) {
        length -= 1;
    }
    let stem = &stem[..length];
    if stem.is_empty() { format!("recording{extension}") } else { format!("{stem}{extension}") }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::recordings::{Speaker, Turns, Voice};

    fn recording(seconds: u64) -> Recording {
        let turns = vec![Voice { speaker: Speaker::User, from: 100, to: 900 }];
        Recording::Made(Turns { seconds: seconds as u32, turns })
    }

    fn entry(archive: &mut eazip::Archive<Cursor<Vec<u8>>>, name: &str) -> Vec<u8> {
        let mut file = Vec::new();
        archive.get_by_name(name).unwrap().read().unwrap().read_to_end(&mut file).unwrap();
        file
    }

    async fn received(mut parts: mpsc::Receiver<Bytes>) -> Vec<u8> {
        let mut archive = Vec::new();
        while let Some(part) = parts.recv().await {
            assert!(!part.is_empty() && part.len() <= PART);
            archive.extend_from_slice(&part);
        }
        archive
    }

    #[tokio::test]
    async fn every_recording_is_in_it() {
        let entries: Vec<(String, Recording)> =
            (0..20).map(|n| (format!("call {n}.wav"), recording(n))).collect();
        let bytes = received(zip(entries.clone().into_iter())).await;
        assert_eq!(bytes, received(zip(entries.clone().into_iter())).await);
        let mut archive = eazip::Archive::new(Cursor::new(bytes.clone())).unwrap();
        assert_eq!(archive.entries().len(), entries.len());
        for (name, recording) in &entries {
            assert!(entry(&mut archive, name) == recording.wav(), "{name}");
        }

        // Also from front to back, like a reader that cannot seek: the sizes precede the file, in the ZIP64 field behind
        // its name.
        let mut front = bytes.as_slice();
        for (name, recording) in &entries {
            let number = |at: usize| u16::from_le_bytes(front[at..at + 2].try_into().unwrap());
            assert_eq!((&front[..4], number(6) & 8), (&b"PK\x03\x04"[..], 0), "{name}");
            let (name_length, extra) = (usize::from(number(26)), usize::from(number(28)));
            assert_eq!(&front[30..30 + name_length], name.as_bytes());
            let sizes = 30 + name_length + 4;
            let size = u64::from_le_bytes(front[sizes..sizes + 8].try_into().unwrap()) as usize;
            assert_eq!(size, recording.wav().len());
            front = &front[30 + name_length + extra + size..];
        }
        assert!(front.starts_with(b"PK\x01\x02"));
    }

    #[tokio::test]
    async fn an_empty_archive_is_one() {
        let archive = received(zip(std::iter::empty())).await;
        assert!(eazip::Archive::new(Cursor::new(archive)).unwrap().entries().is_empty());
    }

    #[tokio::test]
    async fn there_may_be_more_entries_than_16_bits_count() {
        let entries = (0..70_000).map(|n| (format!("{n}.wav"), recording(u64::from(n % 20_000 == 1))));
        let archive = received(zip(entries)).await;
        let mut archive = eazip::Archive::new(Cursor::new(archive)).unwrap();
        assert_eq!(archive.entries().len(), 70_000);
        for n in [0, 1, 2, 65_534, 65_535, 65_536, 69_999] {
            let wav = recording(u64::from(n % 20_000 == 1)).wav();
            assert!(entry(&mut archive, &format!("{n}.wav")) == wav, "{n}");
        }
    }

    #[tokio::test]
    async fn once_nobody_listens_no_more_is_made() {
        let pulled = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&pulled);
        let entries = (0..).map(move |n| {
            count.fetch_add(1, Ordering::SeqCst);
            (format!("{n}.wav"), recording(5))
        });
        let mut parts = zip(entries);
        assert_eq!(parts.recv().await.map(|part| part.len()), Some(PART));
        drop(parts);
        // The iterator, and with it its reference, is dropped when the thread has finished.
        while Arc::strong_count(&pulled) > 1 {
            tokio::task::yield_now().await;
        }
        // An entry of 5 seconds is longer than a part, so no more than this can have been created for the waiting parts.
        assert!(pulled.load(Ordering::SeqCst) <= WAITING + 2, "{pulled:?}");
    }

    #[test]
    fn names_are_safe_and_differ() {
        let mut names = Names::default();
        for (asked, given) in [
            ("a.wav", "a.wav"),
            ("a.wav", "a (2).wav"),
            ("A.WAV", "A (3).WAV"),
            ("a (4).wav", "a (4).wav"),
            ("a.wav", "a (5).wav"),
            ("a (2).wav", "a (2) (2).wav"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("C:\\x.wav", "C__x.wav"),
            ("a\0b\n", "a_b_"),
            ("", "recording"),
            (" .. ", "recording (2)"),
            (".wav", "wav"),
            ("+62 812 séance.wav", "+62 812 séance.wav"),
            ("x. . ", "x"),
        ] {
            assert_eq!(names.take(asked), given, "{asked:?}");
        }
        let long = names.take(&format!("{}.wav", "é".repeat(300)));
        assert_eq!(long, format!("{}.wav", "é".repeat(98)));
        assert_eq!(names.take(&long), format!("{} (2).wav", "é".repeat(98)));
    }
}
