//! The values in a JSON text, with their places: what a body is made of, without taking it apart.

use std::fmt::Write as _;
use std::ops::Range;

/// A text or a number in a JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// Where it is in the document: `user.id`, `messages.0.msg_id`.
    pub(crate) path: String,
    /// Its bytes; of a text, those between the quotes.
    pub(crate) place: Range<usize>,
    /// Whether it is a text.
    pub(crate) is_text: bool,
}

/// A table or a list that is open at the present place.
enum Open {
    /// With the latest key.
    Table(String),
    /// With the number of the present item.
    List(usize),
}

/// The texts and numbers of a JSON text, in their order. Nothing if it is no JSON.
pub(crate) fn leaves(json: &[u8]) -> Option<Vec<Leaf>> {
    // From here on the text is known to be well-formed, which makes the walk simple.
    serde_json::from_slice::<serde::de::IgnoredAny>(json).ok()?;
    let mut open: Vec<Open> = Vec::new();
    let mut found = Vec::new();
    let mut at = 0;
    let mut is_key = false;
    while let Some(byte) = json.get(at) {
        match byte {
            b'{' => {
                open.push(Open::Table(String::new()));
                is_key = true;
            }
            b'[' => open.push(Open::List(0)),
            b'}' | b']' => {
                open.pop();
                is_key = false;
            }
            b',' => match open.last_mut() {
                Some(Open::List(item)) => *item += 1,
                _ => is_key = true,
            },
            b':' => is_key = false,
            b'"' => {
                let end = end_of_text(json, at + 1);
                if let (true, Some(Open::Table(key))) = (is_key, open.last_mut()) {
                    *key = String::from_utf8_lossy(&json[at + 1..end]).into_owned();
                } else {
                    found.push(Leaf { path: path(&open), place: at + 1..end, is_text: true });
                }
                at = end;
            }
            b'-' | b'0'..=b'9' => {
                let rest = &json[at..];
                let length = rest
                    .iter()
                    .take_while(|byte| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9'));
                let end = at + length.count();
                found.push(Leaf { path: path(&open), place: at..end, is_text: false });
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    Some(found)
}

/// Where the closing quote is.
fn end_of_text(json: &[u8], mut at: usize) -> usize {
    while at < json.len() && json[at] != b'"' {
        at += if json[at] == b'\\' { 2 } else { 1 };
    }
    at.min(json.len())
}

fn path(open: &[Open]) -> String {
    let mut path = String::new();
    for (depth, level) in open.iter().enumerate() {
        if depth > 0 {
            path.push('.');
        }
        match level {
            Open::Table(key) => path.push_str(key),
            // Writing to a string cannot fail.
            Open::List(item) => drop(write!(path, "{item}")),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn shown(json: &str) -> Vec<String> {
        let leaves = leaves(json.as_bytes()).unwrap();
        leaves.iter().map(|leaf| format!("{} = {}", leaf.path, &json[leaf.place.clone()])).collect()
    }

    #[test]
    fn values_with_their_paths() {
        assert_eq!(
            shown(
                r#" {"a": "x\"]", "b": {"c": [1, {"d": -2.5e3}, [], {}, "y"], "e": true}, "f\"": null, "g": ""} "#
            ),
            [r#"a = x\"]"#, "b.c.0 = 1", "b.c.1.d = -2.5e3", "b.c.4 = y", "g = "]
        );
        assert_eq!(shown("[7]"), ["0 = 7"]);
        assert_eq!(shown("\"text\""), [" = text"]);
        assert_eq!(leaves(b"{"), None);
        assert_eq!(leaves(b"no json"), None);
        assert_eq!(leaves(b""), None);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec(("[a-z\"\\\\]{1,4}", inner), 0..6)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    fn count(value: &Value) -> usize {
        match value {
            Value::String(_) | Value::Number(_) => 1,
            Value::Array(items) => items.iter().map(count).sum(),
            Value::Object(entries) => entries.values().map(count).sum(),
            _ => 0,
        }
    }

    proptest! {
        #[test]
        fn every_text_and_number_is_found(value in json()) {
            let text = value.to_string();
            let found = leaves(text.as_bytes()).unwrap();
            prop_assert_eq!(found.len(), count(&value));
            for leaf in found {
                let raw = &text[leaf.place.clone()];
                let quoted = if leaf.is_text { format!("\"{raw}\"") } else { raw.to_owned() };
                prop_assert!(serde_json::from_str::<Value>(&quoted).is_ok(), "{}", quoted);
            }
        }

        #[test]
        fn any_bytes_are_taken(bytes: Vec<u8>) {
            let _ = leaves(&bytes);
        }
    }
}
