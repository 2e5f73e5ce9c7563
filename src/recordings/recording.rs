//! The contents of a recording: who spoke when.

use std::ops::Range;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::file::WavFile;
use super::tones;
use super::turns::{Speaker, Turns, Voice};

/// Pause between two speakers, in milliseconds.
const PAUSE: u32 = 200;

/// Version of the sound. It is raised when the sound of a recording changes, so that no cache mixes two versions.
const SOUND: u32 = 3;

/// A recorded call, described by as little as its file can be derived from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recording {
    /// A generated recording.
    Made(Turns),
    /// A file of the user's own, used for any call.
    Own(WavFile),
}

/// A turn of a dialogue, as it is reported to the integrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Who says it.
    pub speaker: Speaker,
    /// When it starts, in milliseconds since the call was answered.
    pub from: u32,
    /// How long it lasts, in milliseconds.
    pub lasts: u32,
}

impl Recording {
    /// The recording of a dialogue: every turn starts and lasts as given.
    pub fn of_dialog(seconds: u32, dialog: &[Turn]) -> Self {
        let end = seconds.saturating_mul(1_000);
        let turns = dialog.iter().enumerate().map(|(index, turn)| {
            let next = dialog.get(index + 1).map_or(end, |next| next.from).min(end);
            let said = turn.from.saturating_add(turn.lasts);
            Voice { speaker: turn.speaker, from: turn.from, to: said.min(next.saturating_sub(PAUSE)) }
        });
        Self::Made(Turns { seconds, turns: turns.filter(|turn| turn.from < turn.to).collect() })
    }

    /// Returns the file. A generated one is held in memory in full.
    pub fn wav(&self) -> Bytes {
        self.read(0..self.length())
    }

    /// Returns the length of the file, in bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::Made(turns) => tones::wav_len(turns.seconds),
            Self::Own(file) => file.bytes().len() as u64,
        }
    }

    /// Returns a part of the file, within its length. Only this part is generated.
    pub fn read(&self, part: Range<u64>) -> Bytes {
        match self {
            Self::Made(turns) => tones::read(turns, part),
            Self::Own(file) => {
                let bytes = file.bytes();
                let at = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(bytes.len());
                bytes.slice(at(part.start).min(at(part.end))..at(part.end))
            }
        }
    }

    /// Returns the strong entity tag of the file, with its quotes. It is derived from what the file is generated from, so
    /// it costs only a hash of a few numbers.
    pub fn etag(&self) -> String {
        let made = match self {
            Self::Own(file) => return file.etag().to_owned(),
            Self::Made(made) => made,
        };
        let mut hash = Sha256::new();
        hash.update(SOUND.to_le_bytes());
        hash.update(made.seconds.to_le_bytes());
        for turn in &made.turns {
            hash.update([match turn.speaker {
                Speaker::Robot => 0,
                Speaker::User => 1,
            }]);
            hash.update(turn.from.to_le_bytes());
            hash.update(turn.to.to_le_bytes());
        }
        format!("\"{}\"", hex::encode(&hash.finalize()[..16]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(speaker: Speaker, from: u32, lasts: u32) -> Turn {
        Turn { speaker, from, lasts }
    }

    fn turns(seconds: u32, dialog: &[Turn]) -> Vec<Voice> {
        match Recording::of_dialog(seconds, dialog) {
            Recording::Made(made) => made.turns,
            Recording::Own(file) => panic!("{file:?}"),
        }
    }

    #[test]
    fn a_dialog_becomes_turns_with_a_breath_between_them() {
        let dialog = [
            said(Speaker::Robot, 0, 4_000),
            said(Speaker::User, 5_000, 1_000),
            said(Speaker::Robot, 8_000, 9_000),
            said(Speaker::User, 60_000, 1_000),
        ];
        let voice = |speaker, from, to| Voice { speaker, from, to };
        assert_eq!(
            turns(10, &dialog),
            [
                voice(Speaker::Robot, 0, 4_000),
                voice(Speaker::User, 5_000, 6_000),
                voice(Speaker::Robot, 8_000, 9_800),
            ]
        );
    }

    #[test]
    fn hostile_moments_do_no_harm() {
        let dialog = [
            said(Speaker::User, u32::MAX, u32::MAX),
            said(Speaker::User, 0, 0),
            said(Speaker::User, 0, u32::MAX),
        ];
        assert_eq!(turns(u32::MAX, &dialog).len(), 1);
        assert_eq!(turns(0, &dialog), []);
    }

    #[test]
    fn the_tag_tells_recordings_apart() {
        let one = Recording::of_dialog(10, &[said(Speaker::Robot, 0, 900)]);
        assert_eq!(one.etag(), one.etag());
        assert_eq!(one.etag().len(), 34);
        assert_ne!(one.etag(), Recording::of_dialog(11, &[said(Speaker::Robot, 0, 900)]).etag());
        assert_ne!(one.etag(), Recording::of_dialog(10, &[said(Speaker::User, 0, 900)]).etag());
        assert_ne!(one.etag(), Recording::of_dialog(10, &[]).etag());
    }
}
