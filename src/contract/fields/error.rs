//! What is wrong with a field of a request.

use std::fmt;

use serde::de;
use serde_json::Value;

/// Maximum length of a value repeated in a message, in characters.
const SHOWN: usize = 60;

/// Formats a value for a message: short, on one line.
pub(crate) fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => format!("`{}`", text.escape_debug()),
        other => other.to_string(),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// Lists words for a message about what is expected.
pub(super) fn one_of(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(" or ")
}

/// A field that cannot be used as received. The message names the path of the field, the received value, and what is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    path: String,
    fault: Fault,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Fault {
    Missing { expected: String },
    Wrong { got: String, expected: String },
    Other(String),
}

impl FieldError {
    pub(super) fn missing() -> Self {
        Self { path: String::new(), fault: Fault::Missing { expected: String::new() } }
    }

    pub(super) fn wrong(value: &Value, expected: &dyn fmt::Display) -> Self {
        Self {
            path: String::new(),
            fault: Fault::Wrong { got: shown(value), expected: expected.to_string() },
        }
    }

    /// Returns the path of the field: `business.calls[0].callee`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether a required field is missing.
    pub fn is_missing(&self) -> bool {
        matches!(self.fault, Fault::Missing { .. })
    }

    /// Returns the error with the name of the enclosing object's field before the path.
    pub(super) fn within(mut self, name: &str) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{name}{dot}{}", self.path);
        self
    }

    /// Returns the error with the index in the enclosing list before the path.
    pub(super) fn at(self, index: usize) -> Self {
        self.within(&format!("[{index}]"))
    }

    /// Returns the error with the name that was probably meant, if the request has a top-level field of that name in another
    /// letter case.
    #[must_use]
    pub fn with_case_of(mut self, fields: &Value) -> Self {
        let Fault::Missing { expected } = &mut self.fault else { return self };
        let mut names = fields.as_object().into_iter().flat_map(serde_json::Map::keys);
        // An empty field counts as missing, too.
        if let Some(came) = names.find(|name| **name != self.path && name.eq_ignore_ascii_case(&self.path)) {
            let came = shown(&Value::from(came.as_str()));
            let colon = if expected.is_empty() { "" } else { "; " };
            expected.push_str(&format!("{colon}{came} differs only in letter case"));
        }
        self
    }

    /// Whether the field is missing, so that the reference should say what belongs there.
    pub(super) fn lacks_hint(&self) -> bool {
        matches!(&self.fault, Fault::Missing { expected } if expected.is_empty())
    }

    pub(super) fn with_hint(mut self, hint: String) -> Self {
        if let Fault::Missing { expected } = &mut self.fault {
            *expected = hint;
        }
        self
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "the body" } else { &self.path };
        match &self.fault {
            Fault::Missing { expected } if expected.is_empty() => write!(f, "{path} is missing"),
            Fault::Missing { expected } => write!(f, "{path} is missing: {expected}"),
            // The value may be a secret, and messages are shown where secrets must not be.
            Fault::Wrong { expected, .. } if self.path.to_ascii_lowercase().ends_with("appsecret") => {
                write!(f, "{path} is ***, expected {expected}")
            }
            Fault::Wrong { got, expected } => write!(f, "{path} is {got}, expected {expected}"),
            Fault::Other(message) => write!(f, "{path} {message}"),
        }
    }
}

impl std::error::Error for FieldError {}

/// Takes the message of a type's own `Deserialize`. A custom message continues the field's name: `has 70 characters, 63 is the
/// most`.
impl de::Error for FieldError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { path: String::new(), fault: Fault::Other(message.to_string()) }
    }

    fn invalid_type(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::invalid_value(unexpected, expected)
    }

    fn invalid_value(unexpected: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let got = match unexpected {
            de::Unexpected::Str(text) => shown(&Value::from(text)),
            de::Unexpected::Signed(number) => number.to_string(),
            de::Unexpected::Unsigned(number) => number.to_string(),
            de::Unexpected::Float(number) => number.to_string(),
            de::Unexpected::Bool(value) => value.to_string(),
            de::Unexpected::Unit => "null".to_owned(),
            de::Unexpected::Seq => "a list".to_owned(),
            de::Unexpected::Map => "an object".to_owned(),
            other => other.to_string(),
        };
        Self { path: String::new(), fault: Fault::Wrong { got, expected: expected.to_string() } }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::wrong(&Value::from(variant), &one_of(expected))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::missing().within(field)
    }
}
