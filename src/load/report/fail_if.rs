//! When a finished run counts as failed: `p99>+20%`, `errors>1%`.

use std::fmt;
use std::str::FromStr;

use super::condition::{Bound, Condition, ConditionError};
use super::data::Report;
use super::metric::{Metric, Unit};

/// A condition under which a run fails. A bound with a sign is relative to a baseline: in percent of its value, or, for
/// metrics that are shares themselves (`errors`, `late`, ...), in points.
#[derive(Clone, Debug, PartialEq)]
pub struct FailIf(Condition);

impl FailIf {
    /// That most events went wrong: `errors>50%`.
    pub fn most_went_wrong() -> Self {
        Self(Condition::above(Metric::Errors, 50.0))
    }

    /// Whether it is about the share of events that went wrong.
    pub fn is_about_errors(&self) -> bool {
        self.0.metric == Metric::Errors
    }

    /// Whether it needs a baseline.
    pub fn is_relative(&self) -> bool {
        matches!(self.0.bound, Bound::Change(_))
    }

    /// Returns why the run fails, with numbers; `None` if it does not. A condition that can't be checked, since nothing was
    /// answered or there is no baseline, fails: a gate that can't check must not let a run pass.
    pub fn check(&self, report: &Report, baseline: Option<&Report>) -> Option<String> {
        let Self(condition) = self;
        let (metric, order) = (condition.metric, condition.order);
        let value = match condition.value(report) {
            Ok(value) => value,
            Err(why) => return Some(format!("{self}: {why}")),
        };
        let (bound, before) = match (condition.bound, baseline.map(|baseline| condition.value(baseline))) {
            (Bound::Value(bound), _) => (bound, None),
            (Bound::Change(_), None) => return Some(format!("{self}: there is no baseline")),
            (Bound::Change(_), Some(Err(why))) => return Some(format!("{self}: in the baseline {why}")),
            (Bound::Change(change), Some(Ok(before))) if metric.unit() == Unit::Percent => {
                (before + change, Some(before))
            }
            (Bound::Change(change), Some(Ok(before))) => (before * (1.0 + change / 100.0), Some(before)),
        };
        let (now, limit) = (condition.show(value), condition.show(bound.max(0.0)));
        let then = before.map(|before| format!("; it was {} in the baseline", condition.show(before)));
        order.holds(value, bound).then(|| {
            format!("{self}: {metric} is {now}, {} {limit}{}", order.words(), then.unwrap_or_default())
        })
    }
}

impl FromStr for FailIf {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        text.parse().map(Self)
    }
}

impl fmt::Display for FailIf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::samples;

    fn check(text: &str, report: &Report, baseline: Option<&Report>) -> Option<String> {
        text.parse::<FailIf>().unwrap().check(report, baseline)
    }

    #[test]
    fn bounds_of_their_own_need_no_baseline() {
        let report = samples::stall();
        assert_eq!(check("p50>50ms", &report, None), None);
        assert!(check("p99>50ms", &report, None).unwrap().starts_with("p99>50ms: p99 is 1.83 s, above"));
        assert!(check("p99>50ms", &samples::refused(), None).unwrap().contains("no event was answered"));
    }

    #[test]
    fn changes_are_measured_by_the_baseline() {
        let (steady, stall) = (samples::steady(), samples::stall());
        assert_eq!(check("p99>+20%", &steady, Some(&steady)), None);
        assert_eq!(check("rate<-5%", &steady, Some(&steady)), None);
        let hits = ["p99>+20%", "rate<-0.1%", "errors>+0.1%"]
            .map(|text| check(text, &stall, Some(&steady)).unwrap_or_else(|| format!("{text}: no hit")));
        insta::assert_snapshot!(hits.join("\n"));
    }

    #[test]
    fn what_can_not_be_checked_fails() {
        let steady = samples::steady();
        assert_eq!(check("p99>+20%", &steady, None).unwrap(), "p99>+20%: there is no baseline");
        let text = check("p99>+20%", &steady, Some(&samples::refused())).unwrap();
        assert_eq!(text, "p99>+20%: in the baseline there is no p99: no event was answered");
        assert!("p99>+20%".parse::<FailIf>().unwrap().is_relative());
        assert!(!"errors>1%".parse::<FailIf>().unwrap().is_relative());
    }
}
