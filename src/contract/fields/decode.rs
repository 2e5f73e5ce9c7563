//! Reads the fields of a request into its type.
//!
//! Queries and forms carry texts only. So a number may be given as a text, and an empty text counts as missing. Everything else
//! must have its type: a number in place of a name is a mistake that the vendor would not accept.

use schemars::JsonSchema;
use serde::Deserializer;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::error::{FieldError, one_of};
use super::reference;

/// Decodes a request from these fields. Fields that the type does not have are ignored.
///
/// # Errors
///
/// Returns the first field that is missing or cannot be used, with what is expected there.
pub fn decode<T: DeserializeOwned + JsonSchema>(fields: &Value) -> Result<T, FieldError> {
    // A request without a body has no fields. The type decides whether that is enough.
    let empty = Value::Object(Map::new());
    let fields = if fields.is_null() { &empty } else { fields };
    T::deserialize(Source(fields)).map_err(|error| match error.lacks_hint() {
        true => {
            let hint = reference::hint::<T>(error.path());
            error.with_hint(hint)
        }
        false => error,
    })
}

/// A value that is being read.
#[derive(Clone, Copy)]
struct Source<'de>(&'de Value);

/// Reads a whole number in any notation: some clients write 3.0.
fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_i64().or_else(|| {
            value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 1e15).map(|n| n as i64)
        }),
    }
}

impl<'de> Source<'de> {
    fn is_empty(self) -> bool {
        match self.0 {
            Value::Null => true,
            Value::String(text) => text.is_empty(),
            _ => false,
        }
    }

    fn visit_whole<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match whole(self.0) {
            Some(number) => visitor.visit_i64(number),
            None if self.is_empty() => Err(FieldError::missing()),
            None => Err(FieldError::wrong(self.0, &"a whole number")),
        }
    }

    fn visit_number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        let number = match self.0 {
            Value::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            value => value.as_f64(),
        };
        match number {
            Some(number) => visitor.visit_f64(number),
            None if self.is_empty() => Err(FieldError::missing()),
            None => Err(FieldError::wrong(self.0, &"a number")),
        }
    }

    fn visit_text<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self.0 {
            _ if self.is_empty() => Err(FieldError::missing()),
            Value::String(text) => visitor.visit_borrowed_str(text),
            other => Err(FieldError::wrong(other, &"a string")),
        }
    }

    fn visit_object<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self.0 {
            Value::Object(fields) => visitor.visit_map(Object { fields: fields.iter(), next: None }),
            _ if self.is_empty() => Err(FieldError::missing()),
            other => Err(FieldError::wrong(other, &"an object")),
        }
    }
}

macro_rules! as_whole {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
            self.visit_whole(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for Source<'de> {
    type Error = FieldError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(number), ..) => visitor.visit_i64(number),
                (_, Some(number), _) => visitor.visit_u64(number),
                (.., Some(number)) => visitor.visit_f64(number),
                (None, None, None) => Err(FieldError::wrong(self.0, &"a number")),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::Object(_) => self.visit_object(visitor),
        }
    }

    as_whole! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.visit_number(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.visit_number(visitor)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self.0 {
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::String(text) if text == "true" || text == "false" => visitor.visit_bool(text == "true"),
            _ if self.is_empty() => Err(FieldError::missing()),
            other => Err(FieldError::wrong(other, &"true or false")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.visit_text(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.visit_text(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.visit_text(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        if self.is_empty() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        match self.0 {
            Value::Array(items) => visitor.visit_seq(List { items: items.iter(), at: 0 }),
            _ if self.is_empty() => Err(FieldError::missing()),
            other => Err(FieldError::wrong(other, &"a list")),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, FieldError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.visit_object(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        self.visit_object(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        words: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, FieldError> {
        match self.0 {
            _ if self.is_empty() => Err(FieldError::missing()),
            Value::String(text) => {
                let word: StrDeserializer<'_, FieldError> = text.as_str().into_deserializer();
                visitor.visit_enum(word)
            }
            other => Err(FieldError::wrong(other, &one_of(words))),
        }
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        self.visit_text(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, FieldError> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! { i128 u128 bytes byte_buf unit unit_struct }
}

/// The fields of an object.
struct Object<'de> {
    fields: serde_json::map::Iter<'de>,
    next: Option<(&'de str, &'de Value)>,
}

impl<'de> MapAccess<'de> for Object<'de> {
    type Error = FieldError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, FieldError> {
        let Some((name, value)) = self.fields.next() else { return Ok(None) };
        self.next = Some((name, value));
        let name: StrDeserializer<'_, FieldError> = name.as_str().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, FieldError> {
        // serde asks for a value only after its key.
        let (name, value) = self.next.take().unwrap_or(("", &Value::Null));
        seed.deserialize(Source(value)).map_err(|error| error.within(name))
    }
}

/// The items of a list.
struct List<'de> {
    items: std::slice::Iter<'de, Value>,
    at: usize,
}

impl<'de> SeqAccess<'de> for List<'de> {
    type Error = FieldError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, FieldError> {
        let Some(item) = self.items.next() else { return Ok(None) };
        let at = self.at;
        self.at += 1;
        seed.deserialize(Source(item)).map(Some).map_err(|error| error.at(at))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::super::{LocalTime, NoEffect, Text, Whole};
    use super::*;

    /// Creates a task (client).
    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(rename_all = "PascalCase")]
    struct Create {
        /// The name of the task, unique within the account.
        task_name: Text<20>,
        /// How often a number is dialled.
        repeat_number: Option<Whole<1, 10>>,
        /// When it begins.
        start: Option<LocalTime>,
        /// What kind of task it is.
        #[serde(rename = "Type")]
        kind: Option<Kind>,
        /// A remark for people (client).
        #[serde(rename = "Remark")]
        _remark: Option<NoEffect<String>>,
        /// The people to call.
        people: Option<Vec<Person>>,
    }

    /// One person.
    #[derive(Debug, Deserialize, JsonSchema)]
    struct Person {
        /// The number, in E.164 (example).
        callee: String,
    }

    #[derive(Debug, Deserialize, JsonSchema, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Normal,
        Plan,
    }

    fn error(fields: Value) -> String {
        decode::<Create>(&fields).unwrap_err().to_string()
    }

    #[test]
    fn a_field_that_cannot_be_used_is_named() {
        let lines = [
            error(json!({})),
            error(Value::Null),
            error(json!([])),
            error(json!({"TaskName": 7})),
            error(json!({"TaskName": ""})),
            error(json!({"TaskName": "x".repeat(21)})),
            error(json!({"TaskName": "x", "RepeatNumber": "three"})),
            error(json!({"TaskName": "x", "RepeatNumber": 11})),
            error(json!({"TaskName": "x", "RepeatNumber": 1e300})),
            error(json!({"TaskName": "x", "Start": "tomorrow"})),
            error(json!({"TaskName": "x", "Start": "2030-02-30 00:00:00"})),
            error(json!({"TaskName": "x", "Type": "other"})),
            error(json!({"TaskName": "x", "Remark": 5})),
            error(json!({"TaskName": "x", "People": {}})),
            error(json!({"TaskName": "x", "People": [{"callee": "+1"}, {}]})),
            error(json!({"TaskName": "x", "People": [7]})),
        ];
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn numbers_come_as_texts_and_empty_texts_count_as_none() {
        let fields = json!({
            "TaskName": "x", "RepeatNumber": " 4 ", "Start": "", "Type": "normal", "Remark": "for people", "Other": [1],
            "People": [{"callee": "+6281112345678", "more": null}],
        });
        let create: Create = decode(&fields).unwrap();
        assert_eq!(create.task_name.as_str(), "x");
        assert_eq!(create.repeat_number.map(Whole::get), Some(4));
        assert!(create.start.is_none());
        assert_eq!(create.kind, Some(Kind::Normal));
        assert_eq!(create.people.unwrap()[0].callee, "+6281112345678");
        let float: Create = decode(&json!({"TaskName": "x", "RepeatNumber": 3.0})).unwrap();
        assert_eq!(float.repeat_number.map(Whole::get), Some(3));
    }
}
