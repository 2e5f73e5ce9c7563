//! The pages are right: every command on them runs, every request is answered, every file checks, every generated part
//! is up to date, every link leads somewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use airudder_mock::contract::{Catalog, Direction};
use serde_json::Value;

use crate::markdown::{as_printed, check_files, pages, read, repository, run_commands, run_scripts};
use crate::serving::is_there;
use crate::support::{Receiver, assert_code, plain, run, stdout};

#[test]
fn every_command_runs() {
    let ran: usize = pages().iter().filter(|page| *page != "README.md").map(|page| run_commands(page)).sum();
    assert!(ran >= 14, "docs/ has {ran} commands");
}

#[test]
fn every_file_checks() {
    let checked: usize = pages().iter().map(|page| check_files(page)).sum();
    assert!(checked >= 10, "the pages have {checked} files");
}

/// The pages whose requests can be pasted, one after the other.
const PASTED: [&str; 7] = [
    "docs/calling.md",
    "docs/dialer.md",
    "docs/workflow.md",
    "docs/chatbot.md",
    "docs/control.md",
    "docs/terminal.md",
    "docs/state.md",
];

/// Callbacks that follow from no request: only stories send them.
const SENT_BY_STORIES: [&str; 2] = ["agent.transfer", "inbound.call_completed"];

/// Every endpoint of the catalog is called with a right body and succeeds, and every callback
/// that can follow from them is delivered.
#[test]
fn every_request_is_answered_and_every_callback_delivered() {
    if !(is_there("curl") && is_there("openssl") && is_there("bash")) {
        return;
    }
    let (mut requested, mut delivered) = (BTreeSet::new(), BTreeSet::new());
    for page in PASTED {
        // What number detection expects suits all others.
        let answer = plain("200 OK", r#"{"code":200,"msg":"ok"}"#);
        let receiver = Receiver::answering(vec![answer]);
        let serving = as_printed(page, &receiver.url());
        run_scripts(page, &serving.url(), &receiver.url());
        let (_, record) = serving.end();
        // What is put back to an earlier moment at once may not go out before.
        assert!(!receiver.requests().is_empty() || page == "docs/state.md", "{page}");
        let mut events = BTreeMap::new();
        for line in &record {
            let id = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
            match line["kind"].as_str().unwrap() {
                "called" => {
                    let answer: Value =
                        serde_json::from_str(line["answer"].as_str().unwrap()).unwrap_or_default();
                    let is_well = line["status"] == 200 && (answer["code"] == 0 || answer["code"] == 200);
                    assert!(is_well, "{page}: {line}");
                    requested.insert(id("call"));
                }
                "queued" => {
                    events.insert(line["callback"].clone().to_string(), id("event"));
                }
                "delivered" => {
                    delivered.insert(events[&line["callback"].to_string()].clone());
                }
                "note" => assert!(
                    id("text").starts_with("left: ")
                        || page.contains("control") && id("text").ends_with(" was stopped")
                        || page.contains("state")
                            && ["restored to", "reset to", "set to"]
                                .iter()
                                .any(|did| id("text").starts_with(did))
                        || page.contains("calling")
                            && id("text").contains("`SIPLine` `main` is accepted as it is"),
                    "{line}"
                ),
                _ => {}
            }
        }
    }
    for entry in Catalog::builtin().entries() {
        let id = entry.id.as_str();
        match entry.direction {
            Direction::Request => assert!(requested.contains(id), "no page calls {id}"),
            Direction::Callback if SENT_BY_STORIES.contains(&id) => {}
            Direction::Callback => assert!(delivered.contains(id), "no page leads to {id}"),
        }
    }
}

#[test]
fn every_link_leads_somewhere() {
    for page in pages() {
        let folder = repository(&page).parent().unwrap().to_owned();
        let text = read(&page);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            let path = link.split('#').next().unwrap_or_default();
            let is_file = !path.is_empty() && !path.contains("://");
            assert!(!is_file || fs::exists(folder.join(path)).unwrap(), "{page} links to {link}");
        }
    }
    let (index, book, for_agents) = (read("docs/README.md"), read("docs/SUMMARY.md"), read("llms.txt"));
    for page in pages().iter().filter(|page| page.starts_with("docs/") && !page.ends_with("README.md")) {
        let name = Path::new(page).file_name().unwrap().to_str().unwrap();
        assert!(index.contains(&format!("]({name})")), "docs/README.md does not list {name}");
        assert!(book.contains(&format!("]({name})")), "docs/SUMMARY.md does not list {name}");
        assert!(for_agents.contains(&format!("](docs/{name})")), "llms.txt does not list {name}");
    }
}

/// The tutorial is gone through as it stands; at its end the token has expired and a signature was wrong.
#[test]
fn the_tutorial_leads_where_it_says() {
    if !(is_there("curl") && is_there("bash")) {
        return;
    }
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let serving = as_printed("docs/tutorial.md", &receiver.url());
    let said = run_scripts("docs/tutorial.md", &serving.url(), &receiver.url());
    serving.end();
    assert_eq!(said.matches("\"met\":true").count(), 3, "{said}");
    assert!(said.contains("the token has expired") && said.contains("signature-wrong"), "{said}");
    assert!(!said.contains("\"code\":404"), "{said}");
}

/// The steps for contributors name what is there: files, folders, and the words of the code.
#[test]
fn contributors_find_what_they_are_sent_to() {
    let text = read("CONTRIBUTING.md");
    let quoted: Vec<&str> = text.split('`').skip(1).step_by(2).collect();
    let is_path = |name: &&&str| {
        ["src/", "tests/", "docs/"].iter().any(|folder| name.starts_with(folder)) && !name.contains(' ')
    };
    let paths: Vec<&&str> = quoted.iter().filter(is_path).collect();
    assert!(paths.len() >= 10, "{paths:?}");
    for path in paths {
        assert!(fs::exists(repository(path)).unwrap(), "CONTRIBUTING.md names {path}");
    }
    let example = read("src/simulator/auth.rs");
    for word in ["endpoints!", "JsonSchema", "Refusal>", "&mut Simulator", "(documented)"] {
        assert!(text.contains(word) && example.contains(word), "{word} is in the steps and in the example");
    }
    assert!(read("src/simulator/sms.rs").contains("callbacks!"));
}

/// The parts of pages that are made from the program, by page and name.
fn generated() -> [(&'static str, &'static str, String); 8] {
    let printed = |args: &[&str]| {
        let output = run(args);
        assert_code(&output, 0);
        stdout(&output)
    };
    [
        ("docs/catalog.md", "catalog", printed(&["catalog", "--format", "markdown"])),
        ("docs/catalog.md", "codes", printed(&["catalog", "--codes", "--format", "markdown"])),
        ("docs/audit.md", "checks", format!("```text\n{}```\n", printed(&["audit", "--list"]))),
        ("docs/faults.md", "faults", printed(&["catalog", "--faults", "--format", "markdown"])),
        ("docs/magic.md", "magic", printed(&["catalog", "--magic", "--format", "markdown"])),
        ("docs/settings.md", "settings keys", keys("settings")),
        ("docs/scenarios.md", "scenario keys", keys("scenario")),
        ("docs/control.md", "control", control()),
    ]
}

/// Compares the generated parts with what the program says now. `UPDATE_DOCS=1` writes them instead.
#[test]
fn generated_parts_are_up_to_date() {
    for (page, name, text) in generated() {
        let old = read(page);
        let (begin, end) = (format!("<!-- generated: {name} -->\n"), "<!-- /generated -->");
        let (before, rest) = old.split_once(&begin).unwrap_or_else(|| panic!("{page} has no `{name}`"));
        let (_, after) = rest.split_once(end).unwrap();
        let new = format!("{before}{begin}{text}{end}{after}");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::write(repository(page), new).unwrap();
        } else {
            assert!(old == new, "{page} is out of date: UPDATE_DOCS=1 cargo test --test it docs::generated");
        }
    }
}

/// The requests of the control surface with their fields, from its OpenAPI document.
fn control() -> String {
    let document: Value = serde_json::from_str(&read("schema/control.openapi.json")).unwrap();
    let mut text = String::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let (name, what) =
                (operation["operationId"].as_str().unwrap(), operation["summary"].as_str().unwrap());
            let _ = write!(text, "### {name}: `{} {path}`\n\n{what}\n\n", method.to_uppercase());
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let own = schema["properties"].as_object().into_iter().flatten();
            let mut rows: Vec<(String, &Value, &Value)> =
                own.map(|(name, field)| (name.clone(), field, &field["description"])).collect();
            for one in operation["parameters"].as_array().unwrap() {
                let name = one["name"].as_str().unwrap();
                rows.push((name.to_owned(), &one["schema"], &one["description"]));
            }
            if rows.is_empty() {
                continue;
            }
            text.push_str("| field | takes | what |\n| --- | --- | --- |\n");
            for (name, field, help) in rows {
                let help = help.as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|");
                let _ = writeln!(text, "| `{name}` | {} | {help} |", takes(schema, field).0);
            }
            text.push('\n');
        }
    }
    text
}

/// The keys of a kind of file as tables, one for each table of the file, from its JSON Schema.
fn keys(kind: &str) -> String {
    let schema: Value = serde_json::from_str(&read(&format!("schema/{kind}.schema.json"))).unwrap();
    let mut text = String::new();
    push_table(&mut text, &schema, &[&schema], "");
    text
}

/// `tables` are the table and those it stands in.
fn push_table(text: &mut String, schema: &Value, tables: &[&Value], path: &str) {
    let Some(properties) = tables.last().and_then(|table| table["properties"].as_object()) else { return };
    let title = if path.is_empty() { "The top level".to_owned() } else { format!("`{path}`") };
    let _ = write!(text, "### {title}\n\n| key | takes | what |\n| --- | --- | --- |\n");
    let mut inner = Vec::new();
    // What a key was called before is still read, and no longer written.
    for (key, value) in properties.iter().filter(|(_, value)| value["deprecated"] != true) {
        let help = value["description"].as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|");
        let (takes, table) = takes(schema, value);
        // What may also be a text is listed at its first place.
        let table = table.filter(|_| path.is_empty() || value["items"]["anyOf"].is_null());
        let _ = writeln!(text, "| `{key}` | {takes} | {help} |");
        if let Some((table, is_list)) = table {
            let path = if path.is_empty() {
                key.clone()
            } else {
                format!("{}.{key}", path.trim_matches(['[', ']']))
            };
            inner.push((table, if is_list { format!("[[{path}]]") } else { format!("[{path}]") }));
        }
    }
    text.push('\n');
    for (table, path) in inner {
        // Blocks stand in blocks: their keys are listed once.
        if !tables.iter().any(|outer| std::ptr::eq(*outer, table)) {
            push_table(text, schema, &[tables, &[table]].concat(), &path);
        }
    }
}

/// What a key takes, in words, and the table behind it with whether there may be several.
fn takes<'a>(schema: &'a Value, value: &'a Value) -> (String, Option<(&'a Value, bool)>) {
    let value = resolve(schema, value);
    let all = |list: &'a Value| -> Vec<String> {
        list.as_array()
            .into_iter()
            .flatten()
            .map(|one| takes(schema, one).0)
            .filter(|one| !one.is_empty())
            .collect()
    };
    if let Some(words) = value["enum"].as_array() {
        let words: Vec<String> = words
            .iter()
            .filter(|word| !word.is_null())
            .map(|word| format!("`{}`", word.as_str().unwrap_or_default()))
            .collect();
        return (words.join(", "), None);
    }
    if let Some(command) = value["x-listed"].as_str() {
        return (format!("a name: `{command}`"), None);
    }
    if let Some(word) = value["const"].as_str() {
        return (format!("`{word}`"), None);
    }
    for several in ["anyOf", "oneOf"] {
        if !value[several].is_null() {
            let table = value[several].as_array().into_iter().flatten().find_map(|one| takes(schema, one).1);
            return (all(&value[several]).join(", "), table);
        }
    }
    let kind = match &value["type"] {
        Value::Array(kinds) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or_default()
        }
        kind => kind.as_str().unwrap_or_default(),
    };
    match kind {
        "string" => ("text".to_owned(), None),
        "integer" | "number" => ("number".to_owned(), None),
        "boolean" => ("`true`, `false`".to_owned(), None),
        "array" => match takes(schema, &value["items"]) {
            (_, Some((table, _))) => ("tables".to_owned(), Some((table, true))),
            (one, None) if one.is_empty() => ("list".to_owned(), None),
            (one, None) => (format!("list of: {one}"), None),
        },
        "object" => ("table".to_owned(), value["properties"].is_object().then_some((value, false))),
        _ => (String::new(), None),
    }
}

/// Follows references, and options of which only one is not null.
fn resolve<'a>(schema: &'a Value, value: &'a Value) -> &'a Value {
    if let Some(reference) = value["$ref"].as_str() {
        return resolve(schema, schema.pointer(reference.trim_start_matches('#')).unwrap_or(value));
    }
    for several in ["anyOf", "oneOf", "allOf"] {
        let options: Vec<&Value> =
            value[several].as_array().into_iter().flatten().filter(|one| one["type"] != "null").collect();
        if let [one] = options[..] {
            return resolve(schema, one);
        }
    }
    value
}
