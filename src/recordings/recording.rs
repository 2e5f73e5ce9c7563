//! What a recording is of: who spoke when.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::file::WavFile;
use super::tones;
use super::turns::{Speaker, Turns, Voice};

/// Milliseconds between two speakers.
const PAUSE: u32 = 400;
/// Milliseconds every turn takes besides its letters.
const ONSET: u32 = 800;
/// Letters said in a second, about.
const LETTERS_PER_SECOND: u64 = 14;

/// Counts how the sound of a recording has changed between versions of this program, so that nobody's cache mixes
/// two of them.
const SOUND: u32 = 2;

/// A recorded call, as little as it takes to give its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recording {
    /// One that is made.
    Made(Turns),
    /// A file of the user's own, whatever the call was.
    Own(WavFile),
}

/// A turn of a dialogue, as it is reported to the integrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Who says it.
    pub speaker: Speaker,
    /// When, in seconds since the call was answered.
    pub offset: i64,
    /// How many letters it has.
    pub letters: usize,
}

impl Recording {
    /// The recording of a dialogue as it is reported to the integrator: every turn starts at its offset and takes
    /// about as long as its text takes to say.
    pub fn of_dialog(seconds: u32, dialog: &[Turn]) -> Self {
        let end = seconds.saturating_mul(1_000);
        let start = |turn: &Turn| u32::try_from(turn.offset.max(0)).unwrap_or(u32::MAX).saturating_mul(1_000);
        let turns = dialog.iter().enumerate().map(|(index, turn)| {
            let from = start(turn);
            let next = dialog.get(index + 1).map_or(end, start).min(end);
            let letters = u64::try_from(turn.letters).unwrap_or(u64::MAX);
            let saying =
                u32::try_from(letters.saturating_mul(1_000) / LETTERS_PER_SECOND).unwrap_or(u32::MAX);
            let said = from.saturating_add(ONSET).saturating_add(saying);
            Voice { speaker: turn.speaker, from, to: said.min(next.saturating_sub(PAUSE)) }
        });
        Self::Made(Turns { seconds, turns: turns.filter(|turn| turn.from < turn.to).collect() })
    }

    /// The file. One that is made takes memory for the whole file.
    pub fn wav(&self) -> Bytes {
        match self {
            Self::Made(turns) => tones::wav(turns),
            Self::Own(file) => file.bytes(),
        }
    }

    /// The strong entity tag of the file, in its quotes. It is made from what the file is made from, so it costs no
    /// more than a hash of a few numbers.
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

    fn said(speaker: Speaker, text: &str, offset: i64) -> Turn {
        Turn { speaker, offset, letters: text.chars().count() }
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
            said(Speaker::Robot, "Hello, this is a reminder of your instalment.", 0),
            said(Speaker::User, "Yes.", 5),
            said(Speaker::Robot, "Thank you, and goodbye. Thank you, and goodbye.", 8),
            said(Speaker::User, "Never heard.", 60),
        ];
        let voice = |speaker, from, to| Voice { speaker, from, to };
        assert_eq!(
            turns(10, &dialog),
            [
                voice(Speaker::Robot, 0, 4_014),
                voice(Speaker::User, 5_000, 6_085),
                voice(Speaker::Robot, 8_000, 9_600),
            ]
        );
    }

    #[test]
    fn hostile_offsets_do_no_harm() {
        let dialog = [
            said(Speaker::User, "a", i64::MIN),
            said(Speaker::User, "b", i64::MAX),
            said(Speaker::User, "c", -1),
        ];
        assert_eq!(
            turns(u32::MAX, &dialog).iter().map(|turn| (turn.from, turn.to)).collect::<Vec<_>>(),
            [(0, 871), (0, 871)]
        );
        assert_eq!(turns(0, &dialog), []);
    }

    #[test]
    fn the_tag_tells_recordings_apart() {
        let one = Recording::of_dialog(10, &[said(Speaker::Robot, "Hello", 0)]);
        assert_eq!(one.etag(), one.etag());
        assert_eq!(one.etag().len(), 34);
        assert_ne!(one.etag(), Recording::of_dialog(11, &[said(Speaker::Robot, "Hello", 0)]).etag());
        assert_ne!(one.etag(), Recording::of_dialog(10, &[said(Speaker::User, "Hello", 0)]).etag());
        assert_ne!(one.etag(), Recording::of_dialog(10, &[]).etag());
    }
}
