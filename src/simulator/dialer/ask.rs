//! Reads the parameters of the dialer's calls and refuses with the dialer's own codes.
//!
//! The codes are known from clients; which parameter leads to which of them, and the limits, are assumed unless said.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use serde_json::Value;

use crate::simulator::Response;
use crate::simulator::params::shown;

/// Some libraries leave the padding away.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// A refusal.
pub(super) fn refuse(code: i64, message: impl Into<String>) -> Response {
    Response::Error { code, message: message.into() }
}

/// The parameters of a call, and the code for one that is wrong and has none of its own.
#[derive(Clone, Copy)]
pub(super) struct Ask<'a> {
    fields: &'a Value,
    code: i64,
}

impl<'a> Ask<'a> {
    pub(super) fn new(fields: &'a Value, code: i64) -> Self {
        Self { fields, code }
    }

    /// The same parameters with another code.
    pub(super) fn code(self, code: i64) -> Self {
        Self { code, ..self }
    }

    /// A parameter as it came; null and an empty text count as missing.
    pub(super) fn value(self, name: &str) -> Option<&'a Value> {
        self.fields.get(name).filter(|value| !value.is_null() && value.as_str() != Some(""))
    }

    pub(super) fn wrong(self, name: &str, value: &Value, expected: &str) -> Response {
        refuse(self.code, format!("{name} is {}, expected {expected}", shown(value)))
    }

    /// A text; nothing if it is missing.
    pub(super) fn text(self, name: &str) -> Result<Option<&'a str>, Response> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(value) => Err(self.wrong(name, value, "a string")),
        }
    }

    /// A number within a range; forms send it as a text.
    pub(super) fn number(
        self,
        name: &str,
        range: std::ops::RangeInclusive<f64>,
    ) -> Result<Option<f64>, Response> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let number = match value {
            Value::String(text) => text.trim().parse().ok(),
            value => value.as_f64(),
        };
        number.filter(|number| range.contains(number)).map(Some).ok_or_else(|| {
            self.wrong(name, value, &format!("a number from {} to {}", range.start(), range.end()))
        })
    }

    /// A whole number up to a limit.
    pub(super) fn whole(self, name: &str, most: u32) -> Result<Option<u32>, Response> {
        let number = self.number(name, 0.0..=f64::from(most))?;
        match number {
            Some(number) if number.fract() != 0.0 => {
                let value = self.value(name).unwrap_or(&Value::Null);
                Err(self.wrong(name, value, "a whole number"))
            }
            number => Ok(number.map(|number| number as u32)),
        }
    }

    /// Yes or no: `Y` and `N` (client); booleans, `true` and `false`, 1 and 0 are understood as well.
    pub(super) fn flag(self, name: &str) -> Result<Option<bool>, Response> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let flag = match value {
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => match text.as_str() {
                "Y" | "y" | "true" | "1" => Some(true),
                "N" | "n" | "false" | "0" => Some(false),
                _ => None,
            },
            Value::Number(number) => match number.as_u64() {
                Some(1) => Some(true),
                Some(0) => Some(false),
                _ => None,
            },
            _ => None,
        };
        flag.map(Some).ok_or_else(|| self.wrong(name, value, "`Y` or `N`"))
    }

    /// A list. Forms have none: there it comes as its JSON text, or as a text that is the only element.
    pub(super) fn list(self, name: &str) -> Result<Cow<'a, [Value]>, Response> {
        match self.value(name) {
            None => Ok(Cow::Borrowed(&[])),
            Some(Value::Array(list)) => Ok(Cow::Borrowed(list)),
            Some(value @ Value::String(text)) if text.trim_start().starts_with('[') => {
                serde_json::from_str(text).map(Cow::Owned).map_err(|_| self.wrong(name, value, "a list"))
            }
            Some(value @ Value::String(_)) => Ok(Cow::Borrowed(std::slice::from_ref(value))),
            Some(value) => Err(self.wrong(name, value, "a list")),
        }
    }

    /// A moment `YYYY-MM-DD HH:MM:SS` in the account's zone (client).
    pub(super) fn moment(self, name: &str, zone: Offset) -> Result<Option<Timestamp>, Response> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let read = DateTime::strptime("%Y-%m-%d %H:%M:%S", text).ok();
        read.and_then(|civil| zone.to_timestamp(civil).ok())
            .map(Some)
            .ok_or_else(|| self.wrong(name, &Value::from(text), "a time such as `2030-01-31 09:00:00`"))
    }

    /// The URL in `callback` (base64 of it, required: client).
    pub(super) fn callback(self) -> Result<String, Response> {
        let text = self.code(10504).text("callback")?.map(str::trim).filter(|text| !text.is_empty());
        let text = text.ok_or_else(|| refuse(10503, "callback is missing: the base64 of a URL"))?;
        let bytes = STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok();
        let url = bytes
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(|| refuse(10504, "callback is not the base64 of a URL"))?;
        match url.parse::<crate::net::Target>() {
            Ok(_) => Ok(url),
            Err(error) => Err(refuse(10504, format!("callback holds no URL: {error}"))),
        }
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

/// The digits of a number: a `+`, then at most 14 digits (client); at least 7 and no 0 in front is assumed.
pub(super) fn phone(text: &str) -> Option<u64> {
    crate::simulator::e164::e164(text.trim()).filter(|number| is_dialled(*number))
}
