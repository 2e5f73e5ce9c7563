//! Translates the names and words in a JSON Schema.

use serde_json::{Map, Value};

use super::Renames;

impl Renames {
    /// Returns the schema of a body after its fields and words were translated. Schemas of parts stand in their places, without
    /// references.
    pub fn schema(&self, schema: &Value) -> Value {
        let Value::Object(parts) = schema else { return schema.clone() };
        let mut out: Map<String, Value> =
            parts.iter().map(|(key, part)| (key.clone(), self.part(key, part))).collect();
        // A word may have become a number: then the words alone say what it may be.
        if self.words.values().any(|other| !other.starts_with('"')) {
            out.remove("type");
        }
        Value::Object(out)
    }

    fn part(&self, key: &str, part: &Value) -> Value {
        match (key, part) {
            ("properties", Value::Object(fields)) => {
                let field = |(own, schema): (&String, &Value)| match self.fields.get(own) {
                    Some(field) => (field.name.clone().unwrap_or_else(|| own.clone()), field.schema(schema)),
                    None => (own.clone(), schema.clone()),
                };
                Value::Object(fields.iter().map(field).collect())
            }
            ("required", Value::Array(names)) => names.iter().map(|name| self.other_name(name)).collect(),
            ("items", schema) => self.schema(schema),
            ("allOf" | "anyOf" | "oneOf", Value::Array(schemas)) => {
                schemas.iter().map(|schema| self.schema(schema)).collect()
            }
            ("const" | "default", word) => self.other_word(word),
            ("enum", Value::Array(words)) => words.iter().map(|word| self.other_word(word)).collect(),
            _ => part.clone(),
        }
    }

    fn other_name(&self, own: &Value) -> Value {
        let name = own.as_str().and_then(|own| self.fields.get(own)?.name.clone());
        name.map_or_else(|| own.clone(), Value::from)
    }

    fn other_word(&self, own: &Value) -> Value {
        let other = self.words.get(&own.to_string()).and_then(|other| serde_json::from_str(other).ok());
        other.unwrap_or_else(|| own.clone())
    }

    /// Returns a value with the translated names and words.
    pub fn value(&self, value: &Value) -> Value {
        serde_json::from_slice(&self.apply(value.to_string().as_bytes())).unwrap_or_else(|_| value.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    #[test]
    fn names_and_words_of_a_schema_are_those_of_the_bodies() {
        let names: BTreeMap<String, String> =
            serde_json::from_value(json!({ "rows": "list", "rows[].state": "status", "name": "title" }))
                .unwrap();
        let words: BTreeMap<String, BTreeMap<String, Value>> = serde_json::from_value(
            json!({ "rows[].state": { "on": 1, "off": 0 }, "kind": { "a": "b" }, "sure": { "true": "yes" } }),
        )
        .unwrap();
        let renames = Renames::new(&names, &words);
        let schema = json!({
            "type": "object", "description": "rows", "required": ["name", "kind"],
            "properties": {
                "rows": { "type": "array", "items": { "allOf": [
                    { "type": "object", "properties": { "state": { "type": "string", "enum": ["on", "off"] } } },
                ] } },
                "kind": { "oneOf": [{ "type": "string", "const": "a", "description": "A." }] },
                "sure": { "type": "boolean" },
                "name": { "type": "string", "default": "rows" },
            },
        });
        let wanted = json!({
            "type": "object", "description": "rows", "required": ["title", "kind"],
            "properties": {
                "list": { "type": "array", "items": { "allOf": [
                    { "type": "object", "properties": { "status": { "enum": [1, 0] } } },
                ] } },
                "kind": { "oneOf": [{ "type": "string", "const": "b", "description": "A." }] },
                "sure": { "type": "boolean" },
                "title": { "type": "string", "default": "rows" },
            },
        });
        assert_eq!(renames.schema(&schema), wanted);
        assert_eq!(
            renames.value(&json!({ "rows": [{ "state": "on" }] })),
            json!({ "list": [{ "status": 1 }] })
        );
    }
}
