//! Checks of the fields of a request, as declared.

use regex_lite::Regex;
use serde_json::{Map, Value};

use super::file::{FieldFile, FieldKind};
use crate::files::diagnostic::{joined, quoted};
use crate::json::is_equal;

/// Maximum number of a field's allowed values that a message lists.
const MOST_NAMED: usize = 20;

/// The check of one field.
#[derive(Clone, Debug)]
pub(super) struct FieldCheck {
    /// The keys of the path to the field.
    path: Vec<String>,
    name: String,
    file: FieldFile,
    matches: Option<Regex>,
    /// Whether it is always given as a text: in a path, in a query.
    textual: bool,
}

impl FieldCheck {
    /// Creates the check of the field of this name. The error says what is wrong with the regular expression.
    pub(super) fn new(name: &str, file: &FieldFile, textual: bool) -> Result<Self, String> {
        let matches = file.matches.as_deref().map(pattern).transpose()?;
        let path = name.split('.').map(str::to_owned).collect();
        Ok(Self { path, name: name.to_owned(), file: file.clone(), matches, textual })
    }

    /// Checks the field of a request and fills in its declared default. The error is one line that names the field.
    pub(super) fn apply(&self, fields: &mut Map<String, Value>) -> Result<(), String> {
        let name = quoted(&self.name);
        let Some(slot) = slot(fields, &self.path).filter(|value| !value.is_null()) else {
            if let Some(default) = &self.file.default {
                put(fields, &self.path, default.clone());
            } else if self.file.required {
                return Err(format!("{name} is missing"));
            }
            return Ok(());
        };
        if let (true, Some(kind), Value::String(text)) = (self.textual, self.file.kind, &*slot)
            && let Some(read) = read(kind, text)
        {
            *slot = read;
        }
        self.check(slot).map_err(|wrong| format!("{name} {wrong}"))
    }

    /// Returns what is wrong with a value, as a text that follows the field's name.
    fn check(&self, value: &Value) -> Result<(), String> {
        if let Some(kind) = self.file.kind
            && !fits(kind, value)
        {
            return Err(format!("must be {}, not {}", words(kind), found(value)));
        }
        self.size(value)?;
        if let Some(values) = &self.file.values
            && !values.iter().any(|allowed| is_equal(allowed, value))
        {
            let mut named: Vec<String> = values.iter().take(MOST_NAMED).map(shown).collect();
            if values.len() > MOST_NAMED {
                named.push("...".to_owned());
            }
            return Err(format!("must be {}, not {}", joined(&named, "or"), shown(value)));
        }
        if let Some(pattern) = &self.matches {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            if !pattern.is_match(&text) {
                return Err(format!("must match {}, {} does not", quoted(pattern.as_str()), quoted(&text)));
            }
        }
        Ok(())
    }

    fn size(&self, value: &Value) -> Result<(), String> {
        #[expect(clippy::cast_precision_loss, reason = "no text and no list has 2^52 parts")]
        let (size, unit) = match value {
            Value::Number(number) => (number.as_f64().unwrap_or(f64::NAN), ""),
            Value::String(text) => (text.chars().count() as f64, " characters"),
            Value::Array(items) => (items.len() as f64, " items"),
            _ => return Ok(()),
        };
        let (verb, has) = if unit.is_empty() { ("be", "is") } else { ("have", "has") };
        let limits = match (self.file.min, self.file.max) {
            (Some(min), Some(max)) => format!("between {min} and {max}"),
            (Some(min), None) => format!("at least {min}"),
            (None, Some(max)) => format!("at most {max}"),
            (None, None) => return Ok(()),
        };
        let unit = if limits.ends_with(" 1") { unit.trim_end_matches('s') } else { unit };
        let above = self.file.min.is_none_or(|min| size >= min);
        let below = self.file.max.is_none_or(|max| size <= max);
        if above && below { Ok(()) } else { Err(format!("must {verb} {limits}{unit}, but it {has} {size}")) }
    }
}

/// Compiles a regular expression. The error says what is wrong with it.
pub(crate) fn pattern(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| format!("{} is not a regular expression: {error}", quoted(text)))
}

/// Returns what is wrong with the default of a field by its own check, as a text that follows `default`.
pub(crate) fn wrong_default(file: &FieldFile) -> Option<String> {
    let check = FieldCheck::new("default", file, false).ok()?;
    check.check(file.default.as_ref()?).err()
}

fn slot<'a>(fields: &'a mut Map<String, Value>, path: &[String]) -> Option<&'a mut Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(fields.get_mut(first)?, |value, key| value.get_mut(key.as_str()))
}

/// Sets the value at a path, creating tables on the way. If a value other than a table is in the way, it stays.
fn put(fields: &mut Map<String, Value>, path: &[String], value: Value) {
    let Some((last, parents)) = path.split_last() else { return };
    let mut table = fields;
    for key in parents {
        let next = table.entry(key.clone()).or_insert_with(|| Value::Object(Map::new()));
        match next {
            Value::Object(inner) => table = inner,
            _ => return,
        }
    }
    table.insert(last.clone(), value);
}

/// Parses a number or boolean that is written as a text.
fn read(kind: FieldKind, text: &str) -> Option<Value> {
    match kind {
        FieldKind::Integer => text.trim().parse::<i64>().ok().map(Value::from),
        FieldKind::Number => {
            let whole = text.trim().parse::<i64>().ok().map(Value::from);
            whole.or_else(|| {
                text.trim().parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from)
            })
        }
        FieldKind::Boolean => match text {
            "true" | "1" => Some(Value::Bool(true)),
            "false" | "0" => Some(Value::Bool(false)),
            _ => None,
        },
        FieldKind::String | FieldKind::List | FieldKind::Table => None,
    }
}

fn fits(kind: FieldKind, value: &Value) -> bool {
    match kind {
        FieldKind::String => value.is_string(),
        FieldKind::Integer => value.is_i64() || value.is_u64(),
        FieldKind::Number => value.is_number(),
        FieldKind::Boolean => value.is_boolean(),
        FieldKind::List => value.is_array(),
        FieldKind::Table => value.is_object(),
    }
}

fn words(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::String => "a text",
        FieldKind::Integer => "a whole number",
        FieldKind::Number => "a number",
        FieldKind::Boolean => "true or false",
        FieldKind::List => "a list",
        FieldKind::Table => "a table",
    }
}

fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(number) if number.is_f64() => "a number with a fraction",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

fn shown(value: &Value) -> String {
    quoted(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}
