//! Many recordings in one zip archive, made while it is sent.
//!
//! The recordings are stored, not compressed: deflate makes a telephone recording a fifth smaller and takes ten times
//! as long as making it.
//!
//! A stored entry whose size is not in front of it cannot be read by programs that read an archive from front to back,
//! Java's `ZipInputStream` among them: nothing says where it ends. The zip crate's own streaming writer puts the size
//! behind the entry. So it writes here as if to a file, to an [`Outlet`] that holds an entry back until it is complete
//! and its size has been put in its place.

use std::collections::HashMap;
use std::io::{self, Read, Seek, SeekFrom, Write};

use bytes::Bytes;
use tokio::sync::mpsc;
use zip::result::ZipResult;
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, DateTime, System};

use super::recording::Recording;
use super::wav::wav;

/// The size of the parts.
const PART: usize = 64 * 1024;
/// How many parts wait for the network.
const WAITING: usize = 4;
/// The longest name of an entry, in bytes; no file system takes much longer ones.
const LONGEST_NAME: usize = 200;

/// Packs recordings under their names while whoever holds the receiving end sends them; once it is dropped, no more
/// entries are asked for. Equal entries give equal bytes.
///
/// Names are made safe to unpack: no folders, no characters a file system dislikes, and none twice, a second `a.wav`
/// becoming `a (2).wav`. At any time there are at most two copies of one recording and five parts in memory, and the
/// directory that comes at the end, some 400 bytes an entry.
///
/// # Panics
///
/// If it is called outside of a Tokio runtime, on whose threads for blocking work the archive is made.
pub fn zip(entries: impl Iterator<Item = (String, Recording)> + Send + 'static) -> mpsc::Receiver<Bytes> {
    let (to, parts) = mpsc::channel(WAITING);
    tokio::task::spawn_blocking(move || {
        // Names are short and differ, and every recording fits, so there is nothing left that could fail. If something
        // did, the archive would end without its directory, which no program takes for a whole one.
        let _ = pack(entries, &to);
    });
    parts
}

fn pack(mut entries: impl Iterator<Item = (String, Recording)>, to: &mpsc::Sender<Bytes>) -> ZipResult<()> {
    // The date is the earliest there is and everything is said to come from Unix, whatever the clock and the machine.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .system(System::Unix)
        .unix_permissions(0o644);
    let mut names = Names::default();
    let mut writer = ZipWriter::new(Outlet { to, sent: 0, held: Vec::new(), at: 0 });
    writer.set_flush_on_finish_file(true);
    while !to.is_closed() {
        let Some((name, recording)) = entries.next() else { break };
        // This completes the entry before, so at most one is held back.
        writer.start_file(names.take(&name), options)?;
        writer.write_all(&wav(&recording))?;
    }
    let mut outlet = writer.finish()?;
    outlet.send_rest();
    Ok(())
}

/// Where the archive is written to. What was written since the last flush can still be changed.
///
/// It never fails: once nobody listens, what is written is dropped. The writer would otherwise complain on standard
/// error about an archive it could not complete.
struct Outlet<'a> {
    to: &'a mpsc::Sender<Bytes>,
    /// Bytes that have left.
    sent: u64,
    /// Those after them.
    held: Vec<u8>,
    /// Where in them the next byte is written.
    at: usize,
}

impl Outlet<'_> {
    fn send(&mut self, length: usize) {
        for part in self.held[..length].chunks(PART) {
            // Copied, so that a part that waits for the network does not keep the whole recording with it.
            if self.to.blocking_send(Bytes::copy_from_slice(part)).is_err() {
                break;
            }
        }
        self.held.drain(..length);
        self.sent += length as u64;
        self.at -= length;
    }

    fn send_rest(&mut self) {
        self.at = self.held.len();
        self.send(self.held.len());
    }
}

impl Write for Outlet<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let over = bytes.len().min(self.held.len() - self.at);
        self.held[self.at..self.at + over].copy_from_slice(&bytes[..over]);
        self.held.extend_from_slice(&bytes[over..]);
        self.at += bytes.len();
        Ok(bytes.len())
    }

    /// An entry is complete. Whole parts leave; a rest waits for the next entry to fill it.
    fn flush(&mut self) -> io::Result<()> {
        self.send(self.at - self.at % PART);
        Ok(())
    }
}

/// Never used: the writer's setter for flushing stands beside methods that read an archive, and shares their bounds.
impl Read for Outlet<'_> {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl Seek for Outlet<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let end = self.sent + self.held.len() as u64;
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => (self.sent + self.at as u64).checked_add_signed(by),
            SeekFrom::End(by) => end.checked_add_signed(by),
        };
        let position = position.filter(|position| (self.sent..=end).contains(position));
        let position =
            position.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "this has left"))?;
        self.at = (position - self.sent) as usize;
        Ok(position)
    }
}

/// The names given so far, in lower case: many file systems take `A.wav` and `a.wav` for the same.
#[derive(Default)]
struct Names(HashMap<String, u32>);

impl Names {
    /// A safe name nobody has yet, like the one asked for.
    fn take(&mut self, name: &str) -> String {
        let name = safe(name);
        let (stem, extension) = match name.rfind('.') {
            Some(dot) if dot > 0 => name.split_at(dot),
            _ => (name.as_str(), ""),
        };
        let key = name.to_lowercase();
        // Counting on from the last time, so that many equal names take no longer than different ones.
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

/// A name without folders and special characters, neither empty nor too long.
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
    use std::io::Cursor;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::recordings::{Speaker, Voice};

    fn recording(seed: u64, seconds: u32) -> Recording {
        let turns = vec![Voice { speaker: Speaker::User, from: 100, to: 900 }];
        Recording { seed, seconds, turns }
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
            (0..20).map(|n| (format!("call {n}.wav"), recording(n, u32::try_from(n).unwrap()))).collect();
        let archive = received(zip(entries.clone().into_iter())).await;
        assert_eq!(archive, received(zip(entries.clone().into_iter())).await);

        let mut read = zip::ZipArchive::new(Cursor::new(&archive)).unwrap();
        assert_eq!(read.len(), entries.len());
        for (index, (name, recording)) in entries.iter().enumerate() {
            let mut entry = read.by_index(index).unwrap();
            assert_eq!(entry.name().unwrap(), name.as_str());
            assert_eq!(entry.last_modified(), Some(DateTime::default()));
            assert_eq!(entry.unix_mode(), Some(0o100_644));
            let mut file = Vec::new();
            entry.read_to_end(&mut file).unwrap();
            assert!(file == wav(recording), "{name}");
        }

        // From front to back as well, as a reader does that cannot seek.
        let mut front = archive.as_slice();
        for (name, recording) in &entries {
            let mut entry = zip::read::read_zipfile_from_stream(&mut front).unwrap().unwrap();
            assert_eq!(entry.name().unwrap(), name.as_str());
            assert_eq!(entry.size(), wav(recording).len() as u64);
            io::copy(&mut entry, &mut io::sink()).unwrap();
        }
        assert!(zip::read::read_zipfile_from_stream(&mut front).unwrap().is_none());
    }

    #[tokio::test]
    async fn an_empty_archive_is_one() {
        let archive = received(zip(std::iter::empty())).await;
        assert_eq!(archive.len(), 22);
        assert!(zip::ZipArchive::new(Cursor::new(archive)).unwrap().is_empty());
    }

    #[tokio::test]
    async fn there_may_be_more_entries_than_16_bits_count() {
        let calls = 70_000;
        let entries = (0..calls).map(|n| (format!("{n}.wav"), recording(n, u32::from(n % 20_000 == 1))));
        let archive = received(zip(entries)).await;
        let mut read = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
        assert_eq!(read.len() as u64, calls);
        for n in [0, 1, 2, 65_534, 65_535, 65_536, 69_999] {
            let mut file = Vec::new();
            read.by_name(&format!("{n}.wav")).unwrap().read_to_end(&mut file).unwrap();
            assert!(file == wav(&recording(n, u32::from(n % 20_000 == 1))), "{n}");
        }
    }

    #[tokio::test]
    async fn once_nobody_listens_no_more_is_made() {
        let pulled = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&pulled);
        let entries = (0..).map(move |n| {
            count.fetch_add(1, Ordering::SeqCst);
            (format!("{n}.wav"), recording(n, 5))
        });
        let mut parts = zip(entries);
        assert_eq!(parts.recv().await.map(|part| part.len()), Some(PART));
        drop(parts);
        // The iterator, and with it its count, is dropped when the thread is through.
        while Arc::strong_count(&pulled) > 1 {
            tokio::task::yield_now().await;
        }
        // An entry of 5 seconds is longer than a part: so many can have been made for the parts that waited.
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

    #[test]
    fn what_is_held_back_can_be_changed() {
        let (to, mut parts) = mpsc::channel(8);
        let mut outlet = Outlet { to: &to, sent: 0, held: Vec::new(), at: 0 };
        outlet.write_all(&[1; PART + 10]).unwrap();
        outlet.seek(SeekFrom::Start(4)).unwrap();
        outlet.write_all(&[2, 2]).unwrap();
        outlet.seek(SeekFrom::End(-1)).unwrap();
        outlet.write_all(&[3, 3, 3]).unwrap();
        assert_eq!(outlet.stream_position().unwrap(), PART as u64 + 12);
        outlet.flush().unwrap();
        let part = parts.try_recv().unwrap();
        assert_eq!((part.len(), &part[..7]), (PART, &[1, 1, 1, 1, 2, 2, 1][..]));
        assert!(parts.try_recv().is_err());
        assert!(outlet.seek(SeekFrom::Start(PART as u64 - 1)).is_err());
        assert!(outlet.seek(SeekFrom::Current(1)).is_err());
        outlet.send_rest();
        assert_eq!(parts.try_recv().unwrap()[..], [1, 1, 1, 1, 1, 1, 1, 1, 1, 3, 3, 3]);
        // Nobody listens: nothing fails.
        drop(parts);
        outlet.write_all(&[1; 2 * PART]).unwrap();
        outlet.flush().unwrap();
        assert_eq!((outlet.held.len(), outlet.at), (0, 0));
    }
}
