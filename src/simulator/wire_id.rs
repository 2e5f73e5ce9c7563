//! Ids on the wire, kept small: the vendor's are 32 hexadecimal digits or plain numbers, and there are very many.

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Serialize, Serializer};

use crate::hex32::Hex32;
use crate::seed::{self, Rng};

/// The most digits that always fit into a number.
const MOST_DIGITS: usize = 19;

/// An id. Each text has one form only, so that equal ids are equal texts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum WireId {
    /// 32 lower-case hexadecimal digits.
    Hex([u8; 16]),
    /// Decimal digits without a leading zero.
    Number(u64),
    /// Anything else, such as what stories make up.
    Text(Box<str>),
}

impl Hash for WireId {
    /// Every call looks for some id: half of the digits, which are drawn, tell the vendor's apart as well as all do.
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Hex(bytes) => state.write(&bytes[..8]),
            Self::Number(number) => state.write_u64(*number),
            Self::Text(text) => text.hash(state),
        }
    }
}

impl WireId {
    /// An id of the vendor's, the one that [`hex32`](crate::seed::hex32) draws.
    pub(super) fn draw(rng: &mut Rng) -> Self {
        Self::from(seed::hex32(rng))
    }

    /// Whether it is the empty text.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }
}

impl Default for WireId {
    fn default() -> Self {
        Self::Text(Box::default())
    }
}

impl From<&str> for WireId {
    fn from(text: &str) -> Self {
        if let Some(bytes) = Hex32::read(text) {
            return Self::Hex(bytes);
        }
        let is_number = (1..=MOST_DIGITS).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && (text == "0" || !text.starts_with('0'));
        match text.parse() {
            Ok(number) if is_number => Self::Number(number),
            _ => Self::Text(text.into()),
        }
    }
}

impl From<String> for WireId {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl fmt::Display for WireId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hex(bytes) => f.write_str(Hex32::of(bytes).as_str()),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl Serialize for WireId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Hex(bytes) => serializer.serialize_str(Hex32::of(bytes).as_str()),
            Self::Number(number) => serializer.serialize_str(itoa::Buffer::new().format(*number)),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_usual_forms_take_no_memory_of_their_own() {
        assert_eq!(size_of::<WireId>(), 24);
        let hex = "0123456789abcdef0123456789abcdef";
        assert!(matches!(WireId::from(hex), WireId::Hex(_)));
        assert_eq!(WireId::from("6281112345678"), WireId::Number(6_281_112_345_678));
        for text in ["", "007", "0123456789ABCDEF0123456789abcdef", "0123456789abcdef0123456789abcdef-1"] {
            assert!(matches!(WireId::from(text), WireId::Text(_)), "{text}");
        }
        assert!(WireId::default().is_empty() && !WireId::from("0").is_empty());
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in "|[0-9]{0,25}|[0-9a-fA-F]{31,33}|.{0,9}") {
            let id = WireId::from(text.as_str());
            prop_assert_eq!(id.to_string(), text.as_str());
            prop_assert_eq!(serde_json::to_value(&id).unwrap(), serde_json::Value::from(text));
        }
    }
}
