//! The fixtures for other languages: their own examples, run by their own tools.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::serving::{eventually, is_there};
use crate::support::{assert_code, program};

const PROGRAM: &str = env!("CARGO_BIN_EXE_airudder-mock");

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("integrations").join(name)
}

/// Returns a Python that has pytest with workers, if there is one.
fn python() -> Option<String> {
    let python = std::env::var("AIRUDDER_MOCK_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = |module: &str| {
        let found = Command::new(&python).args(["-c", &format!("import {module}")]).output();
        found.is_ok_and(|output| output.status.success())
    };
    if !has("pytest") || !has("xdist") {
        let what = "the examples in Python need pytest and pytest-xdist: AIRUDDER_MOCK_PYTHON names a Python that has them";
        assert!(std::env::var_os("CI").is_none(), "{what}");
        eprintln!("SKIPPED: {what}");
        return None;
    }
    Some(python)
}

/// Returns the command of a program that starts a mock by the helpers of its language.
fn starting(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("AIRUDDER_MOCK_BIN", PROGRAM).env_remove("AIRUDDER_MOCK_URL");
    command.env_remove("AIRUDDER_MOCK_CONTROL_TOKEN");
    command.env("PYTHONPATH", folder("python")).env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn answers(url: &str) -> bool {
    TcpStream::connect(url.trim().strip_prefix("http://").expect("a URL")).is_ok()
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
    let Some(python) = python() else { return };
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

#[test]
fn the_workers_of_pytest_share_one_server_which_ends_with_them() {
    let Some(python) = python() else { return };
    let tests = tempfile::tempdir().unwrap();
    let test = "import os, pathlib, pytest\n\n\n\
        @pytest.mark.parametrize('number', range(12))\n\
        def test_one(airudder, airudder_mock, number):\n\
        \x20   worker = os.environ['PYTEST_XDIST_WORKER']\n\
        \x20   pathlib.Path(f'{worker}.{number}.seen').write_text(airudder_mock.base_url)\n";
    std::fs::write(tests.path().join("test_workers.py"), test).unwrap();
    let output = starting(&python)
        .current_dir(tests.path())
        .args([
            "-m",
            "pytest",
            "-q",
            "-n",
            "3",
            "-p",
            "no:cacheprovider",
            "-p",
            "airudder_mock.pytest_plugin",
        ])
        .output()
        .unwrap();
    assert_code(&output, 0);
    let (mut workers, mut servers) = (BTreeSet::new(), BTreeSet::new());
    for entry in std::fs::read_dir(tests.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "seen") {
            workers.insert(path.file_stem().unwrap().to_str().unwrap().split('.').next().unwrap().to_owned());
            servers.insert(std::fs::read_to_string(&path).unwrap());
        }
    }
    assert!(workers.len() > 1, "{workers:?}");
    assert_eq!(servers.len(), 1, "{servers:?}");
    assert!(!answers(servers.first().unwrap()));
}

/// Nothing in a killed program can stop what it started.
#[test]
fn a_mock_ends_with_the_program_that_started_it_even_if_it_is_killed() {
    let python = std::env::var("AIRUDDER_MOCK_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let in_python = "import airudder_mock, time\n\
        mock = airudder_mock.start()\n\
        print(mock.base_url, flush=True)\n\
        time.sleep(600)";
    let in_javascript = "import { start } from './index.js'; console.log((await start()).baseUrl);";
    for (program, args) in
        [(&*python, vec!["-c", in_python]), ("node", vec!["--input-type=module", "--eval", in_javascript])]
    {
        if !is_there(program) {
            continue;
        }
        let mut child =
            starting(program).args(args).current_dir(folder("js")).stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        assert!(answers(&url), "{url}");
        child.kill().unwrap();
        child.wait().unwrap();
        eventually("the mock has ended", || (!answers(&url)).then_some(()));
    }
}
