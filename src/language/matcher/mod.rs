//! Expected values: a value to be equal to, or a matcher, which is a table such as `{ contains = "order" }`.
//!
//! Wherever fields are compared with received ones (`where`, `expect`, `check`), the received table may have further
//! fields, lists are compared item by item, and everything else has to be equal. A matcher may replace any value below the
//! outermost table. A table is a matcher if all its keys are words of matchers, unless the received value is a table that
//! has a field of such a name.

pub(crate) mod check;
mod file;
mod mismatch;

use regex_lite::Regex;
use serde_json::Value;

use crate::json::{at, is_equal};

pub use file::Matcher;
pub use mismatch::{MatchError, Mismatch};

/// Maximum number of differences that are reported.
const MOST: usize = 20;

/// Returns all differences between `got` and `wanted`, in the order of `wanted`: nothing if there are none.
///
/// # Errors
///
/// If a matcher is invalid, for example by its regular expression.
pub fn mismatches(wanted: &Value, got: &Value) -> Result<Vec<Mismatch>, MatchError> {
    let mut found = Vec::new();
    match (wanted, got) {
        // The outermost table holds the fields, whatever their names are.
        (Value::Object(wanted), Value::Object(_)) => fields("", wanted, got, &mut found)?,
        _ => compare("", wanted, Some(got), &mut found)?,
    }
    found.truncate(MOST);
    Ok(found)
}

/// Adds to `got` the fields within its tables that are wanted by their paths, such as `user.id`.
pub(crate) fn add_paths(wanted: &Value, got: &mut Value) {
    let wanted = wanted.as_object().into_iter().flatten().map(|(path, _)| path);
    for path in wanted.filter(|path| path.contains(['.', '['])) {
        let inner = at(got, path).cloned();
        if let (Some(inner), Value::Object(got)) = (inner, &mut *got) {
            got.entry(path.clone()).or_insert(inner);
        }
    }
}

/// Whether `got` has these fields.
///
/// # Errors
///
/// If a matcher is invalid.
pub(crate) fn has_fields(wanted: &Fields, got: &Value) -> Result<bool, MatchError> {
    let mut found = Vec::new();
    fields("", wanted, got, &mut found)?;
    Ok(found.is_empty())
}

type Fields = serde_json::Map<String, Value>;

/// Whether a table can be a matcher: all its keys are words of matchers.
pub(crate) fn is_matcher<'k>(mut keys: impl Iterator<Item = &'k str>) -> bool {
    let mut any = false;
    keys.all(|key| {
        any = true;
        Matcher::WORDS.contains(&key)
    }) && any
}

fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn fields(path: &str, wanted: &Fields, got: &Value, found: &mut Vec<Mismatch>) -> Result<(), MatchError> {
    wanted.iter().try_for_each(|(name, wanted)| compare(&below(path, name), wanted, got.get(name), found))
}

fn compare(
    path: &str,
    wanted: &Value,
    got: Option<&Value>,
    found: &mut Vec<Mismatch>,
) -> Result<(), MatchError> {
    if let Value::Object(table) = wanted
        && is_matcher(table.keys().map(String::as_str))
        && !got.is_some_and(|got| table.keys().any(|key| got.get(key).is_some()))
    {
        let matcher = serde_json::from_value(wanted.clone());
        let matcher: Matcher = matcher.map_err(|error| MatchError::matcher(path, &error))?;
        return matcher.compare(path, got, found);
    }
    match (wanted, got) {
        (Value::Object(wanted), Some(got @ Value::Object(_))) => fields(path, wanted, got, found)?,
        (Value::Array(wanted), Some(Value::Array(items))) if wanted.len() == items.len() => {
            for (index, (wanted, got)) in wanted.iter().zip(items).enumerate() {
                compare(&format!("{path}[{index}]"), wanted, Some(got), found)?;
            }
        }
        (wanted, Some(got)) if is_equal(wanted, got) => {}
        _ => found.push(Mismatch::new(path, got, wanted.to_string())),
    }
    Ok(())
}

/// Whether a value is as wanted.
fn is_like(wanted: &Value, got: &Value) -> Result<bool, MatchError> {
    let mut found = Vec::new();
    compare("", wanted, Some(got), &mut found)?;
    Ok(found.is_empty())
}

/// Reads a number, also one that is written as a text, as many of the vendor's fields are.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        value => value.as_f64(),
    }
}

impl Matcher {
    fn compare(&self, path: &str, got: Option<&Value>, found: &mut Vec<Mismatch>) -> Result<(), MatchError> {
        let mut wrong = |expected: String| found.push(Mismatch::new(path, got, expected));
        match (self.exists, got) {
            (Some(false), Some(_)) => wrong("the field to be missing".to_owned()),
            // A field that is missing as it should be needs no comparison.
            (Some(false), None) => return Ok(()),
            (Some(true), None) => wrong("the field to exist".to_owned()),
            (Some(true), Some(_)) | (None, _) => {}
        }
        if let Some(wanted) = &self.equals
            && !got.is_some_and(|got| is_equal(wanted, got))
        {
            wrong(wanted.to_string());
        }
        if let Some(unwanted) = &self.not
            && let Some(got) = got
            && is_like(unwanted, got)?
        {
            wrong(format!("anything but {unwanted}"));
        }
        if let Some(wanted) = &self.contains {
            let contains = match (got, wanted) {
                (Some(Value::String(text)), Value::String(part)) => text.contains(part.as_str()),
                (Some(Value::Array(items)), wanted) => any(items, wanted)?,
                (Some(got @ Value::Object(_)), Value::Object(_)) => is_like(wanted, got)?,
                _ => false,
            };
            if !contains {
                let what = if wanted.is_string() { "something" } else { "a list" };
                wrong(format!("{what} with {wanted} in it"));
            }
        }
        if let Some(pattern) = &self.matches {
            let regex = Regex::new(pattern).map_err(|error| MatchError::pattern(path, pattern, &error))?;
            let text = match got {
                Some(Value::String(text)) => Some(text.clone()),
                Some(number @ Value::Number(_)) => Some(number.to_string()),
                _ => None,
            };
            if !text.is_some_and(|text| regex.is_match(&text)) {
                wrong(format!("a text that matches `{pattern}`"));
            }
        }
        if let Some(wanted) = &self.one_of {
            let is_one = match got {
                Some(got) => wanted.iter().map(|one| is_like(one, got)).find(|one| *one != Ok(false)),
                None => None,
            };
            if !is_one.transpose()?.unwrap_or(false) {
                let list: Vec<String> = wanted.iter().map(Value::to_string).collect();
                wrong(format!("one of {}", list.join(", ")));
            }
        }
        self.beyond(got.and_then(number)).for_each(&mut wrong);
        if let Some(wanted) = &self.count {
            match got {
                Some(Value::Array(items)) => {
                    compare(&format!("the count of {path}"), wanted, Some(&items.len().into()), found)?;
                }
                _ => wrong("a list".to_owned()),
            }
        }
        Ok(())
    }

    /// Returns the limits that a number violates, in words; without a number, all of them.
    fn beyond(&self, number: Option<f64>) -> impl Iterator<Item = String> {
        let is =
            |holds: fn(&f64, &f64) -> bool, limit: f64| number.is_some_and(|number| holds(&number, &limit));
        [
            self.above.map(|limit| (is(f64::gt, limit), "above", limit)),
            self.at_least.map(|limit| (is(f64::ge, limit), "of at least", limit)),
            self.below.map(|limit| (is(f64::lt, limit), "below", limit)),
            self.at_most.map(|limit| (is(f64::le, limit), "of at most", limit)),
        ]
        .into_iter()
        .flatten()
        .filter(|(holds, ..)| !holds)
        .map(|(_, words, limit)| format!("a number {words} {limit}"))
    }
}

/// Whether any item is as wanted.
fn any(items: &[Value], wanted: &Value) -> Result<bool, MatchError> {
    for item in items {
        if is_like(wanted, item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests;
