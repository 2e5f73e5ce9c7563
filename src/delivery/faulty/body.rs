//! Faults of bodies. The changed bodies are signed as they are sent.

use serde_json::{Map, Value, json};

use crate::faults::{CallbackFault, FaultName};

/// Emoji, one of several code points, and words from right to left.
const EMOJI: &str = "👩‍👩‍👧 🎉 مرحبا שלום é";

/// Applies a fault to the body. Returns `None` if there is nothing to change.
pub(super) fn changed(fault: &CallbackFault, body: &[u8]) -> Option<Vec<u8>> {
    use FaultName as Name;
    match fault.name {
        Name::BodyBom => return Some([b"\xef\xbb\xbf", body].concat()),
        Name::BodyEmpty => return (!body.is_empty()).then(Vec::new),
        Name::BodyEscaped => return escaped(body),
        Name::BodySpaced => return spaced(body),
        _ => {}
    }
    let Ok(Value::Object(mut table)) = serde_json::from_slice::<Value>(body) else { return None };
    let first = table.keys().next().cloned();
    // The field to change: the named one, or else the first.
    let meant = fault.field.as_deref().or(first.as_deref());
    match fault.name {
        Name::BodyUnknownFields => {
            table.insert(
                "x_unknown".to_owned(),
                json!({ "list": [1, null, { "deep": "text" }], "flag": true }),
            );
            table.insert("x_unknown_text".to_owned(), json!("nobody knows this field"));
        }
        Name::BodyMissingField => drop(remove(&mut table, meant?)?),
        Name::BodyWrongType => {
            let value = at(&mut table, meant?)?;
            *value = match value {
                Value::String(_) => json!({ "unexpected": "a table" }),
                Value::Object(_) | Value::Null => json!("unexpected"),
                Value::Array(_) | Value::Bool(_) => json!(1),
                Value::Number(_) => json!(["unexpected"]),
            };
        }
        Name::BodyNull => {
            let value = at(&mut table, meant?)?;
            *value = Value::Null;
        }
        Name::BodyUnknownEvent => {
            let usual =
                ["event", "type"].into_iter().find(|key| table.get(*key).is_some_and(Value::is_string));
            let path = fault.field.clone().or_else(|| usual.map(str::to_owned))?;
            *at(&mut table, &path)? = json!("mock.unknown_event");
        }
        Name::BodyHuge => drop(table.insert("x_huge".to_owned(), "x".repeat(fault.bytes).into())),
        Name::BodyEmoji => match &fault.field {
            Some(path) => *at(&mut table, path)? = json!(EMOJI),
            None => match longest_text(&mut table) {
                Some(text) => text.push_str(&format!(" {EMOJI}")),
                None => drop(table.insert("x_text".to_owned(), json!(EMOJI))),
            },
        },
        Name::BodyDuplicateKeys => {
            let (key, value) = table.iter().next()?;
            let first = format!("{{{}:{},", json!(key), if value.is_null() { "0" } else { "null" });
            let rest = Value::Object(table).to_string();
            return Some((first + &rest[1..]).into_bytes());
        }
        Name::BodyNumbersAsStrings => {
            let mut whole = Value::Object(table);
            return numbers_as_strings(&mut whole).then(|| whole.to_string().into_bytes());
        }
        Name::BodyKeyOrder => {
            return (table.len() > 1).then(|| {
                let reversed: Map<String, Value> = table.into_iter().rev().collect();
                Value::Object(reversed).to_string().into_bytes()
            });
        }
        _ => return None,
    }
    Some(Value::Object(table).to_string().into_bytes())
}

/// Writes the JSON of a body with white space, as many libraries do.
pub(super) fn spaced(body: &[u8]) -> Option<Vec<u8>> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let text = serde_json::to_vec_pretty(&value).ok()?;
    (text != body && (value.is_object() || value.is_array())).then_some(text)
}

/// Finds a key, or a path through tables and lists: `messages.0.content`.
fn at<'t>(table: &'t mut Map<String, Value>, path: &str) -> Option<&'t mut Value> {
    if table.contains_key(path) {
        return table.get_mut(path);
    }
    let mut keys = path.split('.');
    let first = table.get_mut(keys.next()?)?;
    keys.try_fold(first, |value, key| match value {
        Value::Object(table) => table.get_mut(key),
        Value::Array(list) => list.get_mut(key.parse::<usize>().ok()?),
        _ => None,
    })
}

fn remove(table: &mut Map<String, Value>, path: &str) -> Option<Value> {
    if table.contains_key(path) {
        return table.shift_remove(path);
    }
    let (parent, key) = path.rsplit_once('.')?;
    match at(table, parent)? {
        Value::Object(table) => table.shift_remove(key),
        _ => None,
    }
}

/// Returns the longest text meant for people: one with a space in it.
fn longest_text(table: &mut Map<String, Value>) -> Option<&mut String> {
    fn look<'v>(value: &'v mut Value, found: &mut Option<&'v mut String>) {
        match value {
            Value::String(text)
                if text.contains(' ') && found.as_ref().is_none_or(|other| other.len() < text.len()) =>
            {
                *found = Some(text);
            }
            Value::Array(list) => list.iter_mut().for_each(|value| look(value, found)),
            Value::Object(table) => table.values_mut().for_each(|value| look(value, found)),
            _ => {}
        }
    }
    let mut found = None;
    table.values_mut().for_each(|value| look(value, &mut found));
    found
}

/// Turns every number into text. Returns whether there was any.
fn numbers_as_strings(value: &mut Value) -> bool {
    match value {
        Value::Number(number) => {
            *value = Value::String(number.to_string());
            true
        }
        // `any` would stop at the first match; all of them must be changed.
        Value::Array(list) => list.iter_mut().fold(false, |any, value| numbers_as_strings(value) | any),
        Value::Object(table) => table.values_mut().fold(false, |any, value| numbers_as_strings(value) | any),
        _ => false,
    }
}

/// Writes the same JSON with `\uXXXX` for all non-ASCII characters and for the first letter of each text.
fn escaped(body: &[u8]) -> Option<Vec<u8>> {
    serde_json::from_slice::<&serde_json::value::RawValue>(body).ok()?;
    let text = std::str::from_utf8(body).ok()?;
    let mut out = String::with_capacity(text.len() * 2);
    let escape = |c: char, out: &mut String| {
        let mut units = [0; 2];
        for unit in c.encode_utf16(&mut units) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    };
    let (mut inside, mut is_first, mut after_backslash) = (false, false, false);
    for c in text.chars() {
        match c {
            _ if after_backslash => {
                after_backslash = false;
                out.push(c);
            }
            '\\' => {
                after_backslash = true;
                is_first = false;
                out.push(c);
            }
            '"' => {
                inside = !inside;
                is_first = inside;
                out.push(c);
            }
            c if inside && (is_first || !c.is_ascii()) => {
                is_first = false;
                escape(c, &mut out);
            }
            c => out.push(c),
        }
    }
    (out != text).then(|| out.into_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BODY: &str =
        r#"{"event":"session.end","user":{"id":7,"name":"Siti Rahma"},"n":[1,2.5],"note":"a \"b\" é"}"#;

    fn of(name: FaultName) -> String {
        with(&CallbackFault::named(name), BODY)
    }

    fn with(fault: &CallbackFault, body: &str) -> String {
        String::from_utf8(changed(fault, body.as_bytes()).expect("something to change")).unwrap()
    }

    #[test]
    fn every_fault_of_a_body() {
        use FaultName as Name;
        let event = BODY.replace(r#""event":"session.end","#, "");
        let value = |text: &str| BODY.replace(r#""session.end""#, text);
        assert_eq!(of(Name::BodyBom), format!("\u{feff}{BODY}"));
        assert_eq!(of(Name::BodyEmpty), "");
        assert_eq!(of(Name::BodyMissingField), event);
        assert_eq!(of(Name::BodyWrongType), value(r#"{"unexpected":"a table"}"#));
        assert_eq!(of(Name::BodyNull), value("null"));
        assert_eq!(of(Name::BodyUnknownEvent), value(r#""mock.unknown_event""#));
        assert_eq!(of(Name::BodyDuplicateKeys), format!("{{\"event\":null,{}", &BODY[1..]));
        assert_eq!(
            of(Name::BodyNumbersAsStrings),
            BODY.replace(":7", ":\"7\"").replace("[1,2.5]", "[\"1\",\"2.5\"]")
        );
        assert!(of(Name::BodyKeyOrder).starts_with("{\"note\":"));
        assert!(of(Name::BodyHuge).len() > 1 << 20);
        assert!(of(Name::BodyUnknownFields).contains("\"x_unknown\":{\"list\":[1,null,"));
        assert!(of(Name::BodyEmoji).contains("\"name\":\"Siti Rahma 👩‍👩‍👧 🎉 مرحبا"));
        assert!(of(Name::BodySpaced).starts_with("{\n  \"event\": \"session.end\",\n"));
        assert!(of(Name::BodyEscaped).contains(r#"{"\u0065vent":"\u0073ession.end""#));
        assert!(of(Name::BodyEscaped).ends_with(r#""\u006eote":"\u0061 \"b\" \u00e9"}"#));
    }

    #[test]
    fn a_field_is_named_by_its_path() {
        let at = |name, field: &str| {
            let fault = CallbackFault { field: Some(field.to_owned()), ..CallbackFault::named(name) };
            changed(&fault, BODY.as_bytes()).map(|body| String::from_utf8(body).unwrap())
        };
        let missing = at(FaultName::BodyMissingField, "user.name").unwrap();
        assert_eq!(missing, BODY.replace(r#","name":"Siti Rahma""#, ""));
        assert_eq!(at(FaultName::BodyNull, "n.1").unwrap(), BODY.replace("2.5", "null"));
        assert_eq!(at(FaultName::BodyWrongType, "user.id").unwrap(), BODY.replace(":7", ":[\"unexpected\"]"));
        assert_eq!(at(FaultName::BodyNull, "user.age"), None);
    }

    #[test]
    fn what_is_no_table_is_left_alone() {
        for name in [FaultName::BodyNull, FaultName::BodyHuge, FaultName::BodyKeyOrder, FaultName::BodySpaced]
        {
            assert_eq!(changed(&CallbackFault::named(name), b"plain text"), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn escapes_mean_the_same(text in "\\PC{0,20}", key in "[a-zé\"\\\\]{0,5}") {
            let value = json!({ key: text, "list": ["é", "\u{1f600}"] });
            let body = escaped(value.to_string().as_bytes()).unwrap();
            prop_assert!(body.is_ascii());
            prop_assert_eq!(serde_json::from_slice::<Value>(&body).unwrap(), value);
        }
    }
}
