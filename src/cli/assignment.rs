//! Arguments that need reading: `NAME=VALUE`, where a value that reads as JSON is that value and anything else a text,
//! and moments.

use jiff::Timestamp;
use serde_json::Value;

/// Reads `path.to.field=value`. The path is not checked.
pub(super) fn field(text: &str) -> Result<(String, Value), String> {
    let (name, value) =
        text.split_once('=').ok_or_else(|| format!("`{text}` has no `=`, write NAME=VALUE"))?;
    if name.is_empty() {
        return Err(format!("`{text}` has nothing before the `=`, write NAME=VALUE"));
    }
    if name.split('.').any(str::is_empty) {
        return Err(format!(
            "`{name}` is not a path: write names with one dot between them, such as user.id"
        ));
    }
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
    Ok((name.to_owned(), value))
}

/// Reads `name=value`, where the name can be used in templates.
pub(super) fn variable(text: &str) -> Result<(String, Value), String> {
    let (name, value) = field(text)?;
    let good = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if good {
        Ok((name, value))
    } else {
        Err(format!("`{name}` is not a variable name: use letters, digits and `_` only"))
    }
}

/// Reads a moment such as `2030-01-01T00:00:00Z`.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| {
        format!("`{text}` is not a time with a time zone, write for example 2030-01-01T00:00:00Z")
    })
}

/// Puts a value at a path such as `user.id` or `messages.0.content.text`, making tables on the way.
pub(super) fn put(patch: &mut Value, path: &str, value: Value) {
    let mut place = patch;
    for key in path.split('.') {
        if let Ok(index) = key.parse::<usize>()
            && index < 1_000
            && !matches!(place, Value::Object(table) if !table.is_empty())
        {
            if !place.is_array() {
                *place = Value::Array(Vec::new());
            }
            let Value::Array(items) = place else { return };
            while items.len() <= index {
                items.push(Value::Object(serde_json::Map::new()));
            }
            place = &mut items[index];
        } else {
            if !place.is_object() {
                *place = Value::Object(serde_json::Map::new());
            }
            let Value::Object(table) = place else { return };
            place = table.entry(key).or_insert_with(|| Value::Object(serde_json::Map::new()));
        }
    }
    *place = value;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_keep_their_json_type() {
        assert_eq!(field("a.b=3"), Ok(("a.b".into(), json!(3))));
        assert_eq!(field("a=x=y"), Ok(("a".into(), json!("x=y"))));
        assert_eq!(field("a=\"3\""), Ok(("a".into(), json!("3"))));
        assert_eq!(field("a="), Ok(("a".into(), json!(""))));
        assert!(
            field("a").is_err()
                && field("=a").is_err()
                && variable("a.b=1").is_err()
                && variable("1a=1").is_err()
        );
    }

    #[test]
    fn paths_make_tables_and_lists() {
        let mut patch = json!({});
        put(&mut patch, "user.id", json!("1"));
        put(&mut patch, "messages.1.content.text", json!("hi"));
        assert_eq!(patch, json!({"user": {"id": "1"}, "messages": [{}, {"content": {"text": "hi"}}]}));
    }
}
