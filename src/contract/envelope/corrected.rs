//! Codes of refusals that the user's settings replace, if the vendor's document has other ones.

use std::collections::BTreeMap;

use super::Code;
use crate::contract::{Family, Provenance};

/// Replacement codes, by the endpoint, the group of endpoints or the family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorrectedCodes(BTreeMap<String, BTreeMap<i64, i64>>);

impl CorrectedCodes {
    /// Creates the table of replacement codes by scope: the id of an endpoint, a group such as `task.*`, or a family. A key
    /// that is not a number is ignored.
    pub fn new(scopes: BTreeMap<String, BTreeMap<String, i64>>) -> Self {
        let read = |codes: BTreeMap<String, i64>| {
            codes.into_iter().filter_map(|(code, other)| Some((code.parse().ok()?, other))).collect()
        };
        Self(scopes.into_iter().map(|(scope, codes)| (scope, read(codes))).collect())
    }

    /// Returns the code with which an endpoint refuses instead of `code`. The most specific scope wins. `id` is empty for a
    /// request to no endpoint.
    pub fn of(&self, family: Family, id: &str, code: i64) -> i64 {
        let groups = id.match_indices('.').map(|(dot, _)| format!("{}.*", &id[..dot]));
        let scopes = [id.to_owned()].into_iter().chain(groups).chain([family.as_str().to_owned()]);
        scopes.into_iter().find_map(|scope| self.0.get(&scope)?.get(&code).copied()).unwrap_or(code)
    }
}

impl CorrectedCodes {
    /// Returns a code of a family as the user's settings have it.
    pub fn shown(&self, family: Family, code: Code) -> Code {
        match self.of(family, "", code.code) {
            other if other == code.code => code,
            // The user has the vendor's document.
            other => Code { code: other, provenance: Provenance::Documented, ..code },
        }
    }

    /// Returns the replacement codes of endpoints and of groups of them: the scope, the mock's code, and the other one.
    pub fn narrower(&self) -> impl Iterator<Item = (&str, i64, i64)> {
        let is_family = |scope: &str| Family::ALL.iter().any(|family| family.as_str() == scope);
        let scopes = self.0.iter().filter(move |(scope, _)| !is_family(scope));
        scopes.flat_map(|(scope, codes)| codes.iter().map(|(code, other)| (scope.as_str(), *code, *other)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_particular_scope_decides() {
        let scope =
            |name: &str, code: &str, other| (name.to_owned(), BTreeMap::from([(code.to_owned(), other)]));
        let codes = CorrectedCodes::new(BTreeMap::from([
            scope("cloud", "404", 1),
            scope("task.*", "404", 2),
            scope("task.detail", "404", 3),
        ]));
        let of = |id, code| codes.of(Family::Cloud, id, code);
        assert_eq!([of("plan.status", 404), of("task.list", 404), of("task.detail", 404)], [1, 2, 3]);
        assert_eq!((of("task.detail", 400), of("", 404)), (400, 1));
        assert_eq!(codes.of(Family::Workflow, "workflow.list", 404), 404);
    }
}
