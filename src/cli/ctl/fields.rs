//! The fields of an operation on the command line: `FIELD=VALUE`, with the types that the operation takes.

use std::io::{IsTerminal, Read};

use serde_json::{Map, Value};

use crate::cli::{CommandError, argument};
use crate::console::{Described, PREFIX, asked, is_large};
use crate::contract::Catalog;
use crate::contract::fields::FieldTree;
use crate::json::path_keys;
use crate::simulator::reference::{self, EntryFields};

/// How the state that `import` sets is given.
const IMPORT: &str = "`import` reads the state from standard input: airudder-mock ctl import < state.json (`ctl export > state.json` \
                      writes one)";

/// Returns the fields of an operation.
pub(super) fn table(operation: Described, given: &[String]) -> Result<Map<String, Value>, CommandError> {
    if is_large(operation.method, &format!("{PREFIX}{}", operation.path)) {
        return state(given);
    }
    let mut fields = Vec::with_capacity(given.len());
    for text in given {
        let (path, value) = argument::written(text).map_err(|error| {
            CommandError::usage(format!(
                "{error}; `airudder-mock ctl {} --help` lists the fields",
                operation.name
            ))
        })?;
        fields.push((path, value));
    }
    let types = Types::of(operation.name, &fields)?;
    let typed = |(path, text): &(&str, &str)| ((*path).to_owned(), types.value(path, text));
    Ok(argument::table(&fields.iter().map(typed).collect::<Vec<_>>()))
}

/// Reads an exported state.
fn state(given: &[String]) -> Result<Map<String, Value>, CommandError> {
    let mut stdin = std::io::stdin();
    if !given.is_empty() || stdin.is_terminal() {
        return Err(CommandError::usage(IMPORT));
    }
    let mut text = Vec::new();
    stdin
        .read_to_end(&mut text)
        .map_err(|error| CommandError::start(format!("can't read standard input: {error}")))?;
    if text.trim_ascii().is_empty() {
        return Err(CommandError::usage(IMPORT));
    }
    serde_json::from_slice(&text)
        .map_err(|error| CommandError::usage(format!("standard input is not an exported state: {error}")))
}

/// The types of the fields of an operation.
struct Types {
    /// The schema of its fields.
    schema: Value,
    /// The field that holds those of a request or a callback of the vendor, and the latter's types.
    inner: Option<(&'static str, Vec<FieldTree>)>,
}

impl Types {
    fn of(operation: &str, fields: &[(&str, &str)]) -> Result<Self, CommandError> {
        let schema = asked(operation).unwrap_or_default();
        let named =
            |wanted: &[&str]| fields.iter().find(|(path, _)| wanted.contains(path)).map(|(_, id)| *id);
        let inner = match operation {
            "emit" => named(&["event"]).map(|id| ("body", trees(id))),
            "wait" => named(&["callback", "request"]).map(|id| ("where", trees(id))),
            _ => None,
        };
        if let Some((table, trees)) = &inner {
            let is_own =
                |path: &str| path_keys(path).next().is_some_and(|key| !schema["properties"][key].is_null());
            let is_inner = |path: &str| trees.iter().any(|tree| tree.at(path).is_some());
            if let Some((path, _)) = fields.iter().find(|(path, _)| !is_own(path) && is_inner(path)) {
                return Err(CommandError::usage(format!(
                    "`{operation}` has no field `{path}`, did you mean `{table}.{path}`?"
                )));
            }
        }
        Ok(Self { schema, inner })
    }

    /// Returns the value of a field: JSON, or else a text. What is JSON is a text as well if the field takes nothing else:
    /// `name=1`.
    fn value(&self, path: &str, text: &str) -> Value {
        match serde_json::from_str(text) {
            Ok(value @ (Value::Number(_) | Value::Bool(_))) => {
                let is_text = match &self.inner {
                    Some((table, trees)) if path.starts_with(&format!("{table}.")) => {
                        is_text_in(trees, &path[table.len() + 1..])
                    }
                    _ => self.is_text(path, &value),
                };
                if is_text { text.into() } else { value }
            }
            Ok(value) => value,
            Err(_) => text.into(),
        }
    }

    /// Whether a field of the operation takes texts and no such values.
    fn is_text(&self, path: &str, value: &Value) -> bool {
        let field = path_keys(path).fold(&self.schema, |schema, key| match key.parse::<usize>() {
            Ok(_) => &schema["items"],
            Err(_) => &schema["properties"][key],
        });
        let same: &[&str] = if value.is_boolean() { &["boolean"] } else { &["number", "integer"] };
        takes(field, &["string"]) && !takes(field, same)
    }
}

/// Whether a schema takes one of these types.
fn takes(schema: &Value, types: &[&str]) -> bool {
    let is_one = |kind: &Value| kind.as_str().is_some_and(|kind| types.contains(&kind));
    let choice = |of: &str| schema[of].as_array().is_some_and(|all| all.iter().any(|one| takes(one, types)));
    match &schema["type"] {
        Value::Array(kinds) => kinds.iter().any(is_one),
        kind => is_one(kind) || choice("anyOf") || choice("oneOf"),
    }
}

/// Returns the fields of the vendor's entries that have this id, or one that begins as a pattern such as `task.*` does.
fn trees(id: &str) -> Vec<FieldTree> {
    let is_named =
        |entry: &str| id.strip_suffix('*').map_or(entry == id, |beginning| entry.starts_with(beginning));
    let ids = Catalog::builtin().entries().iter().map(|entry| entry.id.as_str());
    let fields = ids.filter(|entry| is_named(entry)).filter_map(reference::fields);
    let fields = fields.map(|fields| match fields {
        EntryFields::Endpoint { request, .. } => request,
        EntryFields::Callback(fields) => fields,
    });
    fields.map(|fields| FieldTree::of(&fields)).collect()
}

/// Whether a field is a text in all entries that have it. Behind it there may be a matcher: `user.id.not`.
fn is_text_in(trees: &[FieldTree], path: &str) -> bool {
    const MATCHERS: [&str; 4] = ["contains", "equals", "matches", "not"];
    let is_text = |path: &str| {
        let mut found = trees.iter().filter_map(|tree| tree.at(path)).peekable();
        found.peek().is_some() && found.all(FieldTree::is_text)
    };
    let matched = path.rsplit_once('.').filter(|(_, matcher)| MATCHERS.contains(matcher));
    is_text(path) || matched.is_some_and(|(path, _)| is_text(path))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::console::described;

    fn made(name: &str, given: &[&str]) -> Result<Value, String> {
        let operation = described().find(|operation| operation.name == name).unwrap();
        let given: Vec<String> = given.iter().map(|text| (*text).to_owned()).collect();
        table(operation, &given).map(Value::Object).map_err(|error| error.text().to_owned())
    }

    #[test]
    fn digits_are_a_text_where_only_a_text_is_taken() {
        for (name, given, wanted) in [
            ("snapshot", &["name=1"][..], json!({ "name": "1" })),
            (
                "chat",
                &["number=6281234567891", "write=12"],
                json!({ "number": "6281234567891", "write": "12" }),
            ),
            ("chat", &["name=true", "write=1.50"], json!({ "name": "true", "write": "1.50" })),
            ("add-namespace", &["name=7", "seed=7"], json!({ "name": "7", "seed": 7 })),
            ("expire-tokens", &["app_key=1"], json!({ "app_key": "1" })),
            ("move", &["speed=60"], json!({ "speed": 60 })),
            ("settle", &["advance=true"], json!({ "advance": true })),
            ("wait", &["story=1", "times=2"], json!({ "story": 1, "times": 2 })),
            (
                "add-fault",
                &["fault.call=task.create", "fault.status=503"],
                json!({ "fault": { "call": "task.create", "status": 503 } }),
            ),
            ("start-story", &["scenario=a", "set.n=7"], json!({ "scenario": "a", "set": { "n": 7 } })),
        ] {
            assert_eq!(made(name, given), Ok(wanted), "{name} {given:?}");
        }
    }

    #[test]
    fn fields_of_a_request_or_callback_have_its_types() {
        let of = |name: &str, given: &[&str]| made(name, given).unwrap();
        let event = "event=session.transfer";
        let emitted = of("emit", &[event, "body.user.id=5", "body.quux=5", "conversation=7"]);
        assert_eq!(emitted["body"], json!({ "user": { "id": "5" }, "quux": 5 }));
        assert_eq!(emitted["conversation"], "7");
        let waited =
            of("wait", &["callback=session.transfer", "where.channel_id=3709", "where.user.id.not=5"]);
        assert_eq!(waited["where"], json!({ "channel_id": "3709", "user": { "id": { "not": "5" } } }));
        let waited = of("wait", &["where.call_id=7", "request=chatbot.send_message"]);
        assert_eq!(waited["where"], json!({ "call_id": "7" }));
        assert_eq!(
            of("wait", &["callback=session.*", "where.user.id=5"])["where"],
            json!({ "user": { "id": "5" } })
        );
        let unknown = of("wait", &["callback=my.own", "where.id=5"]);
        assert_eq!(unknown["where"], json!({ "id": 5 }), "its types are in the settings of the mock");
        for (name, given, says) in [
            ("emit", [event, "user.id=5"], "did you mean `body.user.id`?"),
            ("wait", ["callback=session.transfer", "user.id=5"], "did you mean `where.user.id`?"),
            ("emit", [event, "company"], "`airudder-mock ctl emit --help` lists the fields"),
        ] {
            let error = made(name, &given).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
        assert!(made("emit", &["event=no.such", "user.id=5"]).is_ok(), "the mock says what is wrong");
    }
}
