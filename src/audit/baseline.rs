//! Findings that the user accepts.

use super::battery::Battery;
use crate::files::suggest::{did_you_mean, nearest};

/// Accepted findings: the names of checks, one on each line, with a reason after `#`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    accepted: Vec<(String, String)>,
}

impl Baseline {
    /// Reads a file of accepted findings.
    ///
    /// # Errors
    ///
    /// If a line does not name a check.
    pub fn read(text: &str, battery: &Battery) -> Result<Self, String> {
        let mut accepted = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let (id, reason) = line.split_once('#').unwrap_or((line, ""));
            let id = id.trim();
            if id.is_empty() {
                continue;
            }
            if battery.get(id).is_none() {
                let near = did_you_mean(nearest(id, battery.checks.iter().map(|check| check.id.as_str())));
                return Err(format!("line {number}: there is no check `{id}`{near}"));
            }
            accepted.push((id.to_owned(), reason.trim().to_owned()));
        }
        Ok(Self { accepted })
    }

    /// Returns the reason why a check may fail, if it may.
    pub(super) fn reason(&self, id: &str) -> Option<&str> {
        self.accepted.iter().find(|(accepted, _)| accepted == id).map(|(_, reason)| reason.as_str())
    }

    /// Returns the names.
    pub(super) fn ids(&self) -> impl Iterator<Item = &str> {
        self.accepted.iter().map(|(id, _)| id.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Catalog;

    #[test]
    fn lines_name_checks() {
        let battery = Battery::load(&[], &[], Catalog::builtin()).unwrap();
        let read = |text| Baseline::read(text, &battery);
        let baseline = read("# known\n\nslow-body # the gateway does it\nkeep-alive\n").unwrap();
        assert_eq!(baseline.reason("slow-body"), Some("the gateway does it"));
        assert_eq!(baseline.reason("keep-alive"), Some(""));
        assert_eq!(baseline.reason("large-body"), None);
        assert_eq!(
            read("slow-body\nkeep-alvie").unwrap_err(),
            "line 2: there is no check `keep-alvie`, did you mean `keep-alive`?"
        );
    }
}
