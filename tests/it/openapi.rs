//! The OpenAPI documents are ones, by the judgement of another program, and their examples are as their schemas say.

use std::fs;
use std::process::Command;

use crate::support::{assert_code, run, stdout};

/// Validates the documents, and the example of every callback against its schema.
const JUDGE: &str = r#"
import json, sys
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
for name in sys.argv[1:]:
    with open(name) as file:
        document = json.load(file)
    validate(document)
    examples = 0
    for event, operations in document.get("webhooks", {}).items():
        for operation in operations.values():
            content = operation["requestBody"]["content"]["application/json"]
            if "example" in content:
                wrong = [f"{event} {error.json_path}: {error.message}"
                         for error in Draft202012Validator(content["schema"]).iter_errors(content["example"])]
                assert not wrong, wrong
                examples += 1
    print(len(document["paths"]), examples)
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
    assert!(counts[0] > 30 && counts[2] > 40 && counts[3] > 20, "{counts:?}");
}
