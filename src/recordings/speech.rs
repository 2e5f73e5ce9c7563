//! Speech without words: syllables in rhythm, with a melody, on a telephone line that is never quite silent.
//!
//! A turn is a row of phrases, a phrase a few words, a word one to three syllables; about four syllables are spoken in
//! a second. A syllable may begin with a consonant, glides from one vowel to another, and rises and falls softly. The
//! melody sinks over a phrase, as it does in most languages, and now and then rises at its end like a question.

use rand::RngExt;

use super::voice::{HIGHEST_LIFT, PEAK, Timbre, at};
use super::wav::RATE;
use crate::seed::Rng;

/// The hiss of the line, in steps of a sample to either side.
const HISS: i32 = 16;
/// How loud a consonant's rush of air gets.
const RUSH: i32 = 1_400;

// Vowel and consonant never sound together, so this is all that can add up in a sample.
const _: () = assert!(PEAK + RUSH + HISS < i16::MAX as i32);

/// Samples a syllable takes to rise, and to fall.
const RISE: u32 = samples(25);
const FALL: u32 = samples(60);
/// What is left of a turn when it is too short for a syllable.
const SHORTEST: u32 = samples(60);

const fn samples(milliseconds: u32) -> u32 {
    milliseconds * (RATE / 1_000)
}

/// Noise that costs next to nothing: Marsaglia's xorshift.
#[derive(Debug)]
pub(super) struct Noise(u32);

impl Noise {
    pub(super) fn new(rng: &mut Rng) -> Self {
        // Zero is the one state it never leaves.
        Self(rng.random::<u32>() | 1)
    }

    #[inline]
    fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    /// The next value of the line's hiss.
    #[inline]
    pub(super) fn hiss(&mut self) -> i32 {
        (self.next() >> 16) as i32 % (2 * HISS + 1) - HISS
    }

    /// The next value of a rush of air: the difference of two, which takes the rumble out of it.
    #[inline]
    fn rush(&mut self) -> i32 {
        let both = self.next();
        (both >> 16) as i32 % RUSH - (both & 0xFFFF) as i32 % RUSH
    }

    /// The line while nobody speaks.
    pub(super) fn pause(&mut self, length: u32, block: &mut Vec<i16>) {
        block.extend((0..length).map(|_| self.hiss() as i16));
    }
}

/// Somebody speaking for one turn.
pub(super) struct Turn<'a> {
    rng: Rng,
    timbre: &'a Timbre,
    noise: Noise,
    phase: u32,
    /// The pitch the last syllable ended on, in hundredths of a Hertz.
    pitch: u32,
    vowel: usize,
    /// The samples still to be spoken.
    left: u32,
}

impl<'a> Turn<'a> {
    pub(super) fn new(mut rng: Rng, timbre: &'a Timbre, length: u32) -> Self {
        let noise = Noise::new(&mut rng);
        Self { rng, timbre, noise, phase: 0, pitch: timbre.pitch, vowel: 0, left: length }
    }

    /// Speaks one phrase into the block, and the pause behind it. Nothing is added once the turn is over.
    pub(super) fn phrase(&mut self, block: &mut Vec<i16>) {
        let words = self.rng.random_range(3..=7_u32);
        let question = self.rng.random_ratio(1, 5);
        for word in 0..words {
            let syllables = *[1, 1, 2, 2, 2, 3].get(self.rng.random_range(0..6)).unwrap_or(&2);
            for syllable in 0..syllables {
                if self.left < SHORTEST {
                    return self.pause(self.left, block);
                }
                // From 12 % above the voice's pitch at the start of a phrase to 10 % below it at the end.
                let mut target = 112 - (word * 22 + syllable * 6) / words;
                if question && word + 1 == words {
                    target += 6 + syllable * 12;
                }
                let lilt = self.timbre.lilt;
                target = (target + self.rng.random_range(0..=2 * lilt) - lilt).min(HIGHEST_LIFT);
                self.syllable(self.timbre.pitch / 100 * target, syllable == 0, block);
            }
            let pause = self.rng.random_range(samples(50)..=samples(130));
            self.pause(pause, block);
        }
        let pause = self.rng.random_range(samples(150)..=samples(330));
        self.pause(pause, block);
    }

    fn pause(&mut self, length: u32, block: &mut Vec<i16>) {
        let length = length.min(self.left);
        self.noise.pause(length, block);
        self.left -= length;
    }

    fn syllable(&mut self, pitch: u32, stressed: bool, block: &mut Vec<i16>) {
        let length = self.rng.random_range(samples(150)..=samples(235)).min(self.left);
        let onset = match self.rng.random_range(0..10_u32) {
            0..3 => self.fricative(length / 3, block),
            3..6 => self.stop(length / 4, block),
            _ => 0,
        };
        let force =
            (self.timbre.loudness * self.rng.random_range(205..=if stressed { 256 } else { 225 })) >> 8;
        let (first, second) = (self.vowel, self.rng.random_range(0..self.timbre.vowels.len()));
        self.vowel = second;
        let (first, second) = (&self.timbre.vowels[first], &self.timbre.vowels[second]);

        let sounding = length - onset;
        let envelope = Envelope::of(sounding);
        let (mut step, goal) = (turn_per_sample(self.pitch), turn_per_sample(pitch));
        let bend = (i64::from(goal) - i64::from(step)) / i64::from(sounding.max(1));
        // How far the mouth has moved from the first vowel to the second, in 65,536ths.
        let (mut moved, movement) = (0, 65_536 / sounding.max(1) as i32);
        block.extend((0..sounding).map(|index| {
            let (here, there) = (at(first, self.phase), at(second, self.phase));
            let vowel = here + (((there - here) * (moved >> 8)) >> 8);
            let loud = (vowel * ((envelope.at(index) * force) >> 8)) >> 15;
            self.phase = self.phase.wrapping_add(step);
            step = step.wrapping_add_signed(bend as i32);
            moved += movement;
            (loud + self.noise.hiss()) as i16
        }));
        self.pitch = pitch;
        self.left -= sounding;
    }

    /// A consonant like *s* or *f*: air that swells and ebbs. Gives the samples it took.
    fn fricative(&mut self, most: u32, block: &mut Vec<i16>) -> u32 {
        let length = self.rng.random_range(samples(30)..=samples(70)).min(most);
        let force = (self.timbre.loudness * self.rng.random_range(90..=256)) >> 8;
        let half = (length / 2).max(1);
        for index in 0..length {
            let swell = index.min(length - index).min(half) as i32 * 256 / half as i32;
            let air = (((self.noise.rush() * force) >> 8) * swell) >> 8;
            block.push((air + self.noise.hiss()) as i16);
        }
        self.left -= length;
        length
    }

    /// A consonant like *t* or *k*: the lips or the tongue stop the air, then let it burst. Gives the samples it took.
    fn stop(&mut self, most: u32, block: &mut Vec<i16>) -> u32 {
        let closed = self.rng.random_range(samples(20)..=samples(40)).min(most);
        let burst = samples(8).min(most - closed);
        self.noise.pause(closed, block);
        for index in 0..burst {
            let ebb = ((burst - index) * 256 / burst) as i32;
            let air = (self.noise.rush() * ebb) >> 8;
            block.push((air + self.noise.hiss()) as i16);
        }
        self.left -= closed + burst;
        closed + burst
    }
}

/// The part of a full turn, being 2³², that a pitch in hundredths of a Hertz goes in a sample.
fn turn_per_sample(pitch: u32) -> u32 {
    ((u64::from(pitch) << 32) / (u64::from(RATE) * 100)) as u32
}

/// How loud a syllable is at each of its samples, in 32,768ths.
struct Envelope {
    length: u32,
    rise: u32,
    fall: u32,
}

impl Envelope {
    fn of(length: u32) -> Self {
        Self { length, rise: RISE.min(length / 3).max(1), fall: FALL.min(length / 2).max(1) }
    }

    #[inline]
    fn at(&self, index: u32) -> i32 {
        let rest = self.length - index;
        if index < self.rise {
            soft(index, self.rise)
        } else if rest <= self.fall {
            soft(rest - 1, self.fall)
        } else {
            32_768
        }
    }
}

/// A step from 0 to 32,768 without corners: 3x² - 2x³.
#[inline]
fn soft(part: u32, whole: u32) -> i32 {
    let x = (part << 15) / whole;
    let square = (x * x) >> 15;
    ((square * ((3 << 15) - 2 * x)) >> 15) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recordings::Speaker;
    use crate::seed::Seed;

    fn spoken(seed: u64, length: u32) -> Vec<i16> {
        let timbre = Timbre::of(Seed(seed), Speaker::User);
        let mut turn = Turn::new(Seed(seed).stream("test", 0), &timbre, length);
        let mut block = Vec::new();
        while turn.left > 0 {
            turn.phrase(&mut block);
        }
        turn.phrase(&mut block);
        block
    }

    #[test]
    fn a_turn_is_as_long_as_asked() {
        for length in (0..1_000).chain([samples(1_000), samples(61_234)]) {
            assert_eq!(spoken(u64::from(length), length).len(), length as usize);
        }
    }

    #[test]
    fn syllables_come_about_four_in_a_second() {
        // A syllable is heard as a swell: count how often the loudness of 10 ms goes over a threshold.
        let minute = spoken(3, samples(60_000));
        let loud = minute.chunks(80).map(|part| part.iter().any(|sample| sample.abs() > 2_500));
        let swells = loud.clone().zip(loud.skip(1)).filter(|(before, after)| !before && *after).count();
        assert!((150..=300).contains(&swells), "{swells}");
    }

    #[test]
    fn a_swell_starts_and_ends_at_nothing() {
        for length in 1..2_000 {
            let envelope = Envelope::of(length);
            let values: Vec<i32> = (0..length).map(|index| envelope.at(index)).collect();
            assert!(values.iter().all(|value| (0..=32_768).contains(value)), "{length}");
            assert_eq!((values[0], values[length as usize - 1]), (0, 0), "{length}");
        }
    }

    #[test]
    fn the_line_hisses_evenly() {
        let mut noise = Noise::new(&mut Seed(1).stream("test", 0));
        let values: Vec<i32> = (0..10_000).map(|_| noise.hiss()).collect();
        assert_eq!((values.iter().min(), values.iter().max()), (Some(&-HISS), Some(&HISS)));
        assert!(values.iter().sum::<i32>().abs() < 5_000);
    }
}
