//! The types of JSON values, as the kind of a field names them.

use serde_json::Value;

/// A type of a JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonType {
    /// A text.
    Text,
    /// A number, whole or not.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A list.
    List,
    /// An object, which files write as a table.
    Table,
}

impl JsonType {
    /// Returns the type that a word of a kind names, also in the plural.
    fn named(word: &str) -> Option<Self> {
        Some(match word.strip_suffix('s').unwrap_or(word) {
            "string" => Self::Text,
            "integer" | "number" => Self::Number,
            "boolean" => Self::Boolean,
            "array" => Self::List,
            "object" => Self::Table,
            _ => return None,
        })
    }

    /// Returns the type of a value; nothing for null, which stands for a field that is not there.
    pub fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Null => return None,
            Value::Bool(_) => Self::Boolean,
            Value::Number(_) => Self::Number,
            Value::String(_) => Self::Text,
            Value::Array(_) => Self::List,
            Value::Object(_) => Self::Table,
        })
    }

    /// Returns its name, with its article.
    pub fn described(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Boolean => "`true` or `false`",
            Self::List => "a list",
            Self::Table => "a table",
        }
    }

    /// Returns the types of a kind such as `string or integer` and, for a list, those of its items: nothing if any type is
    /// right.
    pub(super) fn of_kind(kind: &str) -> (Vec<Self>, Vec<Self>) {
        if let Some(items) = kind.strip_prefix("list of ") {
            return (vec![Self::List], Self::of_kind(items).0);
        }
        let choice: Option<Vec<Self>> = kind.split(" or ").map(Self::named).collect();
        // Behind the type there may be a form or limits: `integer 1 to 100`, `integer, always 1`.
        let first = || kind.split([' ', ',']).next().and_then(Self::named);
        (choice.unwrap_or_else(|| first().into_iter().collect()), Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use super::JsonType::{self, List, Number, Table, Text};

    #[test]
    fn a_kind_names_types() {
        for (kind, types, items) in [
            ("string", vec![Text], vec![]),
            ("string YYYY-MM-DD HH:mm:ss, with or without +08:00", vec![Text], vec![]),
            ("integer, always 1", vec![Number], vec![]),
            ("number 0 to 100", vec![Number], vec![]),
            ("integer or string", vec![Number, Text], vec![]),
            ("list of objects", vec![List], vec![Table]),
            ("list of strings in E.164", vec![List], vec![Text]),
            ("list of string or objects", vec![List], vec![Text, Table]),
            ("list of any values", vec![List], vec![]),
            ("any value", vec![], vec![]),
        ] {
            assert_eq!(JsonType::of_kind(kind), (types, items), "{kind}");
        }
    }
}
