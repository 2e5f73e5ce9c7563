//! Codes of refusals that the user's settings replace, where the vendor's own document has others.

use std::collections::BTreeMap;

use crate::contract::Family;

/// Other codes, by the endpoint, the group of endpoints or the family that they are refused with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorrectedCodes(BTreeMap<String, BTreeMap<i64, i64>>);

impl CorrectedCodes {
    /// Other codes by where they count: the id of an endpoint, a group such as `task.*`, or a family. A key that is no number
    /// counts for nothing.
    pub fn new(scopes: BTreeMap<String, BTreeMap<String, i64>>) -> Self {
        let read = |codes: BTreeMap<String, i64>| {
            codes.into_iter().filter_map(|(code, other)| Some((code.parse().ok()?, other))).collect()
        };
        Self(scopes.into_iter().map(|(scope, codes)| (scope, read(codes))).collect())
    }

    /// The code that an endpoint is refused with where the mock says this one; the most particular scope decides. What is
    /// no endpoint has no id.
    pub fn of(&self, family: Family, id: &str, code: i64) -> i64 {
        let groups = id.match_indices('.').map(|(dot, _)| format!("{}.*", &id[..dot]));
        let scopes = [id.to_owned()].into_iter().chain(groups).chain([family.as_str().to_owned()]);
        scopes.into_iter().find_map(|scope| self.0.get(&scope)?.get(&code).copied()).unwrap_or(code)
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
