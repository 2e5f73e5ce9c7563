//! Field types of the dialer's requests, and the code for each unusable field.
//!
//! The codes are known from clients. Which field leads to which code, and the limits, are assumed unless stated otherwise.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use jiff::civil::Time;
use schemars::JsonSchema;
use serde::de::{DeserializeOwned, Error, IgnoredAny, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::contract::fields::{FieldError, decode, parsed};
use crate::simulator::encoded_text::encoded_text;
use crate::simulator::{Refusal, Request};

/// Maximum length of a task's name, in characters.
const LONGEST_NAME: usize = 63;

/// Returns the refusal with the dialer's code for the field.
pub(super) fn refuse(request: &Request<'_>, error: FieldError) -> Refusal {
    let code = code(request.id, error.path(), error.is_missing());
    Refusal::new(code, error.with_case_of(request.fields).to_string())
}

fn code(id: &str, path: &str, is_missing: bool) -> i64 {
    let field = path.split(['.', '[']).next().unwrap_or_default();
    match (id, field) {
        ("dialer.auth", "APPKey") => 10301,
        ("dialer.auth", _) => 10302,
        ("dialer.recording", _) => {
            if is_missing {
                10608
            } else {
                10609
            }
        }
        (_, "fromTask") if is_missing => 10519,
        (_, "TaskID" | "taskId") if is_missing => 10502,
        (_, "fromTask" | "TaskID" | "taskId") => 10702,
        ("dialer.tasks", _) => 10606,
        ("dialer.task_detail", _) => 10607,
        (_, "callback") => {
            if is_missing {
                10503
            } else {
                10504
            }
        }
        ("dialer.cancel_contacts", "contactList") if is_missing => 10505,
        (_, "groupName") => 10512,
        (_, "taskName") => 10518,
        (_, "restTimes") => 10520,
        (_, "repeatTimes") => 10521,
        (_, "bulkCallInterval") => 10522,
        (_, "resultStrategies") if path.ends_with(".repeatTimes") => 10521,
        (_, "resultStrategies") if path.ends_with(".bulkCallInterval") => 10522,
        (_, "voicemailCheck" | "voicemailRedial") => 10523,
        (_, "autoQa" | "autoQA") => 10524,
        (_, "maxLostRate") => 10525,
        (_, "contactNumberInterval") => 10526,
        (_, "agentName") => 10550,
        _ => 10501,
    }
}

/// Whether a text has the form of the vendor's ids.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Whether a number has at most 14 digits (client).
pub(super) fn is_dialled(number: u64) -> bool {
    number < 100_000_000_000_000
}

/// Parses the digits of a number: a `+`, then at most 14 digits (client); that there are at least 7 and no leading 0 is
/// assumed.
pub(super) fn phone(text: &str) -> Option<u64> {
    crate::simulator::e164::e164(text.trim()).filter(|number| is_dialled(*number))
}

/// Yes or no: `Y` and `N` (client); booleans, `true` and `false`, 1 and 0 are understood as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(inline, extend("enum" = ["Y", "N"]))]
pub(super) struct Flag(#[schemars(with = "String")] pub(super) bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let word = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let expected = &"`Y` or `N`";
        match word.as_str() {
            "Y" | "y" | "true" | "1" => Ok(Self(true)),
            "N" | "n" | "false" | "0" => Ok(Self(false)),
            _ if value.is_string() => Err(D::Error::invalid_value(Unexpected::Str(&word), expected)),
            _ => Err(D::Error::invalid_value(Unexpected::Other(&word), expected)),
        }
    }
}

/// A word that some clients write as a number.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(inline, extend("type" = ["string", "number"]))]
pub(super) struct Word(pub(super) String);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(word) => Ok(Self(word)),
            Value::Number(number) => Ok(Self(number.to_string())),
            value => {
                Err(D::Error::invalid_value(Unexpected::Other(&value.to_string()), &"a string or a number"))
            }
        }
    }
}

/// A text that may be empty.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(inline)]
pub(super) struct Pattern(pub(super) String);

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self(text)),
            value => Err(D::Error::invalid_value(Unexpected::Other(&value.to_string()), &"a string")),
        }
    }
}

/// A name as tasks have one: 1 to 63 characters that can be seen.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(inline, extend("minLength" = 1, "maxLength" = LONGEST_NAME))]
pub(super) struct Name(pub(super) String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let length = name.chars().count();
        if name.trim().is_empty() || length > LONGEST_NAME || name.chars().any(char::is_control) {
            let message = format_args!("must have 1 to {LONGEST_NAME} visible characters");
            return Err(D::Error::custom(message));
        }
        Ok(Self(name))
    }
}

/// A time of the day, `HH:MM:SS` (client).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(inline, extend("x-form" = "HH:MM:SS"))]
pub(super) struct Clock(#[schemars(with = "String")] pub(super) Time);

impl<'de> Deserialize<'de> for Clock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = |text: &str| Time::strptime("%H:%M:%S", text).ok();
        parsed(deserializer, "a time such as `12:00:00`", read).map(Self)
    }
}

/// Where the notices of a task go, as the base64 of it: a URL, or any other text for nowhere (client).
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(inline, extend("x-form" = "base64"))]
pub(super) struct EncodedCallback(pub(super) String);

impl<'de> Deserialize<'de> for EncodedCallback {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let text = text.trim();
        if text.is_empty() {
            return Err(D::Error::missing_field(""));
        }
        encoded_text(text).map(Self).ok_or_else(|| D::Error::custom("is not base64 of a text"))
    }
}

/// A list. Forms have none: there it comes as its JSON text, or as a text that is the only element.
#[derive(Debug, JsonSchema)]
#[schemars(inline)]
pub(super) struct List<T>(Vec<T>);

impl<T> List<T> {
    /// Returns the elements of a list that may be missing.
    pub(super) fn items(list: Option<Self>) -> Vec<T> {
        list.map(|list| list.0).unwrap_or_default()
    }
}

impl<'de, T: DeserializeOwned + JsonSchema> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(PhantomData<T>);

        impl<'de, T: DeserializeOwned + JsonSchema> Visitor<'de> for Items<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(List(items))
            }

            fn visit_unit<E: Error>(self) -> Result<List<T>, E> {
                Err(E::missing_field(""))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<List<T>, E> {
                let list = text_list(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))?;
                decode(&list).map(List).map_err(|error| E::custom(format_args!("cannot be used: {error}")))
            }
        }

        deserializer.deserialize_any(Items(PhantomData))
    }
}

/// Parses the list in a text of a form.
fn text_list(text: &str) -> Option<Value> {
    if text.trim_start().starts_with('[') {
        serde_json::from_str(text).ok()
    } else {
        Some(Value::Array(vec![text.into()]))
    }
}

/// An element of a list that may be long.
// The elements are not parsed here, see `elements`; this type only describes them.
#[derive(Debug, JsonSchema)]
#[schemars(inline)]
pub(super) struct Unread<T>(#[schemars(with = "T")] PhantomData<T>);

impl<'de, T> Deserialize<'de> for Unread<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self(PhantomData))
    }
}

/// Returns the elements of a list of [`Unread`] ones, as received.
pub(super) fn elements<'a>(request: &Request<'a>, name: &str) -> Cow<'a, [Value]> {
    match request.fields.get(name) {
        Some(Value::Array(list)) => Cow::Borrowed(list),
        Some(Value::String(text)) if !text.is_empty() => match text_list(text) {
            Some(Value::Array(list)) => Cow::Owned(list),
            _ => Cow::Borrowed(&[]),
        },
        _ => Cow::Borrowed(&[]),
    }
}
