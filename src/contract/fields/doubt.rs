//! What is probably wrong with a body that was written by hand: fields, words and types that the vendor's do not have.

use serde_json::Value;

use super::json_type::JsonType;
use super::tree::FieldTree;
use crate::files::diagnostic::joined;
use crate::files::suggest::{did_you_mean, nearest};

/// Returns the doubts about the fields that are given for the body of a callback, one sentence each.
pub fn doubts(tree: &FieldTree, event: &str, body: &Value) -> Vec<String> {
    let mut doubts = Doubts { event, found: Vec::new() };
    doubts.value(tree, "", body, tree.types());
    doubts.found
}

struct Doubts<'a> {
    event: &'a str,
    found: Vec<String>,
}

impl Doubts<'_> {
    fn value(&mut self, tree: &FieldTree, path: &str, value: &Value, types: &[JsonType]) {
        let event = self.event;
        let Some(got) = JsonType::of(value) else { return };
        if !types.is_empty() && !types.contains(&got) && !path.is_empty() && value != "" {
            let names: Vec<&str> = types.iter().map(|known| known.described()).collect();
            let (names, got) = (joined(&names, "or"), got.described());
            self.found.push(format!("`{path}` of `{event}` is {names}, not {got}"));
            return;
        }
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    match tree.field(name) {
                        Some(field) => self.value(field, &path, value, field.types()),
                        None if tree.is_closed() => self.unknown(tree, name, &path),
                        None => {}
                    }
                }
            }
            Value::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.value(tree, &format!("{path}[{at}]"), item, tree.item_types());
                }
            }
            Value::String(word) => self.word(tree, path, word),
            _ => {}
        }
    }

    fn unknown(&mut self, tree: &FieldTree, name: &str, path: &str) {
        let event = self.event;
        let near = match tree.nearest(name) {
            Some(near) => did_you_mean(Some(&near)),
            None => format!(" (`airudder-mock catalog {event}` lists its fields)"),
        };
        self.found.push(format!("`{event}` has no field `{path}`{near}"));
    }

    fn word(&mut self, tree: &FieldTree, path: &str, word: &str) {
        let words = tree.words();
        if words.is_empty() || word.is_empty() || words.iter().any(|known| known == word) {
            return;
        }
        let near = match nearest(word, words.iter().map(String::as_str)) {
            Some(near) => did_you_mean(Some(near)),
            None => format!(" (its words are {})", words.join(", ")),
        };
        self.found.push(format!("`{path}` of `{}` is never `{word}`{near}", self.event));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Use, fields_of};
    use super::*;
    use crate::contract::bodies::message::Message;

    #[test]
    fn what_is_unknown_comes_with_what_is_known() {
        let tree = FieldTree::of(&fields_of::<Message>(Use::Written));
        for (body, wanted) in [
            (json!({ "msg_id": "1", "content": { "type": "text", "text": "hi" } }), vec![]),
            (json!({ "msgid": "1" }), vec!["`x` has no field `msgid`, did you mean `msg_id`?"]),
            (
                json!({ "quuxes": 1 }),
                vec!["`x` has no field `quuxes` (`airudder-mock catalog x` lists its fields)"],
            ),
            (json!({ "timestamp": "now" }), vec!["`timestamp` of `x` is a number, not a text"]),
            (json!({ "timestamp": "", "msg_id": null }), vec![]),
            (
                json!({ "sender_type": "usr" }),
                vec!["`sender_type` of `x` is never `usr`, did you mean `user`?"],
            ),
        ] {
            assert_eq!(doubts(&tree, "x", &body), wanted, "{body}");
        }
    }
}
