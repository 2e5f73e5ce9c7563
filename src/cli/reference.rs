//! The field reference: every field of an entry, in the terminal, as JSON, and as the document `docs/reference.md`.

use std::fmt::Write as _;

use serde_json::Value;

use super::CommandError;
use super::format::Format;
use crate::contract::fields::Field;
use crate::contract::renames::Renames;
use crate::contract::{Catalog, Direction, Entry, Provenance};
use crate::simulator::reference::{EntryFields, fields};

/// Replaces the fields of an entry that has no types yet, or that is the user's own.
const UNLISTED: &str = "Its fields are not listed here.";

/// Returns one entry with all its fields.
pub(super) fn entry(entry: &Entry, format: Format) -> Result<String, CommandError> {
    let known = fields(&entry.id);
    match format {
        Format::Table => Ok(terminal(entry, known.as_ref())),
        Format::Markdown => Ok(section(entry, known.as_ref())),
        Format::Json => {
            let value = serde_json::json!({ "entry": entry, "fields": known });
            serde_json::to_string_pretty(&value)
                .map(|text| text + "\n")
                .map_err(|error| CommandError::failed(format!("cannot write the entry: {error}")))
        }
    }
}

/// Returns the whole reference as one document.
pub(super) fn document(catalog: &Catalog) -> String {
    let mut out = String::from(
        "# Field reference\n\n\
         Every field of every request, response and callback, generated from the types that read and write them by\n\
         `airudder-mock catalog --reference`; `airudder-mock catalog ID` shows one entry. Provenance: **documented** (the\n\
         vendor's public documentation), **example** (an example in it), **client** (a third-party client in real use),\n\
         **assumed** (not public; overridable under `[catalog.\"ID\"]` in the settings). Response fields are those of\n\
         `data` or `body` inside the family's envelope. The provenance of a field is about its name and type; where its words,\n\
         its unit or its limit are less certain, the last column says so. A field is never more certain than its entry. Fields\n\
         that are not listed are accepted, have no effect, and are noted; [strict.md](strict.md) lists what `strict` counts as\n\
         an error.\n",
    );
    for group in catalog.groups() {
        // Writing to a string cannot fail, here and below.
        let _ = write!(out, "\n## {group}\n");
        for entry in catalog.entries().iter().filter(|entry| entry.group == group) {
            out.push('\n');
            out.push_str(&section(entry, fields(&entry.id).as_ref()));
        }
    }
    out
}

/// Describes an entry and its destination.
fn place(entry: &Entry) -> String {
    match entry.direction {
        Direction::Request => {
            let routes = entry.routes.iter().map(|route| format!("{} {}", route.method, route.path));
            routes.collect::<Vec<_>>().join(", ")
        }
        Direction::Callback => {
            if entry.signed {
                "callback, signed".to_owned()
            } else {
                "callback".to_owned()
            }
        }
    }
}

/// Returns the lists of fields of an entry, each with its title, under the user's names.
fn lists(entry: &Entry, known: Option<&EntryFields>) -> Vec<(&'static str, Vec<Field>)> {
    let names = entry.names.as_deref().cloned().unwrap_or_default();
    let named =
        |fields: &[Field], names: &Renames| fields.iter().map(|field| corrected(field, names)).collect();
    match known {
        None => Vec::new(),
        Some(EntryFields::Endpoint { request, response }) => {
            vec![("Request", named(request, &names.request)), ("Response", named(response, &names.written))]
        }
        Some(EntryFields::Callback(body)) => vec![("Body", named(body, &names.written))],
    }
}

/// Returns a field with its name on the wire, and the mock's own name beside it if it differs.
fn corrected(field: &Field, names: &Renames) -> Field {
    let mut field = field.clone();
    let others: Vec<Option<Value>> = field.allowed.iter().map(|word| names.word(&field.path, word)).collect();
    let are_all = |is: fn(&Value) -> bool| {
        !others.is_empty() && others.iter().all(|other| other.as_ref().is_some_and(is))
    };
    if field.kind == "string" && are_all(Value::is_i64) {
        "integer".clone_into(&mut field.kind);
    } else if field.kind == "string" && are_all(Value::is_boolean) {
        "boolean".clone_into(&mut field.kind);
    }
    // Nor is a word given by the user an assumption.
    field.assumed.retain(|word| names.word(&field.path, word).is_none());
    for (word, other) in field.allowed.iter_mut().zip(others) {
        match other {
            Some(Value::String(other)) => *word = other,
            Some(other) => *word = other.to_string(),
            None => {}
        }
    }
    if let Some(name) = names.path(&field.path) {
        field.help = format!("{} Corrected: the mock's own name is `{}`.", field.help, field.path);
        field.path = name;
    }
    field
}

/// Describes the provenance of an entry: the mark, and the parts to which it does not apply.
fn known_from(entry: &Entry) -> String {
    let (mark, signed) = (entry.provenance, entry.signed_mark);
    match (entry.direction, entry.method_mark) {
        (Direction::Callback, _) if entry.signed && signed != mark => {
            format!("{mark}; the signature: {signed}")
        }
        (Direction::Callback, _) if !entry.signed => format!("{mark}; the lack of a signature: {signed}"),
        (Direction::Request, Some(method)) if method != mark => format!("{mark}; the method: {method}"),
        _ => mark.to_string(),
    }
}

fn provenance(field: &Field) -> &'static str {
    // A unit test rejects a field without one.
    field.provenance.map_or("assumed", |provenance| provenance.as_str())
}

/// Returns whether a field is always present, and its possible values.
fn help(entry: &Entry, title: &str, field: &Field) -> String {
    let mut help = String::new();
    if !field.allowed.is_empty() {
        let word = |word: &String| match field.assumed.contains(word) {
            true => format!("`{word}` (assumed)"),
            false => format!("`{word}`"),
        };
        let words: Vec<String> = field.allowed.iter().map(word).collect();
        help = format!("One of {}. ", words.join(", "));
    }
    help.push_str(&field.help);
    if title == "Request" && !field.has_effect {
        help.push_str(" Accepted, but has no effect.");
    }
    if title == "Request" && entry.doubts_fields() {
        // A name given by the user is not an assumption.
        let is_given = entry.names.as_ref().is_some_and(|names| names.read.path(&field.path).is_some());
        if field.provenance == Some(Provenance::Assumed) && !is_given && !field.is_own() {
            help.push_str(" An error in `strict`.");
        }
        if field.is_any_assumed || !field.assumed.is_empty() {
            help.push_str(" Using an assumed word is an error in `strict`.");
        }
    }
    help
}

fn need(title: &str, field: &Field) -> &'static str {
    match (title, field.required) {
        ("Request", true) => "required",
        ("Request", false) => "optional",
        (_, true) => "always",
        (_, false) => "may be absent",
    }
}

fn terminal(entry: &Entry, known: Option<&EntryFields>) -> String {
    let mut out = format!("{}  ({}, {})\n{}\n", entry.id, place(entry), known_from(entry), entry.help);
    if known.is_none() {
        let _ = write!(out, "\n{UNLISTED}\n");
    }
    for (title, fields) in lists(entry, known) {
        let _ = write!(out, "\n{title}\n");
        if fields.is_empty() {
            out.push_str("  no fields\n");
        }
        let width = |of: fn(&Field) -> usize| fields.iter().map(of).max().unwrap_or(0);
        let (paths, kinds) = (width(|field| field.path.len()), width(|field| field.kind.len()));
        for field in &fields {
            let Field { path, kind, .. } = field;
            let (need, from) = (need(title, field), provenance(field));
            let _ = writeln!(
                out,
                "  {path:paths$}  {kind:kinds$}  {need:13}  {from:10}  {}",
                help(entry, title, field)
            );
        }
    }
    out
}

fn section(entry: &Entry, known: Option<&EntryFields>) -> String {
    let cell = |text: &str| text.replace('|', "\\|");
    let mut out =
        format!("### `{}`\n\n`{}` ({}). {}.\n", entry.id, place(entry), known_from(entry), entry.help);
    if entry.direction == Direction::Request && entry.provenance == Provenance::Assumed {
        out.push_str("\nUsing it is an error in `strict`, unless `confirmed` lists it.\n");
    }
    if known.is_none() {
        let _ = write!(out, "\n{UNLISTED}\n");
    }
    for (title, fields) in lists(entry, known) {
        if fields.is_empty() {
            let _ = write!(out, "\n{title}: no fields.\n");
            continue;
        }
        let _ = write!(out, "\n| {title} | type | | provenance | what |\n| --- | --- | --- | --- | --- |\n");
        for field in &fields {
            let _ = writeln!(
                out,
                "| `{}` | {} | {} | {} | {} |",
                field.path,
                cell(&field.kind),
                need(title, field),
                provenance(field),
                cell(&help(entry, title, field))
            );
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::contract::EntryFile;

    fn shown(corrections: &str, id: &str) -> String {
        let corrections: BTreeMap<String, EntryFile> = toml::from_str(corrections).unwrap();
        let corrections = corrections.iter().map(|(id, correction)| (id.as_str(), correction));
        let catalog = Catalog::builtin().overridden(corrections).unwrap();
        terminal(catalog.get(id).unwrap(), fields(id).as_ref())
    }

    /// The line of a field that begins with this name.
    fn line<'a>(text: &'a str, name: &str) -> &'a str {
        text.lines().find(|line| line.trim_start().starts_with(name)).unwrap_or_default()
    }

    #[test]
    fn only_what_strict_finds_is_called_an_error() {
        const AN_ERROR: &str = "An error in `strict`.";
        const A_WORD: &str = "Using an assumed word is an error in `strict`.";
        let usual = shown("", "task.stop");
        assert!(line(&usual, "Action").contains(A_WORD), "{usual}");
        let confirmed = shown("['task.stop']\nprovenance = 'documented'", "task.stop");
        assert!(!confirmed.contains("in `strict`"), "{confirmed}");
        let words =
            shown("['task.stop']\nwords = { Action = { Pause = 'hold', Resume = 'go' } }", "task.stop");
        let action = line(&words, "Action");
        assert!(
            action.contains("One of `Stop`, `hold`, `go`.") && !action.contains("in `strict`"),
            "{words}"
        );
        assert!(line(&usual, "PlanID").contains(AN_ERROR), "{usual}");
        let named = shown("['task.stop']\nrequest = { PlanID = 'plan' }", "task.stop");
        assert!(line(&named, "plan ").contains("assumed") && !named.contains(AN_ERROR), "{named}");
    }

    #[test]
    fn words_that_became_numbers_are_no_texts() {
        let words = "['chatbot.agent_transfer_result']\nwords = { result = { accepted = 1, refused = 2 } }";
        let text = shown(words, "chatbot.agent_transfer_result");
        let result = line(&text, "result");
        assert!(result.contains("  integer  ") && result.contains("One of `1`, `2`."), "{text}");
    }
}
