//! Decodes JSON with a limit on the number of values: a short text can hold very many, each costing a hundred times its text.

use std::cell::Cell;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The beginning of the error about too many values.
pub(super) const TOO_MANY: &str = "more values than are taken";

/// The number of values that are still allowed.
#[derive(Clone, Copy)]
pub(super) struct Counted<'a>(pub(super) &'a Cell<usize>);

impl Counted<'_> {
    /// Counts one more value.
    pub(super) fn count<E: Error>(self) -> Result<(), E> {
        let left = self.0.get().checked_sub(1).ok_or_else(|| E::custom(TOO_MANY))?;
        self.0.set(left);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Counted<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Counted<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            fields.insert(name, entries.next_value_seed(self)?);
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str, most: usize) -> Result<Value, serde_json::Error> {
        let left = Cell::new(most);
        let mut reader = serde_json::Deserializer::from_str(text);
        let value = Counted(&left).deserialize(&mut reader)?;
        reader.end()?;
        Ok(value)
    }

    #[test]
    fn values_are_counted_wherever_they_stand() {
        let text = r#"{"a": [1, -2, 1.5, true, null, "x"], "b": {"c": {}}}"#;
        assert_eq!(read(text, 10).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        assert!(read(text, 9).unwrap_err().to_string().starts_with(TOO_MANY));
    }

    proptest! {
        #[test]
        fn it_reads_what_the_library_reads(text in r#"[\[\]{}:,"a0-9.e\-truefalsn ]{0,24}"#) {
            let usual = serde_json::from_str::<Value>(&text);
            prop_assert_eq!(read(&text, usize::MAX).ok(), usual.ok());
        }
    }
}
