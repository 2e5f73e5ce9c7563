//! When each event is due: the whole run is planned beforehand, by index.
//!
//! The instants depend on the plan alone, never on the receiver or this machine, and never on who asks: however many
//! workers and shards share a run, together they have exactly the instants of a single one.

use std::f64::consts::TAU;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;

use crate::language::rate::{Arrivals, Segment, Shape};
use crate::seed::{Rng, Seed};

/// A plan: maps instants to the expected number of arrivals, and back.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    legs: Vec<Leg>,
    duration: f64,
    total: f64,
}

/// A segment with its position in the run.
#[derive(Clone, Debug, PartialEq)]
struct Leg {
    shape: Shape,
    /// Start, in seconds.
    start: f64,
    /// Length, in seconds.
    length: f64,
    /// Expected number of arrivals before it.
    before: f64,
    /// Expected number of arrivals in it.
    count: f64,
}

impl Leg {
    /// Returns the expected number of arrivals within the first `time` seconds of the leg.
    fn arrivals(&self, time: f64) -> f64 {
        match self.shape {
            Shape::Constant(rate) => rate * time,
            Shape::Ramp(from, to) => from * time + (to - from) * time * time / (2.0 * self.length),
            Shape::Sine(low, high, period) => {
                let (middle, swing, period) = ((low + high) / 2.0, (high - low) / 2.0, period.as_secs_f64());
                middle * time - swing * period / TAU * (TAU * time / period).sin()
            }
        }
    }

    /// Returns when `arrivals` arrivals are expected, in seconds from the leg's start.
    fn time(&self, arrivals: f64) -> f64 {
        match self.shape {
            Shape::Constant(rate) => arrivals / rate,
            Shape::Ramp(from, to) if from == to => arrivals / from,
            Shape::Ramp(from, to) => {
                // The root of `from t + slope t² / 2 = arrivals`, in the form that does not subtract equal numbers.
                let slope = (to - from) / self.length;
                let root = (from * from + 2.0 * slope * arrivals).max(0.0).sqrt();
                if from + root > 0.0 { 2.0 * arrivals / (from + root) } else { 0.0 }
            }
            Shape::Sine(..) => {
                // The count never falls, so bisection finds it; 64 halvings reach the last bit.
                let (mut low, mut high) = (0.0, self.length);
                for _ in 0..64 {
                    let middle = f64::midpoint(low, high);
                    if self.arrivals(middle) < arrivals {
                        low = middle;
                    } else {
                        high = middle;
                    }
                }
                f64::midpoint(low, high)
            }
        }
    }
}

impl Curve {
    /// Plans segments within a duration: segments without a length share what the others leave, and segments beyond the
    /// duration are cut off. Arrivals per second are the segments' rates times `scale`.
    pub fn new(segments: &[Segment], duration: Duration, scale: f64) -> Self {
        let duration = duration.as_secs_f64();
        let given: f64 =
            segments.iter().filter_map(|segment| segment.length).map(|length| length.as_secs_f64()).sum();
        let open = segments.iter().filter(|segment| segment.length.is_none()).count();
        let share = (duration - given).max(0.0) / open.max(1) as f64;
        let mut legs: Vec<Leg> = Vec::new();
        let (mut start, mut before) = (0.0, 0.0);
        for segment in segments {
            let whole = segment.length.map_or(share, |length| length.as_secs_f64());
            let shape = match segment.shape {
                Shape::Constant(rate) => Shape::Constant(rate * scale),
                Shape::Ramp(from, to) => Shape::Ramp(from * scale, to * scale),
                Shape::Sine(low, high, period) => Shape::Sine(low * scale, high * scale, period),
            };
            let leg = Leg { shape, start, length: whole, before, count: 0.0 };
            let cut = whole.min(duration - start);
            if cut <= 0.0 {
                continue;
            }
            let count = leg.arrivals(cut);
            // A ramp that is cut keeps its slope.
            legs.push(Leg { count, ..leg });
            before += count;
            start += cut;
        }
        Self { legs, duration: start, total: before }
    }

    /// Returns the duration of the plan.
    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.duration)
    }

    /// Returns the number of expected arrivals from which on none comes any more.
    fn end(&self) -> f64 {
        // Sums of fractions may miss an integer slightly: 0.1/s for 10s is one arrival, not two.
        self.total * (1.0 - 1e-12)
    }

    /// Returns how many arrivals a whole run has, of at most `limit`, without their instants. The seed is the run's.
    pub fn count(&self, arrivals: Arrivals, seed: Seed, limit: u64) -> u64 {
        match Random::of(arrivals, seed) {
            // The numbers 0, 1, 2, ... below the end.
            None => (self.end().ceil() as u64).min(limit),
            Some(mut random) => {
                (0..limit).find(|index| random.position(*index) >= self.end()).unwrap_or(limit)
            }
        }
    }

    /// Returns the instant at which `arrivals` arrivals are expected; `None` if they never are.
    fn instant(&self, arrivals: f64) -> Option<Duration> {
        if arrivals >= self.end() {
            return None;
        }
        let leg = self.legs.partition_point(|leg| leg.before + leg.count <= arrivals);
        let leg = self.legs.get(leg)?;
        Some(Duration::from_secs_f64(leg.start + leg.time(arrivals - leg.before).clamp(0.0, leg.length)))
    }
}

/// Returns the instants of one worker's part of a run, in order: of all arrivals `0, 1, 2, ...` those whose number leaves
/// the remainder `first` when divided by `stride`.
#[derive(Debug)]
pub struct Pacer {
    curve: Arc<Curve>,
    stride: u64,
    limit: u64,
    /// The number of the next arrival.
    index: u64,
    random: Option<Random>,
    next: Option<Duration>,
}

/// A Poisson process: unit gaps on the axis of expected arrivals, which the curve stretches to times.
#[derive(Debug)]
struct Random {
    rng: Rng,
    /// Number of gaps drawn.
    drawn: u64,
    position: f64,
}

impl Random {
    /// Returns the process of random arrivals; `None` for even ones.
    fn of(arrivals: Arrivals, seed: Seed) -> Option<Self> {
        (arrivals == Arrivals::Poisson).then(|| Self {
            rng: seed.stream("arrivals", 0),
            drawn: 0,
            position: 0.0,
        })
    }

    /// Returns the position of an arrival. Every part of a run draws every gap, so that all parts agree.
    fn position(&mut self, index: u64) -> f64 {
        while self.drawn <= index {
            // `1 - u` is never 0.
            self.position -= (1.0 - self.rng.random::<f64>()).ln();
            self.drawn += 1;
        }
        self.position
    }
}

impl Pacer {
    /// Every `stride`-th arrival from `first` on, of at most `limit` in the whole run. The seed is the run's.
    pub fn new(
        curve: Arc<Curve>,
        arrivals: Arrivals,
        seed: Seed,
        first: u64,
        stride: u64,
        limit: u64,
    ) -> Self {
        let random = Random::of(arrivals, seed);
        let mut pacer = Self { curve, stride: stride.max(1), limit, index: first, random, next: None };
        pacer.find();
        pacer
    }

    fn find(&mut self) {
        if self.index >= self.limit {
            self.next = None;
            return;
        }
        let position = match &mut self.random {
            None => self.index as f64,
            Some(random) => random.position(self.index),
        };
        self.next = self.curve.instant(position);
    }

    /// Returns the number and the instant of the next arrival; `None` after the last one.
    pub fn peek(&self) -> Option<(u64, Duration)> {
        self.next.map(|at| (self.index, at))
    }

    /// Moves on to the next arrival.
    pub fn advance(&mut self) {
        self.index = self.index.saturating_add(self.stride);
        self.find();
    }
}

impl Iterator for Pacer {
    type Item = (u64, Duration);

    fn next(&mut self) -> Option<(u64, Duration)> {
        let next = self.peek()?;
        self.advance();
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::language::RateProfile;

    fn curve(rate: &str, seconds: f64) -> Arc<Curve> {
        let RateProfile::Planned(segments) = rate.parse().unwrap() else { panic!("{rate} has no plan") };
        Arc::new(Curve::new(&segments, Duration::from_secs_f64(seconds), 1.0))
    }

    fn all(curve: &Arc<Curve>, arrivals: Arrivals) -> Vec<Duration> {
        let pacer = Pacer::new(Arc::clone(curve), arrivals, Seed(1), 0, 1, u64::MAX);
        pacer
            .enumerate()
            .map(|(count, (index, at))| {
                assert_eq!(count as u64, index);
                at
            })
            .collect()
    }

    #[test]
    fn the_kth_event_of_a_constant_rate_is_due_after_k_periods() {
        for (rate, period) in [("1000/s", 1_000_000), ("10000/s", 100_000), ("8/s", 125_000_000)] {
            let instants = all(&curve(rate, 30.0), Arrivals::Even);
            for (k, at) in instants.iter().enumerate() {
                assert_eq!(*at, Duration::from_nanos(k as u64 * period), "{rate} {k}");
            }
            assert_eq!(instants.len() as u64, 30_000_000_000 / period);
        }
    }

    #[test]
    fn fractions_do_not_add_or_lose_an_event() {
        for (rate, seconds, count) in [
            ("0.1/s", 10.0, 1),
            ("0.1/s", 10.1, 2),
            ("3/s", 1.0, 3),
            ("7/m", 60.0, 7),
            ("333/s", 3.0, 999),
            ("0/s for 5s, 1/s", 5.0, 0),
        ] {
            assert_eq!(all(&curve(rate, seconds), Arrivals::Even).len(), count, "{rate} for {seconds} s");
        }
    }

    #[test]
    fn arrivals_are_counted_without_their_instants() {
        // More than anyone could go through one by one.
        let day = curve("1000000/s~3000000/s every 1m", 86_400.0);
        assert_eq!(day.count(Arrivals::Even, Seed(1), u64::MAX), 172_800_000_000);
        assert_eq!(day.count(Arrivals::Even, Seed(1), 7), 7);
        assert_eq!(day.count(Arrivals::Poisson, Seed(1), 7), 7);
    }

    #[test]
    fn a_ramp_is_as_steep_as_said() {
        // N(t) = 100 t + 45 t²: the instants of the ends and the middle are known.
        let instants = all(&curve("100/s..1000/s", 10.0), Arrivals::Even);
        assert_eq!(instants.len(), 5500);
        for k in [0_usize, 1, 55, 1000, 1625, 5499] {
            let t = instants[k].as_secs_f64();
            assert!((100.0 * t + 45.0 * t * t - k as f64).abs() < 1e-4, "{k} at {t}");
        }
        let down = all(&curve("1000/s..0/s", 10.0), Arrivals::Even);
        assert_eq!(down.len(), 5000);
        let up = all(&curve("0/s..1000/s", 10.0), Arrivals::Even);
        assert_eq!((up.len(), up[0]), (5000, Duration::ZERO));
        assert!(down.is_sorted() && *down.last().unwrap() < Duration::from_secs(10));
    }

    #[test]
    fn steps_follow_each_other() {
        let instants = all(&curve("10/s for 1s, 0/s for 2s, 20/s", 4.0), Arrivals::Even);
        let tenth = |k: u64| Duration::from_millis(100 * k);
        assert_eq!(instants[..10], (0..10).map(tenth).collect::<Vec<_>>());
        assert_eq!(instants[10], Duration::from_secs(3));
        assert_eq!(instants[11], Duration::from_millis(3050));
        assert_eq!(instants.len(), 30);
        // Segments without lengths share the time.
        assert_eq!(all(&curve("10/s, 20/s, 30/s", 3.0), Arrivals::Even).len(), 60);
    }

    #[test]
    fn a_wave_swings_between_its_rates() {
        let instants = all(&curve("100/s~500/s every 10s", 20.0), Arrivals::Even);
        assert_eq!(instants.len(), 6000);
        let within =
            |from: f64, to: f64| instants.iter().filter(|at| (from..to).contains(&at.as_secs_f64())).count();
        // 100/s around the trough, 500/s around the crest, the same in every wave.
        assert!((95..=115).contains(&(within(9.5, 10.5))), "{}", within(9.5, 10.5));
        assert!((485..=505).contains(&(within(4.5, 5.5))), "{}", within(4.5, 5.5));
        assert_eq!(within(0.0, 10.0), 3000);
    }

    #[test]
    fn poisson_gaps_are_exponential() {
        let instants = all(&curve("1000/s", 100.0), Arrivals::Poisson);
        let count = instants.len() as f64;
        // Four standard deviations around the mean.
        assert!((count - 100_000.0).abs() < 4.0 * 100_000.0_f64.sqrt(), "{count}");
        let gaps: Vec<f64> = instants.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean * 1000.0 - 1.0).abs() < 0.02, "{mean}");
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.02, "{}", variance.sqrt() / mean);
        // The share of gaps longer than the mean is 1/e.
        let longer = gaps.iter().filter(|gap| **gap > 0.001).count() as f64 / gaps.len() as f64;
        assert!((longer - 1.0_f64.exp().recip()).abs() < 0.01, "{longer}");
    }

    proptest! {
        #[test]
        fn parts_are_the_whole(
            parts in 1_u64..9,
            rate in prop_oneof![Just("500/s"), Just("1/s..700/s"), Just("10/s~300/s every 1s"), Just("100/s for 1s, 300/s")],
            poisson: bool,
        ) {
            let arrivals = if poisson { Arrivals::Poisson } else { Arrivals::Even };
            let curve = curve(rate, 3.0);
            let mut joined: Vec<(u64, Duration)> = (0..parts)
                .flat_map(|part| Pacer::new(Arc::clone(&curve), arrivals, Seed(1), part, parts, u64::MAX))
                .collect();
            joined.sort();
            let whole: Vec<Duration> = all(&curve, arrivals);
            prop_assert_eq!(curve.count(arrivals, Seed(1), u64::MAX), whole.len() as u64);
            prop_assert_eq!(joined.len(), whole.len());
            prop_assert!(joined.iter().zip(&whole).enumerate().all(|(k, (one, at))| *one == (k as u64, *at)));
            prop_assert!(whole.is_sorted());
        }
    }
}
