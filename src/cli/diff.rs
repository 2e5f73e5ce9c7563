//! `diff`: shows the first difference between the `--record` files of two runs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::{CommandError, Exit};
use crate::files::diagnostic::counted;
use crate::files::{read_within, visible};

/// Maximum size of a record.
const MOST_MEGABYTES: u64 = 2_048;

const EXAMPLES: &str = "\
Compares the records of two runs (--record), story by story, and prints the first difference. Line \
numbers and real durations are ignored. Exits with 1 if there is a difference.

Examples:
  airudder-mock run agent-transfer --seed 7 --epoch 2030-01-01T00:00:00Z \\
          --speed max --record a.ndjson
  airudder-mock diff a.ndjson b.ndjson
  airudder-mock diff a.ndjson b.ndjson --ignore at --ignore body.call_id
      Ignores times and one field of the bodies.";

/// Keys that differ between any two runs.
const ALWAYS_IGNORED: [&str; 2] = ["seq", "elapsed_us"];

/// The arguments of `diff`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// The record of the first run.
    a: PathBuf,
    /// The record of the second run.
    b: PathBuf,
    /// Ignore this: a path such as `body.call_id`, or a name at any depth. May be given more than once.
    #[arg(long, value_name = "FIELD")]
    ignore: Vec<String>,
}

/// A line of a record, with its number in the file.
struct Line {
    number: usize,
    fields: Map<String, Value>,
}

/// The entries of each story, and under `None` those of no story, in the order in which they begin.
type Stories = IndexMap<Option<String>, Vec<Line>>;

pub(super) fn run(args: &Args) -> Result<Exit, CommandError> {
    let read = |path: &Path| {
        let bytes = read_within(path, MOST_MEGABYTES)
            .map_err(|error| CommandError::usage(format!("{} can't be read: {error}", path.display())))?;
        let stories = stories(&String::from_utf8_lossy(&bytes), &args.ignore);
        stories.map_err(|message| CommandError::usage(format!("{}: {message}", path.display())))
    };
    let (a, b) = (read(&args.a)?, read(&args.b)?);
    let names = [&args.a, &args.b].map(|path| path.display().to_string());
    match first_difference(&a, &b, [&names[0], &names[1]]) {
        None => {
            let lines = a.values().map(|lines| lines.len() as u64).sum();
            let named = a.keys().flatten().count() as u64;
            super::say(&format!("the same: {} in {}", counted(lines, "line"), counted(named, "story")));
            Ok(Exit::Ok)
        }
        Some(text) => {
            super::print(&text)?;
            Ok(Exit::Failed)
        }
    }
}

/// Splits a record into stories.
fn stories(text: &str, ignore: &[String]) -> Result<Stories, String> {
    let mut stories = Stories::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let number = at + 1;
        let fields: Map<String, Value> = serde_json::from_str(line)
            .map_err(|error| format!("line {number} is not a record entry: {error}"))?;
        let name = fields.get("story").and_then(Value::as_str).map(str::to_owned);
        let mut whole = Value::Object(fields);
        for key in ["body", "answer"] {
            // JSON is compared as JSON, not as text.
            let parsed = whole[key].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
            if let Some(parsed) = parsed.filter(|parsed| parsed.is_object() || parsed.is_array()) {
                whole[key] = parsed;
            }
        }
        for field in ALWAYS_IGNORED.into_iter().chain(ignore.iter().map(String::as_str)) {
            match field.contains('.') {
                true => remove(&mut whole, field),
                false => remove_everywhere(&mut whole, field),
            }
        }
        let Value::Object(fields) = whole else { continue };
        stories.entry(name).or_default().push(Line { number, fields });
    }
    Ok(stories)
}

fn remove(value: &mut Value, path: &str) {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    match value {
        Value::Object(table) if rest.is_empty() => drop(table.shift_remove(first)),
        Value::Object(table) => {
            if let Some(inner) = table.get_mut(first) {
                remove(inner, rest);
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|item| remove(item, path)),
        _ => {}
    }
}

fn remove_everywhere(value: &mut Value, name: &str) {
    match value {
        Value::Object(table) => {
            table.shift_remove(name);
            table.values_mut().for_each(|value| remove_everywhere(value, name));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| remove_everywhere(value, name)),
        _ => {}
    }
}

/// Returns the first difference, for people.
fn first_difference(a: &Stories, b: &Stories, names: [&str; 2]) -> Option<String> {
    let all = a.keys().chain(b.keys().filter(|name| !a.contains_key(*name)));
    let mut found: Option<(usize, String)> = None;
    for name in all {
        let [own, other] = [a, b].map(|stories| stories.get(name).map_or(&[][..], Vec::as_slice));
        let longest = own.len().max(other.len());
        let at = (0..longest)
            .find(|at| own.get(*at).map(|line| &line.fields) != other.get(*at).map(|line| &line.fields));
        let Some(at) = at else { continue };
        let (left, right) = (own.get(at), other.get(at));
        let place = left.or(right).map_or(usize::MAX, |line| line.number);
        if found.as_ref().is_none_or(|(first, _)| place < *first) {
            found = Some((place, describe(name.as_deref(), at, [left, right], names)));
        }
    }
    found.map(|(_, text)| text)
}

fn describe(story: Option<&str>, at: usize, lines: [Option<&Line>; 2], names: [&str; 2]) -> String {
    let story = story.map_or("outside of stories".to_owned(), |name| format!("story {}", visible(name)));
    let mut text = format!("{story}: entry {} differs\n", at + 1);
    for (line, name) in lines.into_iter().zip(names) {
        match line {
            Some(line) => drop(writeln!(text, "  {name}:{}  {}", line.number, described(&line.fields))),
            None => drop(writeln!(text, "  {name}  nothing more")),
        }
    }
    if let [Some(left), Some(right)] = lines
        && let Some((path, left, right)) =
            differs("", &Value::Object(left.fields.clone()), &Value::Object(right.fields.clone()))
    {
        let shown = |value: Option<Value>| match value {
            Some(value) => visible(&value.to_string()).chars().take(200).collect::<String>(),
            None => "missing".to_owned(),
        };
        let _ =
            writeln!(text, "  `{path}` is {} in the first and {} in the second", shown(left), shown(right));
    }
    text
}

/// Describes a line in a few words.
fn described(fields: &Map<String, Value>) -> String {
    let keys =
        ["kind", "event", "call", "callback", "try", "status", "error", "faults", "place", "text", "message"];
    let words = keys.iter().filter_map(|key| {
        let word = match fields.get(*key)? {
            Value::String(text) => text.clone(),
            other => format!("{key} {other}"),
        };
        Some(word.chars().take(100).collect::<String>())
    });
    visible(&words.collect::<Vec<_>>().join(" ")).into_owned()
}

/// Returns the first place where two values differ, with both values.
fn differs(path: &str, a: &Value, b: &Value) -> Option<(String, Option<Value>, Option<Value>)> {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match (a, b) {
        _ if a == b => None,
        (Value::Object(a), Value::Object(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            keys.into_iter().find_map(|key| match (a.get(key), b.get(key)) {
                (Some(a), Some(b)) => differs(&below(key), a, b),
                (a, b) => Some((below(key), a.cloned(), b.cloned())),
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(at, (a, b))| differs(&below(&at.to_string()), a, b))
        }
        _ => Some((path.to_owned(), Some(a.clone()), Some(b.clone()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = r#"{"seq":1,"at":"x","story":"s","kind":"queued","callback":1,"body":"{\"id\":1,\"n\":[1,2]}"}
{"seq":2,"at":"x","kind":"note","text":"hello"}
{"seq":3,"at":"y","story":"s","kind":"tried","callback":1,"event":"session.end","try":1,"status":200,"elapsed_us":7}"#;

    fn diff(b: &str, ignore: &[&str]) -> Option<String> {
        let ignore: Vec<String> = ignore.iter().map(|field| (*field).to_owned()).collect();
        let read = |text: &str| stories(text, &ignore).unwrap();
        first_difference(&read(A), &read(b), ["a", "b"])
    }

    #[test]
    fn equal_runs_are_the_same() {
        assert_eq!(diff(A, &[]), None);
        // The order of stories, numbers and durations do not count.
        let lines: Vec<&str> = A.lines().collect();
        let b = [lines[1], lines[0], lines[2]].join("\n").replace("\"elapsed_us\":7", "\"elapsed_us\":9");
        assert_eq!(diff(&b, &[]), None);
    }

    #[test]
    fn the_first_difference_is_told() {
        let text = diff(&A.replace("\"status\":200", "\"status\":503"), &[]).unwrap();
        assert_eq!(
            text,
            "story s: entry 2 differs\n  a:3  tried session.end callback 1 try 1 status 200\n  \
             b:3  tried session.end callback 1 try 1 status 503\n  `status` is 200 in the first and 503 in the second\n"
        );
        let text = diff(&A.replace(r"[1,2]", r"[1,3]"), &[]).unwrap();
        assert!(text.ends_with("`body.n.1` is 2 in the first and 3 in the second\n"), "{text}");
        let shorter: Vec<&str> = A.lines().take(2).collect();
        assert!(diff(&shorter.join("\n"), &[]).unwrap().contains("b  nothing more"));
        let other = format!("{A}\n{{\"story\":\"t\",\"kind\":\"story_started\"}}");
        assert!(diff(&other, &[]).unwrap().starts_with("story t: entry 1 differs\n  a  nothing"));
    }

    /// The record of a load has hundreds of thousands of stories.
    #[test]
    fn many_stories_take_time_in_proportion() {
        let line = |number: u32| format!("{{\"story\":\"s #{number}\",\"kind\":\"story_started\"}}\n");
        let time = |count: u32| {
            let text: String = (0..count).map(line).collect();
            let begun = std::time::Instant::now();
            let [a, b] = [&text, &text].map(|text| stories(text, &[]).unwrap());
            assert_eq!(first_difference(&a, &b, ["a", "b"]), None);
            begun.elapsed()
        };
        let (few, many) = (time(2_000), time(40_000));
        assert!(many < few * 100, "{few:?}, and {many:?} for twenty times as many");
    }

    #[test]
    fn what_is_named_is_ignored() {
        let b = A.replace("\"at\":\"x\"", "\"at\":\"z\"").replace(r#"\"id\":1"#, r#"\"id\":2"#);
        assert!(diff(&b, &["at"]).is_some());
        assert_eq!(diff(&b, &["at", "body.id"]), None);
        assert!(stories("{}\nnonsense", &[]).err().unwrap().starts_with("line 2 is not a record entry"));
    }
}
