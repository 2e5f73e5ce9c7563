//! A condition on a number of a report: `p99<50ms`, `errors>1%`, `rate<-5%`.

use std::fmt;
use std::str::FromStr;

use super::data::Report;
use super::metric::{Metric, MetricError, Unit};
use crate::time::HumanDuration;

/// A metric, a comparison and a bound.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    pub(crate) metric: Metric,
    pub(crate) order: Order,
    pub(crate) bound: Bound,
    /// As written, without spaces around it.
    text: String,
}

/// How a value has to compare to the bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Less,
    AtMost,
    More,
    AtLeast,
}

/// What a value is compared to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bound {
    /// A value in the metric's unit.
    Value(f64),
    /// A change from the baseline, in percent; for metrics in percent, in points.
    Change(f64),
}

/// Why a text is not a condition.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ConditionError {
    /// The text is empty.
    #[error("a condition is missing, write for example `p99<50ms`")]
    Empty,
    /// The text has no `<` or `>`.
    #[error("`{0}` compares nothing, write for example `p99<50ms` or `rate>=1000`")]
    NoOrder(String),
    /// The name is not a metric.
    #[error(transparent)]
    Metric(#[from] MetricError),
    /// The bound does not fit the metric.
    #[error("`{bound}` is not a bound for `{metric}`: {hint}")]
    Bound {
        /// The bound as written.
        bound: String,
        /// The metric.
        metric: Metric,
        /// A valid example.
        hint: String,
    },
    /// The bound is relative where there is no baseline.
    #[error("`{0}` is relative to a baseline; an absolute bound is needed here, for example `p99<50ms`")]
    Relative(String),
    /// A condition that has to hold is met by a worse value only; the second text is the opposite condition.
    #[error(
        "`{0}` would hold only if it is worse than that: these conditions say what is good enough, write `{1}`"
    )]
    AsksForWorse(String, String),
}

impl Order {
    pub(crate) fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Less => value < bound,
            Self::AtMost => value <= bound,
            Self::More => value > bound,
            Self::AtLeast => value >= bound,
        }
    }

    /// Returns it in words: `below`, `above`.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Less => "below",
            Self::AtMost => "at most",
            Self::More => "above",
            Self::AtLeast => "at least",
        }
    }
}

/// A number that a report does not have.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("there is no {metric}: {}", if *.is_planned { "no event was answered" } else { "no event was planned" })]
pub struct NoValue {
    metric: Metric,
    is_planned: bool,
}

impl Condition {
    /// Returns the condition that a share is above this percentage.
    pub(crate) fn above(metric: Metric, percent: f64) -> Self {
        let text = format!("{metric}>{percent}%");
        Self { metric, order: Order::More, bound: Bound::Value(percent), text }
    }

    /// Returns the value in a report.
    pub(crate) fn value(&self, report: &Report) -> Result<f64, NoValue> {
        let is_planned = report.counts.wanted() > 0;
        self.metric.of(report).ok_or(NoValue { metric: self.metric, is_planned })
    }

    /// Whether better values meet it.
    pub(crate) fn asks_for_better(&self) -> bool {
        self.metric.more_is_better() == matches!(self.order, Order::More | Order::AtLeast)
    }

    /// Returns the text with the opposite order.
    pub(crate) fn reversed(&self) -> String {
        let opposite = |letter| match letter {
            '<' => '>',
            '>' => '<',
            other => other,
        };
        self.text.chars().map(opposite).collect()
    }

    /// Formats a value of the metric.
    pub(crate) fn show(&self, value: f64) -> String {
        self.metric.unit().show(value)
    }
}

impl FromStr for Condition {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(ConditionError::Empty);
        }
        let no_order = || ConditionError::NoOrder(text.to_owned());
        let (name, rest) = text.split_at(text.find(['<', '>']).ok_or_else(no_order)?);
        let signs = [("<=", Order::AtMost), (">=", Order::AtLeast), ("<", Order::Less), (">", Order::More)];
        let mut found = signs.into_iter().filter_map(|(sign, order)| Some((order, rest.strip_prefix(sign)?)));
        let (order, bound) = found.next().ok_or_else(no_order)?;
        let metric: Metric = name.parse()?;
        let bound = read_bound(metric, bound.trim())?;
        Ok(Self { metric, order, bound, text: text.to_owned() })
    }
}

fn read_bound(metric: Metric, text: &str) -> Result<Bound, ConditionError> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let percent = text.strip_suffix('%').and_then(number);
    let found = match metric.unit() {
        _ if text.starts_with(['+', '-']) => percent
            .map(Bound::Change)
            .ok_or_else(|| "a change from the baseline is in percent, for example `+20%`".to_owned()),
        Unit::Percent => match percent.or_else(|| number(text).filter(|number| *number == 0.0)) {
            Some(percent) if percent <= 100.0 => Ok(Bound::Value(percent)),
            Some(_) => Err("a share is 100% at most".to_owned()),
            None => Err(format!("it is a share, write for example `{metric}<0.1%`")),
        },
        _ if percent.is_some() => {
            Err(format!("a change from the baseline has a sign, `+{text}` or `-{text}`"))
        }
        Unit::Micros => match text.parse() {
            Ok(HumanDuration(time)) => Ok(Bound::Value(time.as_secs_f64() * 1e6)),
            Err(_) if number(text).is_some() => Err(format!("it has no unit, write `{text}ms`")),
            Err(_) => Err("write a time, for example `50ms`, `800us`, `1.5s`".to_owned()),
        },
        Unit::PerSecond => number(text.strip_suffix("/s").unwrap_or(text))
            .map(Bound::Value)
            .ok_or_else(|| "write events per second, for example `5000/s`".to_owned()),
        // No condition names a size; see the names of metrics.
        Unit::Bytes => Err("there are no conditions on sizes".to_owned()),
    };
    found.map_err(|hint| ConditionError::Bound { bound: text.to_owned(), metric, hint })
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_read() {
        for (text, order, bound) in [
            ("p99<50ms", Order::Less, Bound::Value(50_000.0)),
            (" p99.9 <= 1.5s ", Order::AtMost, Bound::Value(1_500_000.0)),
            ("lag.p99<800us", Order::Less, Bound::Value(800.0)),
            ("errors<0.1%", Order::Less, Bound::Value(0.1)),
            ("dropped<=0", Order::AtMost, Bound::Value(0.0)),
            ("rate>4900/s", Order::More, Bound::Value(4_900.0)),
            ("rate>=4900", Order::AtLeast, Bound::Value(4_900.0)),
            ("p99>+20%", Order::More, Bound::Change(20.0)),
            ("rate<-5%", Order::Less, Bound::Change(-5.0)),
        ] {
            let condition: Condition = text.parse().unwrap();
            assert_eq!((condition.order, condition.bound), (order, bound), "{text}");
            assert_eq!(condition.to_string(), text.trim());
        }
    }

    #[test]
    fn wrong_conditions_say_what_would_be_right() {
        let texts = [
            "",
            "p99",
            "p99=5ms",
            "p99<",
            "p99<50",
            "p99<soon",
            "p99>20%",
            "p99>+20",
            "errors<0.1",
            "errors<101%",
            "rate>fast",
            "rate>5%",
            "erors<1%",
            "<5ms",
            "p99<NaN",
            "rate>inf",
        ]
        .map(|text| format!("{text:<12} {}", text.parse::<Condition>().unwrap_err()));
        insta::assert_snapshot!(texts.join("\n"));
    }
}
