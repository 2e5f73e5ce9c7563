//! Counts how often faults have hit.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::Event;
use crate::delivery::{ErrorClass, Failure};
use crate::faults::FaultName;

/// The number of hits of each fault, by name. A callback counts once for each of its faults, regardless of the number of
/// attempts and copies. A callback that was never sent does not count, unless that is the fault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Hits(BTreeMap<String, u64>);

impl Hits {
    pub(super) fn count(&mut self, event: &Event) {
        match event {
            Event::Attempted { attempt, result, .. }
                if attempt.number == 1 && attempt.callback.copy_of.is_none() =>
            {
                let is_sent =
                    !matches!(&result.result, Err(Failure { class: ErrorClass::NoDescriptors, .. }));
                attempt.faults.iter().filter(|_| is_sent).for_each(|fault| self.add(fault.as_str()));
            }
            Event::Ended { end, .. } if end.is_dropped() => self.add(FaultName::Drop.as_str()),
            Event::Requested(exchange) => exchange.fault.iter().for_each(|fault| self.add(fault)),
            _ => {}
        }
    }

    fn add(&mut self, name: &str) {
        match self.0.get_mut(name) {
            Some(count) => *count += 1,
            None => drop(self.0.insert(name.to_owned(), 1)),
        }
    }

    /// Whether no fault has hit.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns each fault that has hit, with its number of hits.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(name, count)| (name.as_str(), *count))
    }

    /// Adds the hits of another mock.
    pub fn merge(&mut self, other: &Self) {
        for (name, count) in &other.0 {
            *self.0.entry(name.clone()).or_default() += count;
        }
    }
}

impl fmt::Display for Hits {
    /// Formats the hits: `503 once, duplicate 3 times`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, count)) in self.iter().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            match count {
                1 => write!(f, "{comma}{name} once")?,
                count => write!(f, "{comma}{name} {count} times")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hit_is_said_with_how_often() {
        let mut hits = Hits::default();
        assert!(hits.is_empty() && hits.to_string().is_empty());
        for name in ["duplicate", "503", "duplicate"] {
            hits.add(name);
        }
        assert_eq!(hits.to_string(), "503 once, duplicate 2 times");
        let mut more = hits.clone();
        more.merge(&hits);
        assert_eq!(serde_json::to_value(&more).unwrap(), serde_json::json!({ "503": 2, "duplicate": 4 }));
    }
}
