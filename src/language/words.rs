//! Describes a JSON Schema in plain words, and answers small questions about it.

use serde_json::Value;
use toml::de::DeValue;

use super::formats;
use crate::files::diagnostic::{joined, quoted};
use crate::files::suggest::{is_one_slip, nearest};

/// Names of keys in other tools, and their names here.
const OTHER_NAMES: [(&str, &str); 25] = [
    ("reactions", "on"),
    ("react", "on"),
    ("variables", "vars"),
    ("variable", "vars"),
    ("sleep", "pause"),
    ("delay", "pause"),
    ("delay", "after"),
    ("emit", "send"),
    ("event", "send"),
    ("callback", "send"),
    ("wait_for", "await"),
    ("call", "await"),
    ("if", "when"),
    ("condition", "when"),
    ("times", "repeat"),
    ("count", "repeat"),
    ("limit", "times"),
    ("timeout", "within"),
    ("match", "where"),
    ("filter", "where"),
    ("response", "answer"),
    ("retries", "attempts"),
    ("url", "callback_url"),
    ("url", "target"),
    ("url", "path"),
];

/// Follows references. Siblings of a reference (a description) say nothing about the value.
pub(super) fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let mut schema = schema;
    // None of our types refers to itself; the bound is for future ones.
    for _ in 0..16 {
        let target = schema.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix('#'));
        match target.and_then(|pointer| root.pointer(pointer)) {
            Some(next) => schema = next,
            None => break,
        }
    }
    schema
}

/// Returns the forms of an `anyOf`, with nested ones flattened.
pub(super) fn branches<'a>(root: &'a Value, schema: &'a Value) -> Option<Vec<&'a Value>> {
    let list = schema.get("anyOf")?.as_array()?;
    let mut flat = Vec::new();
    for branch in list {
        let branch = resolve(root, branch);
        match branches(root, branch) {
            Some(inner) => flat.extend(inner),
            None => flat.push(branch),
        }
    }
    Some(flat)
}

/// Returns the words that a text is chosen from: `enum`, `const`, or a `oneOf` of these.
pub(super) fn options(schema: &Value) -> Option<Vec<&str>> {
    if let Some(only) = schema.get("const") {
        return only.as_str().map(|word| vec![word]);
    }
    if let Some(list) = schema.get("enum").and_then(Value::as_array) {
        return list.iter().map(Value::as_str).collect();
    }
    let list = schema.get("oneOf")?.as_array()?;
    let words: Option<Vec<Vec<&str>>> = list.iter().filter(|word| !is_old_name(word)).map(options).collect();
    words.map(|words| words.concat())
}

/// Whether a text is the old word for one of the options.
pub(super) fn is_old_word(schema: &Value, text: &str) -> bool {
    let list = schema.get("oneOf").and_then(Value::as_array);
    list.is_some_and(|list| list.iter().any(|word| is_old_name(word) && word["const"] == text))
}

/// Returns the texts under a keyword that holds a list of texts.
pub(super) fn list<'a>(schema: &'a Value, keyword: &str) -> Vec<&'a str> {
    let list = schema.get(keyword).and_then(Value::as_array);
    list.map(|list| list.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

/// Whether a property is the old name of another one: still read, but never suggested.
pub(super) fn is_old_name(property: &Value) -> bool {
    property.get("deprecated").and_then(Value::as_bool) == Some(true)
}

/// Returns the path of a key below a path.
pub(super) fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Whether a value has a JSON type.
pub(super) fn fits(kind: &str, value: &DeValue<'_>) -> bool {
    match kind {
        "string" => value.is_str(),
        "integer" => value.is_integer(),
        "number" => value.is_integer() || value.is_float(),
        "boolean" => value.is_bool(),
        "array" => value.is_array(),
        "object" => value.is_table(),
        _ => true,
    }
}

/// Whether the value may have been meant for a form without references.
pub(super) fn accepts(schema: &Value, value: &DeValue<'_>) -> bool {
    match schema.get("type").and_then(Value::as_str) {
        Some(kind) => fits(kind, value),
        None if options(schema).is_some() => value.is_str(),
        None => true,
    }
}

/// Describes a value.
pub(super) fn found(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(true) => "`true`",
        DeValue::Boolean(false) => "`false`",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// Describes what a form expects.
pub(super) fn wanted(root: &Value, schema: &Value) -> String {
    let schema = resolve(root, schema);
    if let Some(words) = options(schema) {
        return joined(&words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>(), "or");
    }
    let format = schema.get("format").and_then(Value::as_str);
    let own = schema.get("x-wanted").and_then(Value::as_str);
    if let Some(words) = own.or(format.and_then(formats::wanted)) {
        return words.to_owned();
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => "a text".to_owned(),
        Some("integer") => "a whole number".to_owned(),
        Some("number") => "a number".to_owned(),
        Some("boolean") => "`true` or `false`".to_owned(),
        Some("array") => {
            let tables = schema.get("items").is_some_and(|items| {
                resolve(root, items).get("type").and_then(Value::as_str) == Some("object")
            });
            if tables { "a list of tables".to_owned() } else { "a list".to_owned() }
        }
        _ => "a table".to_owned(),
    }
}

/// Suggests how to write a value of the wrong type correctly.
pub(super) fn repair(schema: &Value, value: &DeValue<'_>, literal: &str, name: &str) -> Option<String> {
    let kind = schema.get("type").and_then(Value::as_str)?;
    let format = schema.get("format").and_then(Value::as_str);
    let key = name.trim_matches('`');
    match (kind, value) {
        ("string", DeValue::Integer(_) | DeValue::Float(_))
            if matches!(format, Some("human-duration" | "human-duration-range")) =>
        {
            Some(format!("with a unit and in quotes: {}", quoted(&format!("\"{literal}s\""))))
        }
        ("string", DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_)) => {
            Some(format!("put it in quotes: {}", quoted(&format!("\"{literal}\""))))
        }
        ("string", DeValue::Array(items))
            if items.len() == 1 && items.iter().all(|item| item.get_ref().is_str()) =>
        {
            Some("write it without brackets".to_owned())
        }
        ("integer", DeValue::String(text)) if text.trim().parse::<i64>().is_ok() => {
            Some(format!("write it without quotes: {}", quoted(text.trim())))
        }
        ("number", DeValue::String(text)) if text.trim().parse::<f64>().is_ok() => {
            Some(format!("write it without quotes: {}", quoted(text.trim())))
        }
        ("boolean", DeValue::String(text)) if matches!(text.as_ref(), "true" | "false") => {
            Some(format!("write it without quotes: `{text}`"))
        }
        ("array", DeValue::Table(_)) if literal.starts_with('{') => {
            Some("put it in brackets: `[{ ... }]`".to_owned())
        }
        ("array", DeValue::Table(_)) => Some(format!("begin each one with `[[{key}]]`, in double brackets")),
        ("array", _) => Some(format!("put it in brackets: {}", quoted(&format!("[{literal}]")))),
        ("object", DeValue::Array(_)) if literal.starts_with("[[") => {
            Some(format!("there is only one: write `[{key}]`, in single brackets"))
        }
        _ => None,
    }
}

/// Returns the integer in a value; `None` if it is not an integer or does not fit in 128 bits.
fn integer(value: &DeValue<'_>) -> Option<i128> {
    let integer = value.as_integer()?;
    i128::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// Whether an integer fits into JSON's range.
pub(super) fn in_json(value: &DeValue<'_>) -> bool {
    integer(value).is_some_and(|number| i64::try_from(number).is_ok() || u64::try_from(number).is_ok())
}

/// Whether a number is within the limits of its form.
pub(super) fn in_range(schema: &Value, value: &DeValue<'_>) -> bool {
    let whole = |limit: &Value| limit.as_i64().map(i128::from).or_else(|| limit.as_u64().map(i128::from));
    let (least, most) = (schema.get("minimum"), schema.get("maximum"));
    if let (DeValue::Integer(_), None | Some(Value::Number(_))) = (value, least)
        && least.is_none_or(|limit| whole(limit).is_some())
        && most.is_none_or(|limit| whole(limit).is_some())
    {
        let above = |number| least.and_then(whole).is_none_or(|limit| number >= limit);
        let below = |number| most.and_then(whole).is_none_or(|limit| number <= limit);
        return in_json(value) && integer(value).is_some_and(|number| above(number) && below(number));
    }
    let number = match value {
        DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
        #[expect(clippy::cast_precision_loss, reason = "compared with limits that are fractions anyway")]
        _ => integer(value).map(|number| number as f64),
    };
    number.is_some_and(|number| {
        number.is_finite()
            && least.and_then(Value::as_f64).is_none_or(|limit| number >= limit)
            && most.and_then(Value::as_f64).is_none_or(|limit| number <= limit)
    })
}

/// Whether an integer is above the limits of its form.
pub(super) fn is_too_large(schema: &Value, value: &DeValue<'_>) -> bool {
    let most = schema.get("maximum").and_then(Value::as_i64).map(i128::from);
    most.is_some_and(|most| integer(value).is_some_and(|number| number > most))
}

/// Describes the limits of a number.
pub(super) fn range(schema: &Value) -> String {
    match (schema.get("minimum"), schema.get("maximum")) {
        (Some(least), Some(most)) if most.as_u64() == Some(u64::MAX) => {
            format!("at least {least} and fit in 64 bits")
        }
        (Some(least), Some(most)) if most.as_u64() == Some(u64::from(u32::MAX)) => {
            format!("at least {least} and fit in 32 bits")
        }
        (Some(least), Some(most)) => format!("between {least} and {most}"),
        (Some(least), None) => format!("at least {least}"),
        (None, Some(most)) => format!("at most {most}"),
        (None, None) => "a number that fits in 64 bits".to_owned(),
    }
}

/// Advice about an unknown key.
pub(super) struct Advice<'a> {
    /// The known key that was probably meant.
    pub(super) meant: Option<&'a str>,
    /// Hints, one line each.
    pub(super) help: Vec<String>,
}

/// Gives advice about an unknown key at a path, given the known ones.
pub(super) fn unknown_key<'a>(root: &Value, path: &str, key: &str, known: &[&'a str]) -> Advice<'a> {
    let called_otherwise = || {
        let ours = OTHER_NAMES.iter().filter(|(other, _)| other.eq_ignore_ascii_case(key));
        ours.map(|(_, ours)| *ours).find_map(|ours| known.iter().copied().find(|word| *word == ours))
    };
    let meant = nearest(key, known.iter().copied()).or_else(called_otherwise);
    let mut help = Vec::new();
    let elsewhere = homes(root, key);
    let child = elsewhere
        .iter()
        .filter(|home| {
            let inner = home.strip_prefix(path);
            // What is deep inside is hardly meant.
            inner.is_some_and(|rest| {
                path.is_empty() || rest.starts_with('.') && rest.matches('.').count() == 1
            })
        })
        .min_by_key(|home| home.matches('.').count());
    match (meant, child) {
        (Some(near), _) if near.eq_ignore_ascii_case(key) => {
            return Advice { meant, help: vec![format!("did you mean `{near}`?")] };
        }
        (Some(near), _) if elsewhere.is_empty() && is_one_slip(near, key) => {
            return Advice { meant, help: vec![format!("did you mean `{near}`?")] };
        }
        (_, Some(child)) => {
            let inner = child.strip_prefix(path).unwrap_or(child).trim_start_matches('.');
            let help = if path.is_empty() {
                format!("{} is a key of `{inner}`", quoted(key))
            } else {
                format!("{} is a key of `{inner}`: write `{inner} = {{ {key} = ... }}`", quoted(key))
            };
            return Advice { meant: None, help: vec![help] };
        }
        (Some(near), None) => help.push(format!("did you mean `{near}`?")),
        (None, None) => {}
    }
    let parent = path.rsplit_once('.').map(|(parent, _)| parent);
    let home = elsewhere
        .iter()
        .find(|home| Some(home.as_str()) == parent)
        .or_else(|| elsewhere.iter().find(|home| home.is_empty()))
        .or_else(|| elsewhere.first());
    // A table beside this one is as likely as the top of the file.
    let beside = elsewhere.iter().find(|home| !path.is_empty() && !home.is_empty() && !home.contains('.'));
    match (home.map(String::as_str), beside) {
        (Some(""), Some(beside)) => {
            help.push(format!("{} is a key of `{beside}`, and of the top of the file", quoted(key)));
        }
        (Some(""), None) => help
            .push(format!("{} belongs to the top of the file: move it above the first `[...]`", quoted(key))),
        (Some(home), _) => help.push(format!("{} is a key of `{home}`", quoted(key))),
        (None, _) if meant.is_some() => {}
        (None, _) if known.is_empty() => help.push("there are no keys here".to_owned()),
        (None, _) => help.push(format!(
            "the keys here are {}",
            joined(&known.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>(), "and")
        )),
    }
    Advice { meant, help }
}

/// Returns the paths of all tables that have a key.
fn homes(root: &Value, key: &str) -> Vec<String> {
    fn look(root: &Value, schema: &Value, path: &str, depth: usize, key: &str, homes: &mut Vec<String>) {
        let schema = resolve(root, schema);
        if depth == 0 {
            return;
        }
        if let Some(items) = schema.get("items") {
            look(root, items, path, depth - 1, key, homes);
        }
        for branch in schema.get("anyOf").and_then(Value::as_array).into_iter().flatten() {
            look(root, branch, path, depth - 1, key, homes);
        }
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
        if properties.contains_key(key) {
            homes.push(path.to_owned());
        }
        for (name, inner) in properties {
            look(root, inner, &below(path, name), depth - 1, key, homes);
        }
    }
    let mut homes = Vec::new();
    look(root, root, "", 8, key, &mut homes);
    homes
}
