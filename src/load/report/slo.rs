//! Conditions that a run has to meet: `p99<50ms,errors<0.1%`.

use std::fmt;
use std::str::FromStr;

use super::condition::{Bound, Condition, ConditionError, NoValue};
use super::data::Report;

/// Conditions that all have to hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Slo(Vec<Condition>);

/// The conditions of an [`Slo`] that do not hold, with numbers.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}", .0.iter().map(Breach::to_string).collect::<Vec<_>>().join("; "))]
pub struct Breaches(Vec<Breach>);

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
enum Breach {
    /// For example a percentile if nothing was answered.
    #[error(transparent)]
    NoValue(#[from] NoValue),
    #[error("{} is {}, not {} {}", .0.metric, .0.show(*.1), .0.order.words(), .0.show(*.2))]
    Value(Condition, f64, f64),
}

impl Slo {
    /// Checks a report.
    ///
    /// # Errors
    ///
    /// The conditions that do not hold. A condition on a number that does not exist does not hold either.
    pub fn check(&self, report: &Report) -> Result<(), Breaches> {
        let breaches: Vec<Breach> = self.0.iter().filter_map(|condition| breach(condition, report)).collect();
        if breaches.is_empty() { Ok(()) } else { Err(Breaches(breaches)) }
    }
}

fn breach(condition: &Condition, report: &Report) -> Option<Breach> {
    // The parser accepts no relative bound.
    let Bound::Value(bound) = condition.bound else { return None };
    match condition.value(report) {
        Ok(value) if condition.order.holds(value, bound) => None,
        Ok(value) => Some(Breach::Value(condition.clone(), value, bound)),
        Err(why) => Some(why.into()),
    }
}

impl FromStr for Slo {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        let conditions: Vec<Condition> = text.split(',').map(str::parse).collect::<Result<_, _>>()?;
        if let Some(relative) =
            conditions.iter().find(|condition| matches!(condition.bound, Bound::Change(_)))
        {
            return Err(ConditionError::Relative(relative.to_string()));
        }
        match conditions.iter().find(|condition| !condition.asks_for_better()) {
            Some(wrong) => Err(ConditionError::AsksForWorse(wrong.to_string(), wrong.reversed())),
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
    fn what_does_not_hold_is_said_with_numbers() {
        let text = |slo: &str| slo.parse::<Slo>().unwrap().check(&samples::stall());
        assert_eq!(text("p50<50ms,rate>100"), Ok(()));
        insta::assert_snapshot!(text("p50<50ms, p99<50ms, errors<=0, rate>2000/s").unwrap_err().to_string());
    }

    #[test]
    fn nothing_answered_holds_nothing() {
        let slo: Slo = "p99<50ms".parse().unwrap();
        assert_eq!(
            slo.check(&samples::refused()).unwrap_err().to_string(),
            "there is no p99: no event was answered"
        );
        assert_eq!(
            slo.check(&samples::empty()).unwrap_err().to_string(),
            "there is no p99: no event was planned"
        );
    }

    #[test]
    fn it_is_written_as_it_was_read() {
        assert_eq!("p99 < 50ms , errors<1%".parse::<Slo>().unwrap().to_string(), "p99 < 50ms,errors<1%");
        assert_eq!("p99<50ms,".parse::<Slo>(), Err(ConditionError::Empty));
        for (wrong, right) in
            [("p99>50ms", "p99<50ms"), ("errors >= 1%", "errors <= 1%"), ("rate<100/s", "rate>100/s")]
        {
            let error = format!("p50<1s,{wrong}").parse::<Slo>().unwrap_err().to_string();
            assert!(
                error.contains(&format!("`{wrong}`")) && error.contains(&format!("`{right}`")),
                "{error}"
            );
        }
        assert!(matches!("p99<+5%".parse::<Slo>(), Err(ConditionError::Relative(_))));
    }
}
