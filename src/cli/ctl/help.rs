//! The help of an operation: what it does, and its fields.

use std::fmt::Write;

use serde_json::Value;

use crate::console::{Described, PREFIX, asked, is_large};

/// Returns the help of an operation.
pub(super) fn of(operation: Described) -> String {
    let Described { name, method, path, what } = operation;
    let mut text = format!("{name}: {method} {PREFIX}{path}\n\nIt {what}.\n\n");
    if is_large(method, &format!("{PREFIX}{path}")) {
        let _ = writeln!(text, "Usage: airudder-mock ctl {name} < FILE");
        return text;
    }
    let schema = asked(name).unwrap_or_default();
    let fields: Vec<(&String, &Value)> = schema["properties"].as_object().into_iter().flatten().collect();
    if fields.is_empty() {
        let _ = writeln!(text, "Usage: airudder-mock ctl {name}\n\nIt has no fields.");
        return text;
    }
    let _ = writeln!(text, "Usage: airudder-mock ctl {name} [FIELD=VALUE]...\n\nFields:");
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let required: Vec<&str> = required.collect();
    for (field, schema) in fields {
        let what = schema["description"].as_str().unwrap_or_default().replace('\n', " ");
        let needed = if required.contains(&field.as_str()) { ", required" } else { "" };
        let _ = writeln!(text, "  {field}: {}{needed}\n      {what}", takes(schema));
    }
    text
}

/// Returns what a field takes, in words.
fn takes(schema: &Value) -> String {
    if let Some(word) = schema["const"].as_str() {
        return format!("`{word}`");
    }
    if let Some(words) = schema["enum"].as_array() {
        let words = words.iter().filter_map(Value::as_str).map(|word| format!("`{word}`"));
        return words.collect::<Vec<_>>().join(", ");
    }
    for several in ["anyOf", "oneOf"] {
        if let Some(all) = schema[several].as_array() {
            let all = all.iter().filter(|one| one["type"] != "null").map(takes);
            return all.collect::<Vec<_>>().join(", ");
        }
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        kind => kind.as_str(),
    };
    match kind {
        Some("string") => "text",
        Some("integer" | "number") => "number",
        Some("boolean") => "`true`, `false`",
        Some("array") => "list, as JSON",
        Some("object") => "table: FIELD.NAME=VALUE, or as JSON",
        _ => "any value: as JSON, or FIELD.NAME=VALUE",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::described;

    #[test]
    fn every_operation_shows_its_fields() {
        for operation in described() {
            let text = of(operation);
            assert!(text.contains(operation.what), "{text}");
            let schema = asked(operation.name).unwrap();
            let fields = schema["properties"].as_object().into_iter().flatten();
            for (field, schema) in fields.filter(|_| operation.name != "import") {
                assert!(text.contains(&format!("\n  {field}: ")), "{text}");
                assert!(schema["description"].is_string(), "{} {field}", operation.name);
            }
        }
        let text = of(described().find(|operation| operation.name == "wait").unwrap());
        for line in [
            "  callback: text\n      The event of a callback",
            "  times: number\n",
            "  state: `queued`, `tried`, `delivered`, `dead`\n",
            "  where: table: FIELD.NAME=VALUE, or as JSON\n",
            "Usage: airudder-mock ctl wait [FIELD=VALUE]...",
        ] {
            assert!(text.contains(line), "{text}");
        }
        let text = of(described().find(|operation| operation.name == "snapshot").unwrap());
        assert!(text.contains("  name: text, required\n"), "{text}");
    }
}
