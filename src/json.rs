//! Operations on JSON: merging, removing, comparing values; and JSON kept as text.

use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// JSON as serialized text, which takes a tenth of the memory of a value and need not be serialized again.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct JsonText(Box<RawValue>);

impl JsonText {
    /// Serializes a value.
    pub(crate) fn of(value: &(impl Serialize + ?Sized)) -> Self {
        // Only plain data is kept, which can always be serialized.
        Self(serde_json::value::to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned()))
    }

    /// Accepts a text if it is JSON.
    pub(crate) fn from_text(text: String) -> Option<Self> {
        RawValue::from_string(text).ok().map(Self)
    }

    /// Returns the text.
    pub(crate) fn text(&self) -> &str {
        self.0.get()
    }

    /// Parses the value anew.
    pub(crate) fn value(&self) -> Value {
        serde_json::from_str(self.text()).unwrap_or_default()
    }
}

impl PartialEq for JsonText {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

/// Builds a table of existing values. `json!` would serialize them and parse them again.
pub(crate) fn table<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Object(entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// Merges `patch` into `base`: tables are merged key by key, lists item by item as far as both go, anything else is
/// replaced. A table whose `type` changes is replaced as a whole, since its other fields belong to the old type.
pub(crate) fn merge(base: &mut Value, patch: Value) {
    match (base, patch) {
        // The outermost table is the body itself: there, `type` is a name like any other.
        (Value::Object(base), Value::Object(patch)) => merge_fields(base, patch),
        (base, patch) => *base = patch,
    }
}

fn merge_fields(base: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (key, value) in patch {
        match base.get_mut(&key) {
            Some(slot) => merge_inner(slot, value),
            None => {
                base.insert(key, value);
            }
        }
    }
}

fn merge_inner(base: &mut Value, patch: Value) {
    match (base, patch) {
        (Value::Object(base), Value::Object(patch)) => {
            if let (Some(Value::String(old)), Some(Value::String(new))) =
                (base.get("type"), patch.get("type"))
                && old != new
            {
                *base = patch;
                return;
            }
            merge_fields(base, patch);
        }
        (Value::Array(base), Value::Array(patch)) => {
            base.truncate(patch.len());
            for (index, value) in patch.into_iter().enumerate() {
                match base.get_mut(index) {
                    Some(slot) => merge_inner(slot, value),
                    None => base.push(value),
                }
            }
        }
        (base, patch) => *base = patch,
    }
}

/// Splits a path such as `user.name`, `messages[0].msg_id` or `messages.0.msg_id` into its keys.
pub(crate) fn path_keys(path: &str) -> impl Iterator<Item = &str> {
    path.split('.').flat_map(|part| part.split('[')).map(|key| key.strip_suffix(']').unwrap_or(key))
}

/// Returns the value at a path such as `user.name` or `messages[0].msg_id`.
pub(crate) fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path_keys(path).try_fold(value, |place, key| match place {
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        place => place.get(key),
    })
}

/// Removes the value at a path such as `user.name` or `messages[0].msg_id`. Returns whether there was one.
pub(crate) fn remove(value: &mut Value, path: &str) -> bool {
    let mut keys: Vec<&str> = path_keys(path).collect();
    let Some(last) = keys.pop() else { return false };
    let mut place = value;
    for key in keys {
        let next = match place {
            Value::Object(table) => table.get_mut(key),
            Value::Array(items) => key.parse::<usize>().ok().and_then(|index| items.get_mut(index)),
            _ => None,
        };
        match next {
            Some(next) => place = next,
            None => return false,
        }
    }
    match place {
        // `shift_remove` keeps the order of the other fields, which is part of the wire.
        Value::Object(table) => table.shift_remove(last).is_some(),
        Value::Array(items) => match last.parse::<usize>() {
            Ok(index) if index < items.len() => {
                items.remove(index);
                true
            }
            _ => false,
        },
        _ => false,
    }
}

/// Whether two values are equal. 1 and 1.0 are the same number; integers are compared as such, however large.
pub(crate) fn is_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| is_equal(a, b)))
        }
        _ => a == b,
    }
}

/// Returns the first difference, in words, if `wanted` is not part of `got`: tables may have further keys, anything else
/// must be equal.
pub(crate) fn difference(wanted: &Value, got: &Value) -> Option<String> {
    differences(wanted, got, 1).pop()
}

/// Returns up to `most` differences between `got` and `wanted`, in words: nothing if `wanted` is part of `got`.
pub(crate) fn differences(wanted: &Value, got: &Value, most: usize) -> Vec<String> {
    fn walk(path: &str, wanted: &Value, got: Option<&Value>, most: usize, found: &mut Vec<String>) {
        if found.len() == most {
            return;
        }
        let name = || if path.is_empty() { "the body".to_owned() } else { format!("`{path}`") };
        let Some(got) = got else { return found.push(format!("{} is missing, expected {wanted}", name())) };
        match (wanted, got) {
            (Value::Object(wanted), Value::Object(got)) => {
                for (key, value) in wanted {
                    let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    walk(&path, value, got.get(key), most, found);
                }
            }
            (Value::Array(wanted), Value::Array(items)) if wanted.len() == items.len() => {
                for (index, (wanted, got)) in wanted.iter().zip(items).enumerate() {
                    walk(&format!("{path}.{index}"), wanted, Some(got), most, found);
                }
            }
            _ if is_equal(wanted, got) => {}
            _ => found.push(format!("{} is {got}, expected {wanted}", name())),
        }
    }
    let mut found = Vec::new();
    walk("", wanted, Some(got), most, &mut found);
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn merging_keeps_order_and_replaces_other_types() {
        let mut base = json!({"a": 1, "user": {"id": "1", "name": "x"}, "list": [{"n": 1}, {"n": 2}]});
        merge(&mut base, json!({"user": {"name": "y", "age": 3}, "list": [{"m": 0}], "z": null}));
        assert_eq!(
            base.to_string(),
            r#"{"a":1,"user":{"id":"1","name":"y","age":3},"list":[{"n":1,"m":0}],"z":null}"#
        );
        let mut body = json!({"type": "A", "content": {"type": "text", "text": "hi"}});
        merge(&mut body, json!({"type": "B", "content": {"type": "image", "media": {}}}));
        assert_eq!(body, json!({"type": "B", "content": {"type": "image", "media": {}}}));
    }

    #[test]
    fn removing_by_path() {
        let mut body = json!({"a": 1, "user": {"id": "1", "name": "x"}, "list": [{"n": 1}]});
        assert!(remove(&mut body, "user.name") && remove(&mut body, "list[0].n") && remove(&mut body, "a"));
        assert!(remove(&mut json!({"list": [[1], [{"n": 1}]]}), "list[1].0.n"));
        assert!(
            !remove(&mut body, "user.phone") && !remove(&mut body, "x.y") && !remove(&mut body, "list.7")
        );
        assert_eq!(body, json!({"user": {"id": "1"}, "list": [{}]}));
    }

    #[test]
    fn differences_are_named() {
        let got = json!({"code": 200, "data": {"list": [1, 2], "x": "y"}});
        assert_eq!(difference(&json!({"code": 200.0, "data": {"x": "y"}}), &got), None);
        assert_eq!(difference(&json!({"data": {"z": 1}}), &got).unwrap(), "`data.z` is missing, expected 1");
        let wanted = json!({"code": 1, "data": {"x": "z", "list": [1, 2]}, "more": true});
        assert_eq!(
            differences(&wanted, &got, 9),
            [
                "`code` is 200, expected 1",
                "`data.x` is \"y\", expected \"z\"",
                "`more` is missing, expected true"
            ]
        );
        assert_eq!(differences(&wanted, &got, 2).len(), 2);
        assert_eq!(
            difference(&json!({"data": {"list": [1, 3]}}), &got).unwrap(),
            "`data.list.1` is 2, expected 3"
        );
        assert_eq!(
            difference(&json!({"code": 0}), &json!([])).unwrap(),
            "the body is [], expected {\"code\":0}"
        );
    }
}
