//! The settings file with every key as a comment. The descriptions are taken from the schema, and the values from
//! `every_key.toml`, a valid settings file that contains all keys.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

use super::check::SCHEMA;

const EXAMPLES: &str = include_str!("every_key.toml");

const HEAD: &str = "\
# Settings of airudder-mock: every key, with an example. To use a key, remove the `#` of its line and of the line of
# its table, such as `[delivery]`. Keys that are left out have their defaults.
# `airudder-mock check airudder-mock.toml` finds mistakes.

";

const WIDTH: usize = 100;

/// Returns the settings file that `init` writes: every key with its description, all as comments.
pub fn commented() -> String {
    let mut text = HEAD.to_owned();
    let mut table = Some(&*SCHEMA);
    let mut explained: BTreeSet<*const Value> = BTreeSet::new();
    for line in EXAMPLES.lines() {
        let names = names(line);
        let key = if line.starts_with('[') {
            table = names.iter().try_fold(&*SCHEMA, |outer, name| inside(outer, name));
            table
        } else {
            names.first().and_then(|name| inside(table?, name))
        };
        if let Some(key) = key
            && explained.insert(key)
            && let Some(help) = key["description"].as_str()
        {
            push_help(&mut text, help);
        }
        let _ = writeln!(text, "{}{line}", if line.is_empty() { "" } else { "#" });
    }
    text
}

fn push_help(text: &mut String, help: &str) {
    let mut width = 0;
    for word in help.split_whitespace() {
        let fits = width > 0 && width + 1 + word.chars().count() <= WIDTH;
        text.push_str(if fits {
            " "
        } else if width > 0 {
            "\n# "
        } else {
            "# "
        });
        width = word.chars().count() + if fits { width + 1 } else { 2 };
        text.push_str(word);
    }
    text.push('\n');
}

/// Returns the names on a line: those of a table's header, or the key.
fn names(line: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut value = toml::from_str(line).ok().map(toml::Value::Table);
    let is_header = line.starts_with('[');
    while let Some(toml::Value::Table(mut inner)) = value.take()
        && let Some(name) = inner.keys().next().cloned()
    {
        value = inner.remove(&name).map(|inner| match inner {
            toml::Value::Array(list) if is_header => {
                list.into_iter().next().unwrap_or(toml::Value::Boolean(false))
            }
            inner => inner,
        });
        names.push(name);
        if !is_header {
            break;
        }
    }
    names
}

/// Returns the schema of a key of a table, of a list of tables, or of a table with user-defined keys.
fn inside<'a>(outer: &'a Value, name: &str) -> Option<&'a Value> {
    let table = tables(outer).into_iter().next()?;
    match &table["properties"][name] {
        Value::Null => table["additionalProperties"].is_object().then_some(&table["additionalProperties"]),
        property => Some(property),
    }
}

/// Returns the tables that a value may be, resolving references, lists and alternatives.
fn tables(value: &Value) -> Vec<&Value> {
    if let Some(name) = value["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
        return tables(&SCHEMA["$defs"][name]);
    }
    if value["properties"].is_object() || value["additionalProperties"].is_object() {
        return vec![value];
    }
    let several =
        ["anyOf", "oneOf"].iter().flat_map(|several| value[several].as_array().into_iter().flatten());
    several.chain(value.get("items")).flat_map(tables).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Catalog;
    use crate::files::SourceFile;
    use crate::settings::check_file;

    /// Checks a settings file in a folder that contains the recording named in the examples.
    fn checked(text: &str) {
        let folder = tempfile::tempdir().unwrap();
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut wav = hound::WavWriter::create(folder.path().join("my.wav"), spec).unwrap();
        (0..800).for_each(|_| wav.write_sample(0i16).unwrap());
        wav.finalize().unwrap();
        let name = folder.path().join("airudder-mock.toml");
        let checked = check_file(&SourceFile::new(name.to_str().unwrap(), text), Catalog::builtin());
        assert_eq!(checked.unwrap_or_else(|problems| panic!("{problems}")).notes, Vec::<String>::new());
    }

    #[test]
    fn the_file_is_right_as_it_stands_and_without_its_comments() {
        checked(&commented());
        let text = commented();
        let keys = text.lines().filter(|line| !line.starts_with("# "));
        let without: Vec<&str> = keys.map(|line| line.trim_start_matches('#')).collect();
        assert_eq!(without.join("\n").trim(), EXAMPLES.trim());
        checked(&without.join("\n"));
    }

    #[test]
    fn it_says_what_keys_mean() {
        let text = commented();
        let flat = text.replace("\n# ", " ");
        for wanted in [
            "How requests are checked and refused.\n#[access]",
            "Default: `require`. With `off` every request belongs to the first account.\n#token = \"require\"",
            "A person answers and talks.\n#talked = 60",
            "#[catalog.\"session.end\"]",
        ] {
            assert!(flat.contains(wanted), "{wanted}\n{text}");
        }
        assert!(text.lines().filter(|line| line.starts_with("# ")).all(|line| line.chars().count() <= 120));
    }

    /// Every key must have an example.
    #[test]
    fn every_key_has_an_example() {
        let examples: toml::Value = toml::from_str(EXAMPLES).unwrap();
        let mut missing = Vec::new();
        find_missing(&SCHEMA, &[&examples], "", &mut missing);
        assert!(missing.is_empty(), "src/settings/every_key.toml has no example of {missing:?}");
    }

    fn find_missing(schema: &Value, values: &[&toml::Value], path: &str, missing: &mut Vec<String>) {
        let flat = values.iter().flat_map(|value| match value {
            toml::Value::Array(list) => list.iter().collect(),
            value => vec![*value],
        });
        let inner: Vec<&toml::Table> = flat.filter_map(toml::Value::as_table).collect();
        for table in tables(schema) {
            for (key, property) in table["properties"].as_object().into_iter().flatten() {
                if property["deprecated"] == true {
                    continue;
                }
                let values: Vec<&toml::Value> = inner.iter().filter_map(|table| table.get(key)).collect();
                let path = format!("{path}.{key}");
                match values.is_empty() {
                    true => missing.push(path),
                    false => find_missing(property, &values, &path, missing),
                }
            }
            if table["additionalProperties"].is_object() {
                let values: Vec<&toml::Value> = inner.iter().flat_map(|table| table.values()).collect();
                match values.is_empty() {
                    true => missing.push(format!("{path}.*")),
                    false => {
                        find_missing(&table["additionalProperties"], &values, &format!("{path}.*"), missing);
                    }
                }
            }
        }
    }
}
