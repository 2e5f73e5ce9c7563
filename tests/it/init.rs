//! `init`: what it writes is right, and what it says to run next runs.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::run_ci::shell;
use crate::serving::is_there;
use crate::support::{assert_code, program, stderr, stdout};

/// The commands that a run of `init` names, without the one that goes into the folder.
fn next(told: &str) -> Vec<&str> {
    let (_, next) = told.split_once("\nNext:\n").unwrap();
    next.lines()
        .map(|line| line.strip_prefix("  ").unwrap())
        .filter(|line| !line.starts_with("cd "))
        .collect()
}

fn initialised(outside: &Path, args: &[&str]) -> String {
    let output = program().current_dir(outside).arg("init").args(args).output().unwrap();
    assert_code(&output, 0);
    stdout(&output)
}

#[test]
fn what_init_says_to_run_next_is_green() {
    for (language, tool, files) in [
        ("python", "python3", ["receiver.py", "test_receiver.py"]),
        ("node", "node", ["receiver.mjs", "receiver.test.mjs"]),
    ] {
        if !is_there(tool) || !is_there("bash") {
            continue;
        }
        let outside = tempfile::tempdir().unwrap();
        let told = initialised(outside.path(), &["it's new/tests", "--language", language]);
        let folder = outside.path().join("it's new/tests");
        for file in files.into_iter().chain(["airudder-mock.toml", "story.toml"]) {
            assert!(told.contains(&format!("wrote it's new/tests/{file}\n")), "{told}");
            assert!(folder.join(file).is_file());
        }
        assert!(told.contains(r"  cd 'it'\''s new/tests'"), "{told}");
        assert_code(
            &shell(&folder, "airudder-mock check airudder-mock.toml story.toml").output().unwrap(),
            0,
        );
        let commands = next(&told);
        let [tests, story, serve] = commands[..] else { panic!("{told}") };
        for command in [tests, story] {
            assert_code(&shell(&folder, command).output().unwrap(), 0);
        }
        let mut serving = shell(&folder, &format!("exec {serve} --listen 127.0.0.1:0")).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(serving.stdout.take().unwrap()).read_line(&mut line).unwrap();
        serving.kill().unwrap();
        let output = serving.wait_with_output().unwrap();
        assert!(line.contains("http://127.0.0.1:"), "{line}\n{}", stderr(&output));
    }
}

/// The other languages are run by `tests/recipes.py`; here they are only written.
#[test]
fn init_never_writes_over_a_file() {
    let outside = tempfile::tempdir().unwrap();
    for (language, file) in
        [("go", "receiver.go"), ("php", "receiver.php"), ("ruby", "receiver.rb"), ("java", "Receiver.java")]
    {
        let told = initialised(outside.path(), &[language, "--language", language]);
        assert!(next(&told)[0].contains(file), "{told}");
    }
    let told = initialised(outside.path(), &[]);
    assert!(told.contains("wrote ./receiver.py\n") && !told.contains("  cd "), "{told}");

    fs::write(outside.path().join("receiver.py"), "mine").unwrap();
    fs::remove_file(outside.path().join("story.toml")).unwrap();
    let output = program().current_dir(outside.path()).args(["init", "."]).output().unwrap();
    assert_code(&output, 2);
    let told = stderr(&output);
    assert!(told.contains("./airudder-mock.toml, ./receiver.py, ./test_receiver.py exist already"), "{told}");
    assert!(told.contains("nothing was written"), "{told}");
    assert_eq!(fs::read_to_string(outside.path().join("receiver.py")).unwrap(), "mine");
    assert!(!outside.path().join("story.toml").exists());

    fs::write(outside.path().join("file"), "").unwrap();
    let output = program().current_dir(outside.path()).args(["init", "file/below"]).output().unwrap();
    assert_code(&output, 3);
    assert!(stderr(&output).contains("file/below can't be written"), "{}", stderr(&output));
}
