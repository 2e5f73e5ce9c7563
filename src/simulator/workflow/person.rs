//! The person of a row: as its variables say, or else drawn, so that no text is without a name.

use serde_json::{Map, Value};

use crate::content;
use crate::content::{Country, Gender, Person};
use crate::seed::Seed;

/// The person of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RowPerson {
    pub(super) name: Box<str>,
    pub(super) gender: Gender,
}

impl RowPerson {
    /// Returns the person of a row of an instance with this seed: the same one at each of its nodes.
    pub(super) fn of(seed: Seed, row: u32, country: Country, variables: &Map<String, Value>) -> Self {
        let locale = content::closest_locale(country.default_locale());
        let (gender, name) = Person::draw_name(&mut seed.stream("person", u64::from(row)), locale);
        let given = |names: [&str; 2]| {
            let texts = names.into_iter().filter_map(|name| variables.get(name)?.as_str());
            texts.map(str::trim).find(|text| !text.is_empty())
        };
        let given_gender = given(["callee_gender", "Gender"]).map(str::to_ascii_lowercase);
        let gender = match given_gender.as_deref() {
            Some("male" | "m") => Gender::Male,
            Some("female" | "f") => Gender::Female,
            _ => gender,
        };
        Self { name: given(["callee_name", "Debtor"]).map_or_else(|| name.into(), Into::into), gender }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(row: u32, variables: Value) -> RowPerson {
        RowPerson::of(Seed(1), row, Country::Id, variables.as_object().unwrap())
    }

    #[test]
    fn a_row_without_a_name_has_a_person_all_the_same() {
        let nobody = of(1, json!({ "amount": "5", "callee_name": " " }));
        assert!(!nobody.name.trim().is_empty());
        assert_eq!(nobody, of(1, json!({})));
        assert!((2..9).any(|row| of(row, json!({})) != nobody), "people differ from row to row");
    }

    #[test]
    fn what_a_row_says_of_its_person_counts() {
        let female = of(1, json!({ "callee_name": "Siti", "callee_gender": "Female" }));
        assert_eq!(female, RowPerson { name: "Siti".into(), gender: Gender::Female });
        let male = of(1, json!({ "callee_name": "", "Debtor": "Budi", "Gender": "M" }));
        assert_eq!(male, RowPerson { name: "Budi".into(), gender: Gender::Male });
    }
}
