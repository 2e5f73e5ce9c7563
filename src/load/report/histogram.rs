//! Distributions of times, from which percentiles are read and by which several runs are merged.

use std::time::Duration;

use hdrhistogram::Histogram as Hdr;
use serde::de::Error as _;
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest time that is distinguished, in microseconds: an hour. Longer ones count as an hour.
const LONGEST: u64 = 3_600_000_000;

/// The percentiles every report names.
pub const PERCENTILES: [f64; 7] = [50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99];

/// A distribution of times, in microseconds.
///
/// In files it is an object: `count`, `min_us`, `mean_us`, `max_us`, the percentiles as `p50` to `p99.99` in microseconds,
/// and the whole distribution: `digits`, the precision of times in digits, and `times`, pairs `MICROSECONDS:COUNT` in
/// ascending order. Only these two are read back; the rest is for people and for `jq`.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram(Hdr<u64>);

impl Default for Histogram {
    fn default() -> Self {
        Self::fine()
    }
}

impl Histogram {
    /// For a whole run: values are distinguished to a thousandth.
    pub fn fine() -> Self {
        Self::with_digits(3)
    }

    /// For an interval of a run: values are distinguished to a hundredth.
    pub fn coarse() -> Self {
        Self::with_digits(2)
    }

    fn with_digits(digits: u8) -> Self {
        Self(Hdr::new_with_bounds(1, LONGEST, digits).expect("the bounds are constant and in range"))
    }

    /// Records one time. Less than a microsecond counts as one.
    pub fn record(&mut self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record(micros.max(1));
    }

    /// Adds all times of another histogram.
    pub fn add(&mut self, other: &Self) {
        // Both have the same bounds, or the other came from a file and is cut to them.
        if self.0.add(&other.0).is_err() {
            for step in other.0.iter_recorded() {
                self.0.saturating_record_n(step.value_iterated_to(), step.count_since_last_iteration());
            }
        }
    }

    /// Returns the number of recorded times.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// Returns the time that this percentage of all times does not exceed; zero if there are none.
    pub fn percentile(&self, percent: f64) -> Duration {
        Duration::from_micros(if self.0.is_empty() { 0 } else { self.0.value_at_percentile(percent) })
    }

    /// Returns the longest time.
    pub fn max(&self) -> Duration {
        Duration::from_micros(self.0.max())
    }

    /// Returns the shortest time; zero if there are none.
    pub fn min(&self) -> Duration {
        Duration::from_micros(if self.0.is_empty() { 0 } else { self.0.min() })
    }

    /// Returns the mean.
    pub fn mean(&self) -> Duration {
        Duration::from_micros(self.0.mean().round() as u64)
    }

    /// Returns points of the curve of percentiles, `(percent, time)`, denser towards 100, for charts.
    pub fn curve(&self) -> Vec<(f64, Duration)> {
        let steps = self.0.iter_quantiles(5);
        steps
            .map(|step| {
                (step.quantile_iterated_to() * 100.0, Duration::from_micros(step.value_iterated_to()))
            })
            .collect()
    }
}

impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("count", &self.count())?;
        map.serialize_entry("min_us", &micros(self.min()))?;
        map.serialize_entry("mean_us", &micros(self.mean()))?;
        map.serialize_entry("max_us", &micros(self.max()))?;
        for percent in PERCENTILES {
            map.serialize_entry(&format!("p{percent}"), &micros(self.percentile(percent)))?;
        }
        map.serialize_entry("digits", &self.0.sigfig())?;
        let times = self.0.iter_recorded();
        let times = times.map(|step| format!("{}:{}", step.value_iterated_to(), step.count_at_value()));
        map.serialize_entry("times", &times.collect::<Vec<_>>().join(" "))?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Histogram {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Read {
            digits: u8,
            times: String,
        }
        let Read { digits, times } = Read::deserialize(deserializer)?;
        if !(1..=5).contains(&digits) {
            return Err(D::Error::custom(format!("`digits` is {digits}, not 1 to 5")));
        }
        let mut histogram = Self::with_digits(digits);
        for text in times.split_ascii_whitespace() {
            let pair = text
                .split_once(':')
                .and_then(|(micros, count)| Some((micros.parse::<u64>().ok()?, count.parse::<u64>().ok()?)));
            let (micros, count) = pair
                .ok_or_else(|| D::Error::custom(format!("`{text}` in `times` is no MICROSECONDS:COUNT")))?;
            histogram.0.saturating_record_n(micros, count);
        }
        Ok(histogram)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_keep_every_count() {
        let mut histogram = Histogram::fine();
        for micros in (1..20_000).step_by(7) {
            histogram.record(Duration::from_micros(micros));
        }
        histogram.record(Duration::from_secs(10));
        let text = serde_json::to_string(&histogram).unwrap();
        let read: Histogram = serde_json::from_str(&text).unwrap();
        assert_eq!(read.count(), histogram.count());
        assert_eq!(read.percentile(99.0), histogram.percentile(99.0));
        assert_eq!(serde_json::to_string(&read).unwrap(), text);

        let mut sum = Histogram::fine();
        sum.add(&read);
        sum.add(&read);
        assert_eq!(sum.count(), 2 * histogram.count());
        assert_eq!(sum.percentile(99.0), histogram.percentile(99.0));
    }

    #[test]
    fn nothing_counted_is_zero() {
        let histogram = Histogram::coarse();
        assert_eq!(histogram.percentile(99.0), Duration::ZERO);
        assert_eq!(histogram.max(), Duration::ZERO);
        assert_eq!(histogram.min(), Duration::ZERO);
        let text = serde_json::to_string(&histogram).unwrap();
        assert_eq!(serde_json::from_str::<Histogram>(&text).unwrap().count(), 0);
    }

    #[test]
    fn what_no_histogram_is_errs() {
        for wrong in [
            r#"{"digits":3,"times":"5"}"#,
            r#"{"digits":3,"times":"5:x"}"#,
            r#"{"digits":3,"times":"-1:1"}"#,
            r#"{"digits":0,"times":""}"#,
            r#"{"times":"5:1"}"#,
            "{}",
        ] {
            assert!(serde_json::from_str::<Histogram>(wrong).is_err(), "{wrong}");
        }
    }
}
