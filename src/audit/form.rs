//! Writes bodies with the same meaning in other bytes.

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

use super::step::Form;

/// Writes a body in this form.
pub(super) fn write(value: &Value, form: Form) -> Vec<u8> {
    match form {
        Form::Compact => value.to_string().into_bytes(),
        Form::Spaced => spaced(value),
        Form::LineEnds => String::from_utf8_lossy(&spaced(value)).replace('\n', "\r\n").into_bytes(),
        Form::TrailingNewline => format!("{value}\n").into_bytes(),
        Form::Reversed => reversed(value).to_string().into_bytes(),
        Form::Escaped => escaped(&value.to_string()).into_bytes(),
    }
}

/// Writes white space as no library does by default.
fn spaced(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut out, PrettyFormatter::with_indent(b" \t "));
    // A value that was read from JSON can always be written.
    let _ = value.serialize(&mut serializer);
    out
}

fn reversed(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            Value::Object(fields.iter().rev().map(|(name, value)| (name.clone(), reversed(value))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(reversed).collect()),
        other => other.clone(),
    }
}

/// Slashes and non-ASCII letters occur only in texts.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + 32);
    for letter in json.chars() {
        match letter {
            '/' => out.push_str("\\/"),
            letter if letter.is_ascii() => out.push(letter),
            letter => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_says_the_same_in_other_bytes() {
        let value = json!({ "b": "é/🚀", "a": [{ "y": 1, "x": 2 }] });
        let forms = [
            Form::Compact,
            Form::Spaced,
            Form::LineEnds,
            Form::TrailingNewline,
            Form::Reversed,
            Form::Escaped,
        ];
        let written: Vec<Vec<u8>> = forms.iter().map(|form| write(&value, *form)).collect();
        for (at, bytes) in written.iter().enumerate() {
            assert_eq!(serde_json::from_slice::<Value>(bytes).unwrap(), value);
            assert!(!written[..at].contains(bytes), "{:?}", forms[at]);
        }
        assert_eq!(written[5], br#"{"b":"\u00e9\/\ud83d\ude80","a":[{"y":1,"x":2}]}"#);
        assert!(written[4].starts_with(br#"{"a":[{"x""#));
    }
}
