//! The sound of a voice: its pitch, and one period of each of its vowels.
//!
//! A vowel is a buzz at the pitch of the voice whose overtones are loud near a few resonances of the throat, the
//! formants. Pitch and formants are what a listener tells people apart by. A period is summed up once per voice and
//! then only read, at any speed, which makes a recording as cheap as a table look-up per sample.
//!
//! All of it is integer arithmetic. The sine of the standard library may differ in its last bits from one platform to
//! the next, and a recording must be the same file everywhere.

use rand::RngExt;

use super::recording::Speaker;
use crate::seed::{Rng, Seed};

/// Points of a period.
pub(super) const PERIOD: usize = 256;
const PERIOD_BITS: u32 = PERIOD.trailing_zeros();

/// The loudest a period gets, well below the 32,767 of a sample.
pub(super) const PEAK: i32 = 11_000;

/// The telephone lets nothing through above this, and what lies above half the sample rate would come back as a
/// whistle.
const BAND: u32 = 3_400;

/// How far the melody of speech may lift the pitch, in percent. The overtones must stay in the band even then.
pub(super) const HIGHEST_LIFT: u32 = 140;

/// The first three formants of the vowels of an average male speaker, in Hz: a, e, i, o, u.
const VOWELS: [[u32; 3]; 5] =
    [[730, 1_090, 2_440], [530, 1_840, 2_480], [270, 2_290, 3_010], [570, 840, 2_410], [300, 870, 2_240]];

/// How loud the formants are, and how wide, in Hz.
const FORMANTS: [(u32, u32); 3] = [(1_000, 90), (500, 110), (250, 150)];

/// A sine by Bhaskara's formula, `4x(N-x)` over `5N²/4 - x(N-x)` for half a turn of `N` steps. It is off by 0.2 % at
/// most, far below what can be heard, and needs nothing but whole numbers.
const SINE: [i32; PERIOD] = {
    let half = PERIOD as i32 / 2;
    let mut table = [0; PERIOD];
    let mut index = 0;
    while index < PERIOD {
        let step = index as i32 % half;
        let arc = step * (half - step);
        let value = (4 * arc as i64 * 32_767 / (5 * half as i64 * half as i64 / 4 - arc as i64)) as i32;
        table[index] = if (index as i32) < half { value } else { -value };
        index += 1;
    }
    table
};

/// One period of a vowel.
pub(super) type Period = [i16; PERIOD];

/// A voice.
#[derive(Clone, Debug)]
pub(super) struct Timbre {
    /// How high it speaks, in hundredths of a Hertz.
    pub(super) pitch: u32,
    /// How far the melody goes up and down, in percent of the pitch.
    pub(super) lilt: u32,
    /// How loud it is on the line, in 256ths.
    pub(super) loudness: i32,
    /// One period of every vowel.
    pub(super) vowels: [Period; VOWELS.len()],
}

impl Timbre {
    /// The voice of a speaker in the call of a seed. The robot is the same kind of low and even voice in all calls;
    /// people differ.
    pub(super) fn of(seed: Seed, speaker: Speaker) -> Self {
        match speaker {
            Speaker::Robot => {
                let mut rng = seed.stream("recording robot", 0);
                Self::draw(&mut rng, 98..=122, 94..=102, 5, 256)
            }
            Speaker::User => {
                let mut rng = seed.stream("recording user", 0);
                Self::draw(&mut rng, 168..=232, 108..=120, 13, 215)
            }
        }
    }

    fn draw(
        rng: &mut Rng,
        hertz: std::ops::RangeInclusive<u32>,
        size: std::ops::RangeInclusive<u32>,
        lilt: u32,
        loudness: i32,
    ) -> Self {
        let pitch = rng.random_range(hertz);
        let size = rng.random_range(size);
        Self {
            pitch: pitch * 100,
            lilt,
            loudness,
            vowels: VOWELS.map(|formants| period(pitch, formants.map(|formant| formant * size / 100))),
        }
    }
}

/// Sums up the overtones of a pitch that the band lets through.
fn period(pitch: u32, formants: [u32; 3]) -> Period {
    let mut sum = [0_i32; PERIOD];
    let overtones = BAND * 100 / (pitch * HIGHEST_LIFT);
    for overtone in 1..=overtones {
        let weight = weight(overtone * pitch, formants);
        // Phases that grow with the square keep the overtones from peaking all at once, which would leave the rest
        // of the period quiet once the peak is brought down.
        let mut phase = (overtone * overtone * 23) as usize % PERIOD;
        for value in &mut sum {
            *value += SINE[phase] * weight / 64;
            phase = (phase + overtone as usize) % PERIOD;
        }
    }
    let peak = sum.iter().map(|value| value.abs()).max().unwrap_or(0).max(1);
    sum.map(|value| (i64::from(value) * i64::from(PEAK) / i64::from(peak)) as i16)
}

/// How loud an overtone is, up to about 1,750.
fn weight(hertz: u32, formants: [u32; 3]) -> i32 {
    let mut weight = 0;
    for (formant, (gain, width)) in formants.into_iter().zip(FORMANTS) {
        let distance = hertz.abs_diff(formant);
        weight += gain * width * width / (width * width + distance * distance);
    }
    // The fundamental is heard a little even where no formant is near, and gives the voice its body.
    if hertz < 260 {
        weight += 180;
    }
    weight as i32 + 4
}

/// The value of a period at a phase, a full turn being 2³², straight between its points.
#[inline]
pub(super) fn at(period: &Period, phase: u32) -> i32 {
    let index = (phase >> (32 - PERIOD_BITS)) as usize;
    let between = (phase >> (32 - PERIOD_BITS - 8) & 0xFF) as i32;
    let (here, next) = (i32::from(period[index]), i32::from(period[(index + 1) % PERIOD]));
    here + (((next - here) * between) >> 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sine_is_one() {
        for (index, value) in SINE.iter().enumerate() {
            let exact = (index as f64 / PERIOD as f64 * std::f64::consts::TAU).sin();
            assert!((f64::from(*value) / 32_767.0 - exact).abs() < 0.002, "{index}: {value}");
        }
    }

    #[test]
    fn people_differ_and_the_robot_is_always_lower() {
        let mut pitches = std::collections::BTreeSet::new();
        for seed in 0..200 {
            let (robot, user) =
                (Timbre::of(Seed(seed), Speaker::Robot), Timbre::of(Seed(seed), Speaker::User));
            assert!(robot.pitch * 13 / 10 < user.pitch, "{} {}", robot.pitch, user.pitch);
            pitches.insert(user.pitch);
            for period in robot.vowels.iter().chain(&user.vowels) {
                let peak = period.iter().map(|value| i32::from(*value).abs()).max();
                assert_eq!(peak, Some(PEAK));
                let mean = period.iter().map(|value| i32::from(*value)).sum::<i32>() / PERIOD as i32;
                assert!(mean.abs() < 100, "{mean}");
            }
        }
        assert!(pitches.len() > 40, "{}", pitches.len());
    }

    #[test]
    fn between_two_points_it_goes_straight() {
        let mut period = [0; PERIOD];
        period[0] = 1_000;
        period[PERIOD - 1] = -1_000;
        assert_eq!(at(&period, 0), 1_000);
        assert_eq!(at(&period, 1 << 23), 500);
        assert_eq!(at(&period, 1 << 24), 0);
        assert_eq!(at(&period, u32::MAX), 992);
    }
}
