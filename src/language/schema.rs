//! The JSON Schema of a file, generated from the Rust type that the file is read into.
//!
//! Besides the standard keywords there are our own, which editors ignore: `x-noun` (the name of a table in messages),
//! `x-exactly-one` (keys of which a table has exactly one), `x-items`, `x-keys` and `x-values` (the `format` of the items
//! of a list, of the keys of a table, of its values), `x-wanted` (the expected text, in words), `x-old-name` (the former
//! name of a key: still read, as a deprecated property).

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

/// Returns the schema of a type, without what TOML cannot express.
pub(crate) fn of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with_transform(RecursiveTransform(tidy));
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// Returns the schema as it is printed and committed. Old names of keys are read, but nobody has to know them.
pub(crate) fn text(schema: &Value) -> String {
    let mut schema = schema.clone();
    without_old_names(&mut schema);
    // `Schema` orders its keywords for human readers.
    let ordered = Schema::try_from(schema.clone()).ok();
    let text = ordered.and_then(|schema| serde_json::to_string_pretty(&schema).ok());
    text.unwrap_or_else(|| format!("{schema:#}")) + "\n"
}

fn without_old_names(schema: &mut Value) {
    match schema {
        Value::Object(keywords) => {
            if let Some(Value::Object(properties)) = keywords.get_mut("properties") {
                properties.retain(|_, property| property.get("deprecated") != Some(&Value::Bool(true)));
            }
            keywords.values_mut().for_each(without_old_names);
        }
        Value::Array(items) => items.iter_mut().for_each(without_old_names),
        _ => {}
    }
}

/// TOML has no null, and the widths of Rust's integers become limits.
fn tidy(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        let renamed: Vec<(String, Value)> = properties
            .values_mut()
            .filter_map(|property| {
                let old = property.as_object_mut()?.shift_remove("x-old-name")?.as_str()?.to_owned();
                let mut property = property.clone();
                property["deprecated"] = Value::Bool(true);
                Some((old, property))
            })
            .collect();
        properties.extend(renamed);
    }
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(branches)) = object.get_mut("anyOf") {
        branches.retain(|branch| *branch != json!({ "type": "null" }));
        if let [Value::Object(only)] = branches.as_slice() {
            let only = only.clone();
            object.shift_remove("anyOf");
            for (keyword, value) in only {
                object.entry(keyword).or_insert(value);
            }
        }
    }
    let limit = match object.get("format").and_then(Value::as_str) {
        Some("uint8") => Some(u64::from(u8::MAX)),
        Some("uint16") => Some(u64::from(u16::MAX)),
        Some("uint32") => Some(u64::from(u32::MAX)),
        Some("uint" | "uint64") => Some(u64::MAX),
        Some("double" | "float" | "int64") => None,
        _ => return,
    };
    object.shift_remove("format");
    if let Some(limit) = limit {
        object.entry("maximum").or_insert(json!(limit));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Example {
        count: Option<u16>,
        many: Option<Vec<f64>>,
        inner: Option<Inner>,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Renamed {
        #[schemars(extend("x-old-name" = "tries"))]
        attempts: Option<u16>,
    }

    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Inner {
        text: String,
    }

    #[test]
    fn schemas_know_no_null() {
        let schema = of::<Example>();
        assert_eq!(
            schema["properties"],
            json!({
                "count": { "type": "integer", "minimum": 0, "maximum": 65535 },
                "many": { "type": "array", "items": { "type": "number" } },
                "inner": { "$ref": "#/$defs/Inner" },
            })
        );
    }

    #[test]
    fn an_old_name_is_read_and_not_shown() {
        let schema = of::<Renamed>();
        assert_eq!(schema["properties"]["tries"]["deprecated"], true);
        assert!(!text(&schema).contains("tries") && text(&schema).contains("attempts"));
    }
}
