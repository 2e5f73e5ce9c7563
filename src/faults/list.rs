//! Lists of faults in files, each a table or a text.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::file::FaultFile;
use super::text;

/// A fault in a list: a table, or a text such as `duplicate of session.end, every 2nd`.
struct Written(FaultFile);

impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Written;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a fault such as \"duplicate of session.end, every 2nd\", or a table")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Written, E> {
                text::read(text).map(Written).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Written, A::Error> {
                FaultFile::deserialize(MapAccessDeserializer::new(map)).map(Written)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// Reads a list of faults, each a table or a text.
pub(crate) fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<FaultFile>, D::Error> {
    let list = Vec::<Written>::deserialize(deserializer)?;
    Ok(list.into_iter().map(|Written(fault)| fault).collect())
}

/// The schema of a list of faults.
pub(crate) struct FaultList;

impl JsonSchema for FaultList {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "FaultList".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let text = "What goes wrong, with which requests or callbacks, and when: `duplicate of \
            session.end, every 2nd`.";
        json_schema!({ "type": "array", "items": { "anyOf": [
            generator.subschema_for::<FaultFile>(),
            { "type": "string", "format": "fault", "description": text, "examples": ["duplicate of session.end, every 2nd"] },
        ]}})
    }
}
