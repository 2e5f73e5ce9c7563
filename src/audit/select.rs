//! The selection of checks to run.

use super::battery::{Battery, Check};
use crate::files::suggest::{did_you_mean, nearest};

/// `--only` and `--skip`: names of checks or of groups, or `signature-*`.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only these, with their prerequisites.
    pub only: Vec<String>,
    /// All except these.
    pub skip: Vec<String>,
}

/// A word that matches no check.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{flag} `{word}` matches no check{near} (`airudder-mock audit --list` shows all)")]
pub struct SelectError {
    flag: &'static str,
    word: String,
    near: String,
}

impl Selection {
    /// Checks that every word matches a check.
    ///
    /// # Errors
    ///
    /// If a word does not.
    pub fn verify(&self, battery: &Battery) -> Result<(), SelectError> {
        let words = self.only.iter().map(|word| ("--only", word));
        for (flag, word) in words.chain(self.skip.iter().map(|word| ("--skip", word))) {
            if !battery.checks.iter().any(|check| fits(word, check)) {
                let ids = battery.checks.iter().map(|check| check.id.as_str());
                let near = did_you_mean(nearest(word, ids));
                return Err(SelectError { flag, word: word.clone(), near });
            }
        }
        Ok(())
    }

    /// Whether a check is run.
    pub(super) fn takes(&self, check: &Check) -> bool {
        let named = |words: &[String]| words.iter().any(|word| fits(word, check));
        (self.only.is_empty() || named(&self.only)) && !named(&self.skip)
    }
}

fn fits(word: &str, check: &Check) -> bool {
    match word.strip_suffix('*') {
        Some(begin) => check.id.starts_with(begin),
        None => check.id == word || check.group.eq_ignore_ascii_case(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Catalog;

    fn selected(only: &[&str], skip: &[&str]) -> Result<usize, String> {
        let battery = Battery::load(&[], &[], Catalog::builtin()).unwrap();
        let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let selection = Selection { only: owned(only), skip: owned(skip) };
        selection.verify(&battery).map_err(|error| error.to_string())?;
        Ok(battery.checks.iter().filter(|check| selection.takes(check)).count())
    }

    #[test]
    fn checks_are_chosen_by_name_group_and_beginning() {
        let all = selected(&[], &[]).unwrap();
        assert_eq!(selected(&["slow-body"], &[]), Ok(1));
        assert_eq!(selected(&["order"], &[]), Ok(2));
        assert_eq!(
            selected(&["signature-*"], &["signature-wrong"]).unwrap() + 1,
            selected(&["signature-*"], &[]).unwrap()
        );
        assert_eq!(selected(&[], &["raw bytes"]), Ok(all - 8));
        assert_eq!(
            selected(&["slow-bdy"], &[]).unwrap_err(),
            "--only `slow-bdy` matches no check, did you mean `slow-body`? (`airudder-mock audit --list` shows all)"
        );
    }
}
