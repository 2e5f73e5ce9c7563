//! The numbers of a report that conditions refer to: `p99`, `send.p99.9`, `errors`, `rate`.

use std::fmt;
use std::str::FromStr;

use super::data::Report;
use super::histogram::Histogram;
use super::units;
use crate::files::suggest::nearest;

/// The names of times that are suggested; every other percentile is valid too.
const TIMES: [&str; 9] = ["p50", "p75", "p90", "p95", "p99", "p99.9", "p99.99", "max", "mean"];

/// The prefixes of times: from which and to which moment they are measured.
const CLOCKS: [(&str, Clock); 3] = [("planned", Clock::Planned), ("send", Clock::Send), ("lag", Clock::Lag)];

/// The names of metrics that are not times.
const OTHERS: [(&str, Metric); 7] = [
    ("errors", Metric::Errors),
    ("timeouts", Metric::Timeouts),
    ("late", Metric::Late),
    ("dropped", Metric::Dropped),
    ("rate", Metric::Rate),
    ("busy", Metric::Busy),
    ("cpu", Metric::Cpu),
];

/// Looks up a name in a list.
fn named<T: Copy>(list: &[(&str, T)], name: &str) -> Option<T> {
    list.iter().find(|(other, _)| *other == name).map(|(_, value)| *value)
}

/// One number of a report.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Metric {
    /// A statistic of a time.
    Time(Clock, Statistic),
    /// Planned events that did not end well, in percent of all planned ones.
    Errors,
    /// Events that were not answered in time, in percent of all planned ones.
    Timeouts,
    /// Events that were sent late, in percent of all planned ones.
    Late,
    /// Events that were never sent, in percent of all planned ones.
    Dropped,
    /// Events answered as wanted, per second.
    Rate,
    /// The used share of the workers' cores, in percent.
    Busy,
    /// CPU time per event.
    Cpu,
    /// Peak memory of the sender.
    Memory,
}

/// From which and to which moment a time is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// From the planned instant to the end of the response. Its metrics have no prefix.
    Planned,
    /// From the writing to the end of the response: `send.`.
    Send,
    /// From the planned instant to the writing: `lag.`.
    Lag,
}

/// A statistic of many times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    /// The time that this percentage does not exceed.
    Percentile(f64),
    /// The longest time.
    Max,
    /// The mean.
    Mean,
}

/// The unit of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Microseconds.
    Micros,
    /// Percent, 0 to 100.
    Percent,
    /// Per second.
    PerSecond,
    /// Bytes.
    Bytes,
}

impl Unit {
    /// Formats a number of this unit.
    pub fn show(self, number: f64) -> String {
        match self {
            Self::Micros => units::micros(number),
            Self::Percent => units::percent(number),
            Self::PerSecond => units::rate(number),
            Self::Bytes => units::bytes(number.max(0.0) as u64),
        }
    }
}

impl Metric {
    /// Returns its unit.
    pub fn unit(self) -> Unit {
        match self {
            Self::Time(..) | Self::Cpu => Unit::Micros,
            Self::Errors | Self::Timeouts | Self::Late | Self::Dropped | Self::Busy => Unit::Percent,
            Self::Rate => Unit::PerSecond,
            Self::Memory => Unit::Bytes,
        }
    }

    /// Whether a higher value is better.
    pub fn more_is_better(self) -> bool {
        self == Self::Rate
    }

    /// Returns its value in a report, in its unit. `None` if there is no data for it: without responses there are no times.
    pub fn of(self, report: &Report) -> Option<f64> {
        let counts = &report.counts;
        let wanted = counts.wanted();
        let share = |part: u64| (wanted > 0).then(|| part as f64 * 100.0 / wanted as f64);
        match self {
            Self::Time(clock, statistic) => statistic.of(clock.of(report)),
            Self::Errors => share(wanted).map(|_| report.error_share() * 100.0),
            Self::Timeouts => share(counts.timed_out),
            Self::Late => share(counts.late),
            Self::Dropped => share(counts.dropped),
            Self::Rate => Some(report.throughput()),
            Self::Busy => Some(report.sender.busy * 100.0),
            Self::Cpu => (counts.sent > 0).then_some(report.sender.cpu_per_event_us),
            Self::Memory => (report.sender.peak_bytes > 0).then_some(report.sender.peak_bytes as f64),
        }
    }
}

impl Clock {
    fn of(self, report: &Report) -> &Histogram {
        match self {
            Self::Planned => &report.latency.planned,
            Self::Send => &report.latency.sent,
            Self::Lag => &report.latency.lag,
        }
    }
}

impl Statistic {
    fn of(self, times: &Histogram) -> Option<f64> {
        let time = match self {
            _ if times.count() == 0 => return None,
            Self::Percentile(percent) => times.percentile(percent),
            Self::Max => times.max(),
            Self::Mean => times.mean(),
        };
        Some(time.as_secs_f64() * 1e6)
    }

    fn read(name: &str) -> Option<Self> {
        match name {
            "max" => Some(Self::Max),
            "mean" => Some(Self::Mean),
            _ => {
                let percent: f64 = name.strip_prefix('p')?.parse().ok()?;
                (percent > 0.0 && percent < 100.0).then_some(Self::Percentile(percent))
            }
        }
    }
}

/// A name that is not a metric.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not a metric{}", suggestion(name))]
pub struct MetricError {
    /// The name as written.
    name: String,
}

fn suggestion(name: &str) -> String {
    let clocks = || CLOCKS.into_iter().map(|(name, _)| name);
    let (prefix, last) = match name.split_once('.') {
        Some((clock, last)) if !clock.starts_with('p') || named(&CLOCKS, clock).is_some() => {
            // The correct part stays: `sned.p99` becomes `send.p99`.
            (format!("{}.", nearest(clock, clocks()).unwrap_or("send")), last)
        }
        _ => (String::new(), name),
    };
    let others = OTHERS.into_iter().map(|(name, _)| name).filter(|_| prefix.is_empty());
    match nearest(last, TIMES.into_iter().chain(others)).or_else(|| named(&ALIASES, last)) {
        Some(word) => format!(", did you mean `{prefix}{word}`?"),
        None => {
            let names = TIMES.into_iter().chain(OTHERS.into_iter().map(|(name, _)| name));
            let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
            let names = names.join(", ");
            format!("; there are {names}, and `send.` or `lag.` before a time, as in `lag.p99`")
        }
    }
}

/// The names of metrics in other tools.
const ALIASES: [(&str, &str); 10] = [
    ("p100", "max"),
    ("avg", "mean"),
    ("average", "mean"),
    ("median", "p50"),
    ("med", "p50"),
    ("failures", "errors"),
    ("failed", "errors"),
    ("throughput", "rate"),
    ("rps", "rate"),
    ("cpu_usage", "busy"),
];

impl FromStr for Metric {
    type Err = MetricError;

    fn from_str(text: &str) -> Result<Self, MetricError> {
        let name = text.trim();
        let prefixed = name.split_once('.').and_then(|(clock, rest)| Some((named(&CLOCKS, clock)?, rest)));
        let (clock, statistic) = prefixed.unwrap_or((Clock::Planned, name));
        named(&OTHERS, name)
            .or_else(|| Statistic::read(statistic).map(|statistic| Self::Time(clock, statistic)))
            .ok_or_else(|| MetricError { name: name.to_owned() })
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Time(clock, statistic) = self else {
            let found = OTHERS.iter().find(|(_, other)| other == self);
            return f.write_str(found.map_or("memory", |(name, _)| name));
        };
        f.write_str(match clock {
            Clock::Planned => "",
            Clock::Send => "send.",
            Clock::Lag => "lag.",
        })?;
        match statistic {
            Statistic::Percentile(percent) => write!(f, "p{percent}"),
            Statistic::Max => f.write_str("max"),
            Statistic::Mean => f.write_str("mean"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::samples;

    #[test]
    fn names_read_and_write_alike() {
        let names = TIMES.into_iter().chain(OTHERS.into_iter().map(|(name, _)| name));
        for name in names.chain(["p99.999", "send.p50", "send.max", "lag.mean", "lag.p99.9"]) {
            assert_eq!(name.parse::<Metric>().unwrap().to_string(), name);
        }
        assert_eq!("planned.p99".parse::<Metric>(), "p99".parse());
    }

    #[test]
    fn wrong_names_are_helped() {
        let texts = [
            "p100",
            "p",
            "erors",
            "lags",
            "sned.p99",
            "lag.p9x",
            "lag.errors",
            "avg",
            "rps",
            "P99",
            "99",
            "",
        ]
        .map(|name| name.parse::<Metric>().unwrap_err().to_string());
        insta::assert_snapshot!(texts.join("\n"));
    }

    #[test]
    fn values_come_from_the_report() {
        let report = samples::stall();
        let value = |name: &str| name.parse::<Metric>().unwrap().of(&report).unwrap();
        assert_eq!(value("p99"), report.latency.planned.percentile(99.0).as_secs_f64() * 1e6);
        assert_eq!(value("lag.max"), report.latency.lag.max().as_secs_f64() * 1e6);
        assert_eq!(value("errors"), report.error_share() * 100.0);
        assert_eq!(value("dropped"), report.counts.dropped as f64 * 100.0 / report.counts.planned as f64);
        assert_eq!(value("rate"), report.throughput());
    }

    #[test]
    fn without_events_there_are_no_times() {
        let report = samples::empty();
        for name in ["p99", "lag.max", "send.mean", "errors", "dropped", "cpu"] {
            assert_eq!(name.parse::<Metric>().unwrap().of(&report), None, "{name}");
        }
    }
}
