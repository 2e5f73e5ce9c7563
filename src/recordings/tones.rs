//! A generated recording: a WAV file in the format of the telephone, 8,000 samples of 16 bits per second and one channel.
//! Each of the two speakers is a tone of its own; pauses are silent.

use std::ops::Range;

use bytes::Bytes;

use super::turns::{Speaker, Turns};

/// Samples per second.
const RATE: u32 = 8_000;
const BYTES_PER_SECOND: u64 = 2 * RATE as u64;
const HEADER: usize = 44;

/// Maximum length of a recording in seconds, a little over three days: the sizes in a WAV file have 32 bits. Longer calls
/// are cut to this length.
pub const MAX_SECONDS: u32 = ((u32::MAX as u64 - (HEADER as u64 - 8)) / BYTES_PER_SECOND) as u32;

/// One period of a sine, at a quarter of the maximum amplitude: with one value per sample it is a tone of 250 Hz. The
/// values are integers, because the sine of the standard library may differ in its last bits between platforms.
const SINE: [i16; 32] = [
    0, 1561, 3061, 4445, 5657, 6652, 7391, 7846, 8000, 7846, 7391, 6652, 5657, 4445, 3061, 1561, 0, -1561,
    -3061, -4445, -5657, -6652, -7391, -7846, -8000, -7846, -7391, -6652, -5657, -4445, -3061, -1561,
];

/// Returns a sample of a speaker's tone: 250 Hz for the robot, 500 Hz for the called person.
fn tone(speaker: Speaker, sample: u32) -> i16 {
    let step = match speaker {
        Speaker::Robot => 1,
        Speaker::User => 2,
    };
    SINE[(sample * step) as usize % SINE.len()]
}

/// Returns the length in bytes of the file of a call.
pub(super) fn wav_len(seconds: u32) -> u64 {
    HEADER as u64 + u64::from(seconds.min(MAX_SECONDS)) * BYTES_PER_SECOND
}

/// Returns a part of the file of a recording, cut to its length.
pub(super) fn read(recording: &Turns, part: Range<u64>) -> Bytes {
    let length = wav_len(recording.seconds);
    let (start, end) = (part.start.min(length), part.end.min(length));
    let mut bytes = Vec::with_capacity(usize::try_from(end.saturating_sub(start)).unwrap_or(0));
    let header = header(length);
    let within = |at: u64| usize::try_from(at).unwrap_or(HEADER).min(HEADER);
    bytes.extend_from_slice(&header[within(start)..within(end).max(within(start))]);
    // The samples that the part touches; the first and the last may be cut in two.
    let sample = |at: u64| at.saturating_sub(HEADER as u64) / 2;
    let (first, last) = (sample(start.max(HEADER as u64)), sample(end + 1));
    let cut = bytes.len();
    for Part { speaker, from, to } in parts(recording) {
        let (from, to) = (u64::from(from), u64::from(to));
        for at in from.max(first)..to.min(last) {
            let value = speaker.map_or(0, |speaker| tone(speaker, (at - from) as u32));
            bytes.extend_from_slice(&value.to_le_bytes());
        }
    }
    let samples_from = first * 2 + HEADER as u64;
    if start > samples_from {
        bytes.drain(cut..cut + (start - samples_from) as usize);
    }
    bytes.truncate(usize::try_from(end.saturating_sub(start)).unwrap_or(0));
    Bytes::from(bytes)
}

/// The header of a file of `length` bytes: PCM, one channel. All its numbers have 32 or 16 bits.
fn header(length: u64) -> [u8; HEADER] {
    let size = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes();
    let (channels, bytes, bits) = (1_u16, 2_u16, 16_u16);
    let mut head = [0; HEADER];
    let pieces: [&[u8]; 13] = [
        b"RIFF",
        &size(length - 8),
        b"WAVE",
        b"fmt ",
        &size(16),
        &1_u16.to_le_bytes(),
        &channels.to_le_bytes(),
        &RATE.to_le_bytes(),
        &size(BYTES_PER_SECOND),
        &bytes.to_le_bytes(),
        &bits.to_le_bytes(),
        b"data",
        &size(length - HEADER as u64),
    ];
    let mut at = 0;
    for piece in pieces {
        head[at..at + piece.len()].copy_from_slice(piece);
        at += piece.len();
    }
    head
}

/// A stretch of the file, in samples.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    /// The speaker; `None` is silence.
    speaker: Option<Speaker>,
    from: u32,
    to: u32,
}

/// Divides the file, from its first sample to its last, into stretches without gap or overlap.
fn parts(recording: &Turns) -> Vec<Part> {
    let end = recording.seconds.min(MAX_SECONDS) * RATE;
    let sample = |milliseconds: u32| milliseconds.saturating_mul(RATE / 1_000).min(end);
    let mut turns = recording.turns.clone();
    turns.sort_by_key(|turn| turn.from);

    let mut parts = Vec::with_capacity(2 * turns.len() + 1);
    let mut heard = 0;
    let mut add = |speaker, to| {
        if heard < to {
            parts.push(Part { speaker, from: heard, to });
            heard = to;
        }
    };
    for (index, turn) in turns.iter().enumerate() {
        let next = turns.get(index + 1).map_or(end, |next| sample(next.from));
        add(None, sample(turn.from));
        add(Some(turn.speaker), sample(turn.to).min(next));
    }
    add(None, end);
    parts
}

#[cfg(test)]
mod tests {
    use hound::{SampleFormat, WavSpec};
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::recordings::Voice;

    const SPEC: WavSpec =
        WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };

    fn wav(recording: &Turns) -> Bytes {
        read(recording, 0..u64::MAX)
    }

    /// A call with turns of four seconds and half a second between them, the robot first.
    fn call(seconds: u32) -> Turns {
        let turns = (0..seconds.div_ceil(5)).map(|turn| {
            let speaker = if turn % 2 == 0 { Speaker::Robot } else { Speaker::User };
            Voice { speaker, from: turn * 5_000, to: turn * 5_000 + 4_500 }
        });
        Turns { seconds, turns: turns.collect() }
    }

    fn samples(file: &[u8]) -> Vec<i16> {
        let reader = hound::WavReader::new(file).unwrap();
        assert_eq!(reader.spec(), SPEC);
        reader.into_samples().map(Result::unwrap).collect()
    }

    /// Checks the sizes of the chunks by hand.
    #[test]
    fn the_header_says_what_follows() {
        for seconds in [0, 1, 13] {
            let file = wav(&call(seconds));
            let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
            let short = |at: usize| u16::from_le_bytes(file[at..at + 2].try_into().unwrap());
            assert_eq!(
                (&file[..4], &file[8..16], &file[36..40]),
                (&b"RIFF"[..], &b"WAVEfmt "[..], &b"data"[..])
            );
            assert_eq!(number(4) as usize, file.len() - 8);
            assert_eq!(number(16), 16, "the length of the format");
            assert_eq!((short(20), short(22)), (1, 1), "PCM, one channel");
            assert_eq!((number(24), number(28)), (8_000, 16_000), "samples and bytes a second");
            assert_eq!((short(32), short(34)), (2, 16), "bytes and bits a sample");
            assert_eq!(number(40) as usize, file.len() - 44);
            assert_eq!(number(40), seconds * 16_000);
            assert_eq!(file.len() as u64, wav_len(seconds));
            assert_eq!(samples(&file).len() as u32, seconds * RATE);
        }
    }

    #[test]
    fn the_longest_call_fits_the_format() {
        assert_eq!(wav_len(MAX_SECONDS), wav_len(u32::MAX));
        assert!(wav_len(MAX_SECONDS) - 8 <= u64::from(u32::MAX));
        assert!(wav_len(MAX_SECONDS) - 8 + BYTES_PER_SECOND > u64::from(u32::MAX));
        let parts = parts(&Turns { seconds: u32::MAX, turns: Vec::new() });
        assert_eq!(parts, [Part { speaker: None, from: 0, to: MAX_SECONDS * RATE }]);
    }

    #[test]
    fn each_speaker_has_a_tone_and_nobody_is_silence() {
        let samples = samples(&wav(&call(10)));
        // Counts how often the sound crosses zero upwards in a second.
        let pitch = |from: usize| {
            let second = &samples[from..from + RATE as usize];
            second.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count()
        };
        assert!((249..=250).contains(&pitch(8_000)) && (499..=500).contains(&pitch(48_000)));
        assert!(samples[36_000..40_000].iter().all(|sample| *sample == 0));
        assert_eq!(samples.iter().max(), Some(&8_000));
    }

    #[test]
    fn a_recording_is_always_the_same_file() {
        // A change here changes the recordings in every user's cache: raise `SOUND` next to the entity tag then.
        let file = wav(&call(12));
        assert_eq!(hex::encode(&Sha256::digest(&file)[..8]), "fcf1dd797d889f7a");
        assert_eq!(file, wav(&call(12)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn any_turns_give_a_file_of_the_right_length(
            seconds in 0_u32..4,
            turns in prop::collection::vec(
                (any::<bool>(), prop_oneof![0_u32..6_000, any::<u32>()], prop_oneof![0_u32..6_000, any::<u32>()]),
                0..8,
            ),
        ) {
            let turns = turns.into_iter().map(|(robot, from, to)| {
                Voice { speaker: if robot { Speaker::Robot } else { Speaker::User }, from, to }
            });
            let recording = Turns { seconds, turns: turns.collect() };
            let parts = parts(&recording);
            let mut heard = 0;
            for part in &parts {
                prop_assert_eq!(part.from, heard);
                prop_assert!(part.from < part.to);
                heard = part.to;
            }
            prop_assert_eq!(heard, seconds * RATE);
            prop_assert_eq!(wav(&recording).len() as u64, wav_len(seconds));
        }

        #[test]
        fn a_part_is_what_stands_there(start in 0_u64..100_000, length in 0_u64..100_000) {
            let (call, whole) = (call(5), wav(&call(5)));
            let at = |place: u64| (place as usize).min(whole.len());
            let part = read(&call, start..start + length);
            prop_assert_eq!(&part, &whole.slice(at(start)..at(start + length)));
        }
    }
}
