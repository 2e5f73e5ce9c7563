//! The manifests of `docs/kubernetes`. The sandbox is valid by the API's schema, and its settings are right. The job is valid by the API's schema, and rehearsed with as many processes as it has parts,
//! under its own command and its own environment.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};
use yaml_rust2::{Yaml, YamlLoader};

use super::harness::{ended, number};
use super::receiver::Receiver;
use crate::support::{assert_code, run, stdout};

const MANIFEST: &str = include_str!("../../../docs/kubernetes/load-job.yaml");
const SANDBOX: &str = include_str!("../../../docs/kubernetes/sandbox.yaml");
const SCHEMA: &str = include_str!("kubernetes.schema.json");

fn json_of(yaml: &Yaml) -> Value {
    match yaml {
        Yaml::String(text) | Yaml::Real(text) => Value::String(text.clone()),
        Yaml::Integer(number) => json!(number),
        Yaml::Boolean(truth) => json!(truth),
        Yaml::Array(items) => items.iter().map(json_of).collect(),
        Yaml::Hash(entries) => {
            let named = entries.iter().map(|(key, value)| (key.as_str().unwrap().to_owned(), json_of(value)));
            Value::Object(named.collect::<Map<_, _>>())
        }
        other => panic!("{other:?} has no place in a manifest"),
    }
}

fn documents(text: &str) -> Vec<Value> {
    YamlLoader::load_from_str(text).unwrap().iter().map(json_of).collect()
}

/// Everything that is wrong with a value by a schema, each with its place.
fn mistakes(definitions: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        return mistakes(definitions, &definitions[name], value, at, found);
    }
    let fits = match schema["type"].as_str().expect("a schema has a type") {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64(),
        "boolean" => value.is_boolean(),
        other => panic!("{other} is no type"),
    };
    if !fits {
        found.push(format!("{at}: {value} is no {}", schema["type"]));
        return;
    }
    if let Some(allowed) = schema["enum"].as_array().filter(|allowed| !allowed.contains(value)) {
        found.push(format!("{at}: {value} is none of {allowed:?}"));
    }
    if let (Some(pattern), Some(text)) = (schema["pattern"].as_str(), value.as_str())
        && !regex_lite::Regex::new(pattern).unwrap().is_match(text)
    {
        found.push(format!("{at}: {text} does not match {pattern}"));
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(name).is_none() {
            found.push(format!("{at}: there is no {name}"));
        }
    }
    for (name, field) in value.as_object().into_iter().flatten() {
        let place = format!("{at}.{name}");
        match schema["properties"].get(name) {
            Some(schema) => mistakes(definitions, schema, field, &place, found),
            None if schema["additionalProperties"].is_object() => {
                mistakes(definitions, &schema["additionalProperties"], field, &place, found);
            }
            None => found.push(format!("{place}: there is no such field")),
        }
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        mistakes(definitions, &schema["items"], item, &format!("{at}[{index}]"), found);
    }
}

fn all_mistakes(text: &str) -> Vec<String> {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut found = Vec::new();
    for document in documents(text) {
        let kind = document["kind"].as_str().unwrap_or_default().to_owned();
        let definition = &schema["definitions"][&kind];
        assert!(definition.is_object(), "the schema has no {kind}");
        mistakes(&schema["definitions"], definition, &document, &kind, &mut found);
    }
    found
}

#[test]
fn the_manifest_is_valid_and_mistakes_in_it_are_found() {
    assert_eq!(all_mistakes(MANIFEST), Vec::<String>::new());
    for (right, wrong, place) in [
        ("completionMode: Indexed", "completionMode: indexed", "Job.spec.completionMode"),
        ("backoffLimit: 0", "backOffLimit: 0", "Job.spec.backOffLimit"),
        ("completions: 4", "completions: \"4\"", "Job.spec.completions"),
        ("restartPolicy: Never", "restart: Never", "Job.spec.template.spec.restart"),
        ("memory: 64Mi", "memory: 64MB", "Job.spec.template.spec.containers[0].resources.requests.memory"),
        ("mountPath: /stories", "path: /stories", "Job.spec.template.spec.containers[0].volumeMounts[0]"),
        ("apiVersion: batch/v1", "apiVersion: batch/v1beta1", "Job.apiVersion"),
    ] {
        assert!(MANIFEST.contains(right), "{right}");
        let found = all_mistakes(&MANIFEST.replacen(right, wrong, 1));
        assert!(found.iter().any(|mistake| mistake.starts_with(place)), "{wrong}: {found:?}");
    }
}

#[test]
fn the_sandbox_is_valid_and_so_are_its_settings_and_commands() {
    assert_eq!(all_mistakes(SANDBOX), Vec::<String>::new());
    let found = all_mistakes(&SANDBOX.replacen("replicas: 1", "replica: 1", 1));
    assert!(found[0].starts_with("Deployment.spec.replica"), "{found:?}");
    let [config, deployment, _service] = documents(SANDBOX).try_into().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("airudder-mock.toml");
    fs::write(&settings, config["data"]["airudder-mock.toml"].as_str().unwrap()).unwrap();
    assert_code(&run(&["check", settings.to_str().unwrap()]), 0);
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        let words = container[probe]["exec"]["command"].as_array().unwrap().iter();
        let mut words: Vec<&str> = words.map(|word| word.as_str().unwrap()).collect();
        assert_eq!(words.remove(0), "/airudder-mock");
        words.push("--help");
        assert_code(&run(&words), 0);
    }
}

/// The words behind `airudder-mock` in an example for CI begin with a command that there is, with flags that there are.
#[test]
fn the_examples_for_compose_and_ci_name_what_there_is() {
    let read =
        |name: &str| fs::read_to_string(crate::markdown::repository(&format!("docs/deploy/{name}"))).unwrap();
    let [compose] = documents(&read("compose.yaml")).try_into().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("airudder-mock.toml");
    fs::write(&settings, compose["configs"]["settings"]["content"].as_str().unwrap()).unwrap();
    assert_code(&run(&["check", settings.to_str().unwrap()]), 0);
    let command = compose["services"]["airudder"]["command"].as_array().unwrap().iter();
    let mut commands = vec![command.map(|word| word.as_str().unwrap().to_owned()).collect::<Vec<_>>()];
    for name in ["github.yml", "gitlab.yml"] {
        let text = read(name);
        assert_eq!(documents(&text).len(), 1, "{name}");
        commands.extend(text.lines().filter_map(|line| {
            let (_, command) = line.split_once("airudder-mock ")?;
            let (command, _) = command.split_once(" -- ")?;
            Some(command.split(' ').map(str::to_owned).collect())
        }));
    }
    assert_eq!(commands.len(), 5);
    for mut command in commands {
        command.push("--help".to_owned());
        assert_code(&run(&command), 0);
    }
}

#[test]
fn its_parts_send_one_load_and_are_merged_from_a_folder() {
    let [config, job] = documents(MANIFEST).try_into().unwrap();
    let parts = number(&job["spec"]["completions"]);
    assert_eq!((parts, number(&job["spec"]["parallelism"])), (4, 4));
    let container = &job["spec"]["template"]["spec"]["containers"][0];
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    // A smaller load, and a start of at once; everything else is as it stands there.
    let story = config["data"]["story.toml"].as_str().unwrap();
    let smaller = story.replace("20000/s", "400/s").replace("60s", "500ms");
    assert_ne!(smaller, story);
    fs::write(path("story.toml"), smaller).unwrap();
    fs::create_dir(path("parts")).unwrap();
    let receiver = Receiver::new();
    let program =
        std::path::Path::new(env!("CARGO_BIN_EXE_airudder-mock")).parent().unwrap().display().to_string();
    let path_variable = format!("{program}:{}", std::env::var("PATH").unwrap_or_default());
    let words = |name: &str| {
        let words = container[name].as_array().unwrap().iter();
        words.map(|word| word.as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (command, args) = (words("command"), words("args"));
    let begin = |index: u64| {
        let mut variables: BTreeMap<String, String> = BTreeMap::new();
        for variable in container["env"].as_array().unwrap() {
            let name = variable["name"].as_str().unwrap().to_owned();
            let value = match name.as_str() {
                "START_AT" => "2020-01-01T00:00:00Z".to_owned(),
                "CALLBACK_URL" => receiver.url(),
                "CALLBACK_HOST" => "127.0.0.1".to_owned(),
                "AIRUDDER_MOCK_SECRET" => "secret of the cluster".to_owned(),
                // Its start is long past, and how busy this machine is is no matter here.
                "VOID_ABOVE" => "100%".to_owned(),
                "STORY" => path("story.toml"),
                "REPORT" => path(&format!("{index}.json")),
                other => panic!("the rehearsal has no {other}"),
            };
            variables.insert(name, value);
        }
        Command::new(&command[0])
            .args(&command[1..])
            .args(&args)
            .env_clear()
            .env("PATH", &path_variable)
            .env("JOB_COMPLETION_INDEX", index.to_string())
            .envs(variables)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let begun: Vec<_> = (0..parts).map(begin).collect();
    for (index, child) in begun.into_iter().enumerate() {
        let output = ended(child);
        assert_code(&output, 0);
        // What the log of the pod holds, less what comes before the report.
        let log = stdout(&output);
        let report = log.find("{\n").map(|at| &log[at..]).unwrap();
        fs::write(path(&format!("parts/airudder-load-{index}.json")), report).unwrap();
    }
    assert_eq!(receiver.count(), 200);
    for request in receiver.arrived() {
        request.assert_signed("secret of the cluster");
    }
    let merged = path("merged.json");
    assert_code(&run(&["merge", &path("parts"), "--report", &merged]), 0);
    let merged: Value = serde_json::from_str(&fs::read_to_string(merged).unwrap()).unwrap();
    assert_eq!((number(&merged["counts"]["planned"]), number(&merged["counts"]["ok"])), (200, 200));
    assert_eq!(merged["merged"]["shards"], json!([0, 1, 2, 3]));
}
