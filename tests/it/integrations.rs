//! The fixtures for other languages: their own examples, run by their own tools.

use std::path::Path;
use std::process::Command;

use crate::serving::is_there;
use crate::support::{assert_code, program};

const PROGRAM: &str = env!("CARGO_BIN_EXE_airudder-mock");

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("integrations").join(name)
}

#[test]
fn the_examples_in_javascript_pass() {
    if !is_there("node") {
        return;
    }
    let output = Command::new("node")
        .arg("--test")
        .current_dir(folder("js"))
        .env("AIRUDDER_MOCK_BIN", PROGRAM)
        // The mock that it starts is for those who have it.
        .env("AIRUDDER_MOCK_CONTROL_TOKEN", "of the examples")
        .env_remove("AIRUDDER_MOCK_URL")
        .output()
        .unwrap();
    assert_code(&output, 0);
}

/// All of them at once, eight at a time, on the one server that `exec` starts.
#[test]
fn the_examples_in_python_pass() {
    let python = std::env::var("AIRUDDER_MOCK_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = |module: &str| {
        let found = Command::new(&python).args(["-c", &format!("import {module}")]).output();
        found.is_ok_and(|output| output.status.success())
    };
    if !has("pytest") || !has("xdist") {
        let what = "the examples in Python need pytest and pytest-xdist: AIRUDDER_MOCK_PYTHON names a Python that has them";
        assert!(std::env::var_os("CI").is_none(), "{what}");
        eprintln!("SKIPPED: {what}");
        return;
    }
    let output = program()
        .current_dir(folder("python"))
        .args(["exec", "--speed", "0", "--control-token", "of the examples", "--journal"])
        .arg(Path::new(env!("CARGO_TARGET_TMPDIR")).join("pytest.ndjson"))
        .args(["--", &python, "-m", "pytest", "-q", "-n", "8", "-p", "no:cacheprovider"])
        .args(["-p", "airudder_mock.pytest_plugin"])
        .env("PYTHONPATH", ".")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    assert_code(&output, 0);
}
