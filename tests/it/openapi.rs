//! The OpenAPI documents are ones, by the judgement of another program, and their examples are as their schemas say.

use std::fs;
use std::process::Command;

use crate::support::{assert_code, run, stdout};

/// Validates the documents, and every example in them against its schema: of bodies, answers, callbacks and parameters.
const JUDGE: &str = r#"
import json, sys
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
for name in sys.argv[1:]:
    with open(name) as file:
        document = json.load(file)
    validate(document)
    counts = {"callbacks": 0, "bodies": 0, "answers": 0, "parameters": 0}
    def judge(kind, name, place):
        if "example" in place:
            wrong = [f"{name} {error.json_path}: {error.message}"
                     for error in Draft202012Validator(place["schema"]).iter_errors(place["example"])]
            assert not wrong, wrong
            counts[kind] += 1
    for event, operations in document.get("webhooks", {}).items():
        for operation in operations.values():
            judge("callbacks", event, operation["requestBody"]["content"]["application/json"])
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for content in operation.get("requestBody", {"content": {}})["content"].values():
                judge("bodies", path, content)
            for status, response in operation["responses"].items():
                for content in response.get("content", {}).values():
                    judge("answers", f"{path} {status}", content)
            for parameter in operation["parameters"]:
                judge("parameters", f"{path} {parameter['name']}", parameter)
    print(len(document["paths"]), *counts.values())
"#;

#[test]
fn both_documents_are_valid_and_so_are_the_examples() {
    let python = std::env::var("AIRUDDER_MOCK_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = Command::new(&python).args(["-c", "import openapi_spec_validator, jsonschema"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "openapi-spec-validator is missing: pip install it");
        println!("SKIPPED: openapi-spec-validator is not installed for {python}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let files = ["control", "vendor"].map(|kind| {
        let printed = run(&["schema", kind]);
        assert_code(&printed, 0);
        let path = folder.path().join(kind);
        fs::write(&path, stdout(&printed)).unwrap();
        path
    });
    let judged = Command::new(&python).args(["-c", JUDGE]).args(&files).output().unwrap();
    assert_code(&judged, 0);
    let counts: Vec<usize> = stdout(&judged).split_whitespace().map(|count| count.parse().unwrap()).collect();
    let [control, vendor] = [0, 5].map(|at| <[usize; 5]>::try_from(&counts[at..at + 5]).unwrap());
    let [paths, callbacks, bodies, answers, parameters] = vendor;
    let [control_paths, _, control_bodies, control_answers, control_parameters] = control;
    assert!(control_paths > 30 && paths > 40 && callbacks == 26, "{counts:?}");
    assert!(control_bodies > 12 && control_answers > 45 && control_parameters > 20, "{counts:?}");
    // Every endpoint has an answer, and what is asked of those that take anything.
    assert!(bodies > 35 && answers >= paths && parameters > 15, "{counts:?}");
}
