//! The recipients of a template message: the numbers of a request, read one by one.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};
use serde_json::Value;

use crate::content::Country;
use crate::contract::fields::{Given, decode, shown};
use crate::simulator::Refusal;
use crate::simulator::e164::{PhoneNumber, e164_or_bare};
use crate::simulator::outcome::MockOutcome;

/// Maximum number of phone numbers in one request.
const MOST_NUMBERS: usize = 10_000;

/// A text, which may also come as a number.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(transparent)]
pub(super) struct TextOrNumber(String);

impl<'de> Deserialize<'de> for TextOrNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = TextOrNumber;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E>(self, text: &str) -> Result<TextOrNumber, E> {
                Ok(TextOrNumber(text.to_owned()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<TextOrNumber, E> {
                Ok(TextOrNumber(number.to_string()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<TextOrNumber, E> {
                Ok(TextOrNumber(number.to_string()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<TextOrNumber, E> {
                Ok(TextOrNumber(number.to_string()))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// Returns the texts of a list.
pub(super) fn texts(list: Option<Vec<TextOrNumber>>) -> Option<Vec<String>> {
    Some(list?.into_iter().map(|text| text.0).collect())
}

/// Whom a template message goes to (assumed).
#[derive(Debug, JsonSchema)]
#[serde(untagged)]
pub(super) enum Recipient {
    /// A number alone.
    Number(#[schemars(with = "PhoneNumber")] String),
    /// A number with what is meant for it alone.
    With(RecipientFields),
}

/// A number with what is meant for it alone (assumed).
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct RecipientFields {
    /// The number, in E.164.
    #[schemars(with = "PhoneNumber")]
    number: TextOrNumber,
    /// The texts that fill `{{1}}`, `{{2}}`, ... for this number.
    variables: Option<Vec<TextOrNumber>>,
    /// The result of the message; for tests, not a field of the vendor.
    mock_outcome: Option<String>,
}

impl Recipient {
    /// # Errors
    ///
    /// Returns what is wrong with it.
    fn read(item: &Value) -> Result<Self, String> {
        match item {
            Value::String(text) => Ok(Self::Number(text.clone())),
            Value::Number(number) => Ok(Self::Number(number.to_string())),
            Value::Object(_) => decode(item).map(Self::With).map_err(|error| error.to_string()),
            other => {
                Err(format!("it is {}, expected a number in E.164, or an object with `number`", shown(other)))
            }
        }
    }
}

/// A number to send to, with the values that apply to it alone.
#[derive(Clone, Debug)]
pub(super) struct To {
    pub(super) number: u64,
    pub(super) variables: Option<Vec<String>>,
    pub(super) mock_outcome: Option<MockOutcome>,
}

impl To {
    /// Reads one of the numbers.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with it.
    pub(super) fn read(item: &Value) -> Result<Self, String> {
        let (text, variables, mock_outcome) = match Recipient::read(item)? {
            Recipient::Number(text) => (text, None, None),
            Recipient::With(fields) => (fields.number.0, texts(fields.variables), fields.mock_outcome),
        };
        let number = e164_or_bare(&text).ok_or_else(|| {
            format!("{} is not a number in E.164 such as `+6281112345678`", shown(&Value::from(text)))
        })?;
        let mock_outcome = mock_outcome.map(|text| text.parse::<MockOutcome>()).transpose();
        let mock_outcome = mock_outcome.map_err(|error| format!("mock_outcome: {error}"))?;
        Ok(Self { number, variables, mock_outcome })
    }
}

/// Returns the numbers of `to` as written: a list, one text with commas, or a single one.
///
/// # Errors
///
/// If there are none, or too many, or if the value has another shape.
pub(super) fn many(to: &Given<Vec<Recipient>>) -> Result<Vec<Value>, Refusal> {
    let items = items(Some(to.value()), "a list of numbers in E.164")?;
    if items.len() > MOST_NUMBERS {
        let many = items.len();
        let message =
            format!("to has {many} numbers, but at most {MOST_NUMBERS} are accepted in one request");
        return Err(Refusal::new(400, message));
    }
    Ok(items)
}

/// Returns the single number of `to` as written.
///
/// # Errors
///
/// If there is none, or more than one, or if the value has another shape.
pub(super) fn single(to: Option<&Given<Recipient>>) -> Result<Value, Refusal> {
    let mut items = items(to.map(Given::value), "a number in E.164")?;
    match items.len() {
        1 => Ok(items.swap_remove(0)),
        many => Err(Refusal::new(400, format!("to has {many} numbers, expected one"))),
    }
}

fn items(to: Option<&Value>, expected: &str) -> Result<Vec<Value>, Refusal> {
    let items = match to {
        Some(Value::Array(items)) => items.clone(),
        Some(Value::String(text)) if text.is_empty() => Vec::new(),
        // A form has no lists.
        Some(Value::String(text)) => text.split(',').map(|part| Value::from(part.trim())).collect(),
        Some(single) if single.is_object() || single.is_number() => vec![single.clone()],
        None | Some(Value::Null) => Vec::new(),
        Some(other) => {
            return Err(Refusal::new(400, format!("to is {}, expected {expected}", shown(other))));
        }
    };
    if items.is_empty() {
        return Err(Refusal::new(400, format!("to is missing: {expected}")));
    }
    Ok(items)
}

/// Returns the country of a number.
pub(super) fn country(number: u64) -> Country {
    let digits = number.to_string();
    let by_code = Country::of_number(&digits);
    by_code.unwrap_or(Country::Id)
}
