//! Delays, drawn as a file specifies.

use std::f64::consts::TAU;
use std::time::Duration;

use rand::RngExt;

use crate::faults::{DelayFile, SpreadFile};
use crate::seed::Rng;

/// The number of standard deviations above the mean of a normal distribution below which 99 of 100 values lie.
const P99: f64 = 2.326_347_874_040_841;

/// Maximum deviation. Values farther out are drawn once in millions of times; a delay of hours would look like a fault of
/// another kind.
const FARTHEST: f64 = 5.0;

/// Draws a delay.
pub(super) fn draw(delay: DelayFile, rng: &mut Rng) -> Duration {
    match delay {
        DelayFile::Range(range) => range.draw(rng),
        DelayFile::Spread(spread) => log_normal(spread, rng),
    }
}

/// Draws a delay whose logarithm is normally distributed: few are much shorter, some are much longer.
fn log_normal(spread: SpreadFile, rng: &mut Rng) -> Duration {
    let (median, p99) = (spread.median.0.as_secs_f64(), spread.p99.0.as_secs_f64());
    let deviation = (p99 / median).ln() / P99;
    let drawn = median * (deviation * normal(rng)).exp();
    // A median of 0, which the check of the file refuses, has no logarithm.
    Duration::try_from_secs_f64(drawn).unwrap_or(spread.p99.0)
}

/// Draws a value of the standard normal distribution, by the method of Box and Muller.
fn normal(rng: &mut Rng) -> f64 {
    // 1 minus a value below 1 is never 0, which has no logarithm.
    let (radius, angle) = (1.0 - rng.random::<f64>(), rng.random::<f64>());
    ((-2.0 * radius.ln()).sqrt() * (TAU * angle).cos()).clamp(-FARTHEST, FARTHEST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::Seed;

    #[test]
    fn a_spread_has_its_median_and_its_p99() {
        let spread = SpreadFile { median: "100ms".parse().unwrap(), p99: "2s".parse().unwrap() };
        let mut rng = Seed(7).stream("test", 0);
        let mut drawn: Vec<Duration> =
            (0..10_000).map(|_| draw(DelayFile::Spread(spread), &mut rng)).collect();
        drawn.sort();
        let [median, p99] = [5_000, 9_900].map(|at| drawn[at].as_millis());
        assert!((93..=107).contains(&median), "{median} ms");
        assert!((1_750..=2_250).contains(&p99), "{p99} ms");
        assert!(drawn[0] > Duration::ZERO);
    }

    #[test]
    fn a_spread_may_be_none() {
        let second = "1s".parse().unwrap();
        let mut rng = Seed(7).stream("test", 0);
        let spread = SpreadFile { median: second, p99: second };
        assert_eq!(draw(DelayFile::Spread(spread), &mut rng), second.0);
        let nothing = SpreadFile { median: "0".parse().unwrap(), p99: second };
        assert!(draw(DelayFile::Spread(nothing), &mut rng) <= second.0);
    }
}
