//! Fields of a callback's body on the command line, with the types from the catalog.

use serde_json::Value;

use crate::contract::fields::FieldTree;
use crate::simulator::reference::{self, EntryFields};

/// Returns the fields of one of the vendor's callbacks. `None` for a callback of the user's own.
pub(super) fn tree(event: &str) -> Option<FieldTree> {
    match reference::fields(event)? {
        EntryFields::Callback(fields) => Some(FieldTree::of(&fields)),
        EntryFields::Endpoint { .. } => None,
    }
}

/// Returns the value for a field: digits become a text if the field is one, `user.id=5`.
pub(super) fn typed(event: &str, path: &str, value: &Value) -> Value {
    let is_text = || tree(event).is_some_and(|tree| tree.at(path).is_some_and(FieldTree::is_text));
    match value {
        Value::Number(_) | Value::Bool(_) if is_text() => Value::String(value.to_string()),
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_has_the_type_of_its_field() {
        let typed = |path: &str, value: Value| typed("session.transfer", path, &value);
        assert_eq!(typed("user.id", json!(5)), json!("5"));
        assert_eq!(typed("user.id", json!("5")), json!("5"));
        assert_eq!(typed("transfer.company", json!(true)), json!("true"));
        assert_eq!(typed("quux", json!(5)), json!(5));
        assert_eq!(super::typed("no.such", "user.id", &json!(5)), json!(5));
    }
}
