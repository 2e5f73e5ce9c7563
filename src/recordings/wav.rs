//! A recording as a WAV file in the format of the telephone: 8,000 samples of 16 bits a second, one channel.

use std::cell::OnceCell;
use std::io::Cursor;

use bytes::Bytes;
use hound::{SampleFormat, WavSpec, WavWriter};

use super::recording::{Recording, Speaker};
use super::speech::{Noise, Turn};
use super::voice::Timbre;
use crate::seed::Seed;

/// Samples a second.
pub(super) const RATE: u32 = 8_000;
const BYTES_PER_SECOND: u64 = 2 * RATE as u64;
const HEADER: u64 = 44;

/// The longest recording in seconds, a little over three days: the sizes in a WAV file have 32 bits. Longer calls are
/// cut here.
pub const MAX_SECONDS: u32 = ((u32::MAX as u64 - (HEADER - 8)) / BYTES_PER_SECOND) as u32;

const SPEC: WavSpec =
    WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: SampleFormat::Int };

/// The length in bytes of the file of a call, without making it.
pub fn wav_len(seconds: u32) -> u64 {
    HEADER + u64::from(seconds.min(MAX_SECONDS)) * BYTES_PER_SECOND
}

/// The file of a recording. It takes memory for the file itself and for the phrase being spoken.
pub fn wav(recording: &Recording) -> Bytes {
    let mut file = Vec::with_capacity(usize::try_from(wav_len(recording.seconds)).unwrap_or(0));
    record(recording, &mut file).expect("writing to memory does not fail");
    Bytes::from(file)
}

fn record(recording: &Recording, file: &mut Vec<u8>) -> Result<(), hound::Error> {
    let mut writer = WavWriter::new(Cursor::new(file), SPEC)?;
    let mut block = Vec::new();
    let mut write = |block: &mut Vec<i16>| {
        let mut samples = writer.get_i16_writer(u32::try_from(block.len()).unwrap_or(u32::MAX));
        block.drain(..).for_each(|sample| samples.write_sample(sample));
        samples.flush()
    };

    let seed = Seed(recording.seed);
    // Most of what a short file costs, so only whoever speaks gets one.
    let (robot, user) = (OnceCell::new(), OnceCell::new());
    let mut line = Noise::new(&mut seed.stream("recording line", 0));
    for part in parts(recording) {
        let mut left = part.to - part.from;
        let mut turn = part.speaker.map(|speaker| {
            let voice = match speaker {
                Speaker::Robot => &robot,
                Speaker::User => &user,
            };
            let timbre = voice.get_or_init(|| Timbre::of(seed, speaker));
            // Drawn from where the turn begins: what one of them says leaves the others as they are.
            Turn::new(seed.stream("recording turn", u64::from(part.from)), timbre, left)
        });
        while left > 0 {
            match &mut turn {
                Some(turn) => turn.phrase(&mut block),
                None => line.pause(left.min(RATE), &mut block),
            }
            left -= u32::try_from(block.len()).unwrap_or(left);
            write(&mut block)?;
        }
    }
    writer.finalize()
}

/// A stretch of the file, in samples.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    /// Who speaks; nobody, and only the line is heard.
    speaker: Option<Speaker>,
    from: u32,
    to: u32,
}

/// The file from its first sample to its last, in stretches without gap or overlap.
fn parts(recording: &Recording) -> Vec<Part> {
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
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::recordings::Voice;

    /// Turns of four seconds with half a second between them, the robot first.
    fn call(seed: u64, seconds: u32) -> Recording {
        let turns = (0..seconds.div_ceil(5)).map(|turn| {
            let speaker = if turn % 2 == 0 { Speaker::Robot } else { Speaker::User };
            Voice { speaker, from: turn * 5_000, to: turn * 5_000 + 4_500 }
        });
        Recording { seed, seconds, turns: turns.collect() }
    }

    fn samples(file: &[u8]) -> Vec<i16> {
        let reader = hound::WavReader::new(file).unwrap();
        assert_eq!(reader.spec(), SPEC);
        reader.into_samples().map(Result::unwrap).collect()
    }

    fn loudness(samples: &[i16]) -> f64 {
        let energy: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        (energy / samples.len() as f64).sqrt()
    }

    /// The pitch heard most in a stretch, by autocorrelation over frames of 40 ms, in Hertz.
    fn pitch(samples: &[i16]) -> u32 {
        let mut heard = Vec::new();
        for frame in samples.chunks_exact(320).filter(|frame| loudness(frame) > 1_500.0) {
            let alike = |lag: usize| -> i64 {
                let pairs = frame.iter().zip(&frame[lag..]);
                pairs.map(|(a, b)| i64::from(*a) * i64::from(*b)).sum::<i64>() / (320 - lag as i64)
            };
            heard.extend((25..114).max_by_key(|lag| alike(*lag)).map(|lag| RATE / lag as u32));
        }
        heard.sort_unstable();
        heard[heard.len() / 2]
    }

    /// The sizes of the chunks, read by hand.
    #[test]
    fn the_header_says_what_follows() {
        for seconds in [0, 1, 13] {
            let file = wav(&call(1, seconds));
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
        let parts = parts(&Recording { seed: 1, seconds: u32::MAX, turns: Vec::new() });
        assert_eq!(parts, [Part { speaker: None, from: 0, to: MAX_SECONDS * RATE }]);
    }

    #[test]
    fn whoever_speaks_is_heard_and_nobody_is_cut_off() {
        for seed in 0..8 {
            let recording = call(seed, 60);
            let samples = samples(&wav(&recording));
            for turn in &recording.turns {
                for second in (turn.from / 1_000 * RATE..).step_by(RATE as usize).take(4) {
                    let heard = loudness(&samples[second as usize..][..RATE as usize]);
                    assert!(heard > 1_000.0, "{seed}: {heard} at {second}");
                }
                let pause = &samples[(turn.to * 8) as usize..][..4_000];
                assert!(pause.iter().any(|sample| *sample != 0));
                assert!(loudness(pause) < 20.0);
            }
            let peak = samples.iter().map(|sample| i32::from(*sample).abs()).max();
            assert!(peak < Some(i32::from(i16::MAX) / 2), "{peak:?}");
            // No direct current, and never more than a few equal samples in a row.
            let sum: i64 = samples.iter().map(|sample| i64::from(*sample)).sum();
            assert!(sum.abs() / (samples.len() as i64) < 30);
            assert!(samples.windows(12).all(|window| window.iter().any(|sample| *sample != window[0])));
        }
    }

    #[test]
    fn the_two_are_told_apart() {
        for seed in 0..8 {
            let samples = samples(&wav(&call(seed, 20)));
            let (robot, user) = (pitch(&samples[..36_000]), pitch(&samples[40_000..76_000]));
            assert!((85..=140).contains(&robot) && (150..=275).contains(&user), "{seed}: {robot} {user}");
            assert!(robot * 13 / 10 < user, "{seed}: {robot} {user}");
        }
    }

    #[test]
    fn a_recording_is_always_the_same_file() {
        // Everybody's stored recordings would change with this: raise `SOUND` next to the entity tag then.
        let file = wav(&call(7, 12));
        assert_eq!(hex::encode(&Sha256::digest(&file)[..8]), "074512a8e106b108");
        assert_eq!(file, wav(&call(7, 12)));
        assert_ne!(file, wav(&call(8, 12)));
    }

    #[test]
    fn a_turn_sounds_the_same_whatever_the_others_say() {
        let long = call(7, 12);
        let mut short = long.clone();
        short.turns[0].to = 1_000;
        let (long, short) = (samples(&wav(&long)), samples(&wav(&short)));
        assert_ne!(long[..36_000], short[..36_000]);
        assert_eq!(long[40_000..76_000], short[40_000..76_000]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn any_turns_give_a_file_of_the_right_length(
            seed: u64,
            seconds in 0_u32..4,
            turns in prop::collection::vec(
                (any::<bool>(), prop_oneof![0_u32..6_000, any::<u32>()], prop_oneof![0_u32..6_000, any::<u32>()]),
                0..8,
            ),
        ) {
            let turns = turns.into_iter().map(|(robot, from, to)| {
                Voice { speaker: if robot { Speaker::Robot } else { Speaker::User }, from, to }
            });
            let recording = Recording { seed, seconds, turns: turns.collect() };
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
    }
}
