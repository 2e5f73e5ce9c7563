//! `init`: what it writes is right, and what it says to run next runs.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;

use crate::run_ci::shell;
use crate::serving::is_there;
use crate::support::{assert_code, program, stderr, stdout};

/// The commands that a run of `init` names, without the one that goes into the folder: those to run one after another, and
/// those to run at the same time.
fn next(told: &str) -> [Vec<&str>; 2] {
    let (_, next) = told.split_once("\nNext:\n").unwrap();
    let (first, beside) = next.split_once("\n\nWhile you work, in two terminals:\n").unwrap();
    [first, beside].map(|lines| {
        let commands = lines.lines().map(|line| line.strip_prefix("  ").unwrap());
        commands.filter(|line| !line.starts_with("cd ")).collect()
    })
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
        let [first, beside] = next(&told);
        let ([tests, story], [start, serve]) = (&first[..], &beside[..]) else { panic!("{told}") };
        for command in [tests, story] {
            assert_code(&shell(&folder, command).output().unwrap(), 0);
        }
        assert!(story.ends_with(&format!("-- {start}")), "{told}");
        // The receiver gets the key of the account from the settings.
        let own = "[access]\nchatbot_signature = \"require\"\n[[accounts]]\napp_key = \"k\"\napp_secret = \"s\"\n\
                   sign_key = \"b17d0de2a17d0de2a17d0de2a17d0de2\"\n";
        fs::write(folder.join("own.toml"), own).unwrap();
        assert_code(&shell(&folder, &story.replacen("run", "run --config own.toml", 1)).output().unwrap(), 0);
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
    for (language, file, library) in [
        ("go", "receiver.go", None),
        ("php", "receiver.php", None),
        ("ruby", "receiver.rb", Some("webrick")),
        ("java", "Receiver.java", Some("gson:2.11.0")),
    ] {
        let told = initialised(outside.path(), &[language, "--language", language]);
        let [first, beside] = next(&told);
        assert!(first.last().unwrap().ends_with(file) || language == "php", "{told}");
        assert!(beside[0].ends_with(file) && !beside[0].contains("$PORT"), "{told}");
        assert_eq!(first.len() == 2, library.is_some(), "{told}");
        assert!(library.is_none_or(|library| first[0].contains(library)), "{told}");
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

/// What `run` and `exec` tell a command has one name in all of them.
#[test]
fn every_recipe_reads_the_key_that_a_run_sets() {
    let recipes = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes");
    let mut folders = 0;
    for folder in
        fs::read_dir(recipes).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir())
    {
        let source = if folder.join("src").is_dir() { folder.join("src") } else { folder.clone() };
        let reads = fs::read_dir(source).unwrap().any(|file| {
            fs::read_to_string(file.unwrap().path()).is_ok_and(|text| text.contains("AIRUDDER_MOCK_SIGN_KEY"))
        });
        assert!(reads, "{}", folder.display());
        folders += 1;
    }
    assert!(folders > 10);
}
