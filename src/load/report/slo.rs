//! What a run has to hold: `p99<50ms,errors<0.1%`.

use std::fmt;
use std::str::FromStr;

use super::condition::{Bound, Condition, ConditionError};
use super::data::Report;

/// Conditions that all have to hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Slo(Vec<Condition>);

impl Slo {
    /// Checks a report. Otherwise says, with numbers, what does not hold. A number that can't be told, such as a
    /// percentile where nothing was answered, does not hold either.
    pub fn check(&self, report: &Report) -> Result<(), String> {
        let broken: Vec<String> = self.0.iter().filter_map(|condition| broken(condition, report)).collect();
        if broken.is_empty() { Ok(()) } else { Err(broken.join("; ")) }
    }
}

fn broken(condition: &Condition, report: &Report) -> Option<String> {
    // Reading lets no relative bound in.
    let Bound::Value(bound) = condition.bound else { return None };
    let value = match condition.value(report) {
        Ok(value) if condition.order.holds(value, bound) => return None,
        Ok(value) => value,
        Err(why) => return Some(why),
    };
    let (metric, order) = (condition.metric, condition.order.words());
    Some(format!("{metric} is {}, not {order} {}", condition.show(value), condition.show(bound)))
}

impl FromStr for Slo {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        let conditions: Vec<Condition> = text.split(',').map(str::parse).collect::<Result<_, _>>()?;
        match conditions.iter().find(|condition| matches!(condition.bound, Bound::Change(_))) {
            Some(relative) => Err(ConditionError::Relative(relative.to_string())),
            None => Ok(Self(conditions)),
        }
    }
}

impl fmt::Display for Slo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(Condition::to_string).collect();
        f.write_str(&texts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::samples;

    #[test]
    fn what_does_not_hold_is_told_with_numbers() {
        let told = |slo: &str| slo.parse::<Slo>().unwrap().check(&samples::stall());
        assert_eq!(told("p50<50ms,rate>100"), Ok(()));
        insta::assert_snapshot!(told("p50<50ms, p99<50ms, errors<=0, rate>2000/s").unwrap_err());
    }

    #[test]
    fn nothing_answered_holds_nothing() {
        let slo: Slo = "p99<50ms".parse().unwrap();
        assert_eq!(slo.check(&samples::refused()).unwrap_err(), "there is no p99: no event was answered");
        assert_eq!(slo.check(&samples::empty()).unwrap_err(), "there is no p99: no event was planned");
    }

    #[test]
    fn it_is_written_as_it_was_read() {
        assert_eq!("p99 < 50ms , errors<1%".parse::<Slo>().unwrap().to_string(), "p99 < 50ms,errors<1%");
        assert_eq!("p99<50ms,".parse::<Slo>(), Err(ConditionError::Empty));
        assert!(matches!("p99<+5%".parse::<Slo>(), Err(ConditionError::Relative(_))));
    }
}
