//! What stands in the README and in docs/ is run: this reads the fenced blocks and runs their commands.
//!
//! A comment on the line before a block says what its commands need: `<!-- run: needs your server -->`, ...

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::serving::{Serving, is_there};
use crate::stories::own_integrator;
use crate::support::{
    DEFAULT_SECRET, Receiver, assert_code, free_address, plain, program, run, run_with_input, stderr, stdout,
};

/// A fenced block: its language, its text, and the comment on the line before it.
pub(crate) struct Block {
    pub language: String,
    pub text: String,
    pub comment: String,
}

/// The path of a file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

pub(crate) fn read(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The pages for people: the README and everything in docs/ but the contents of the book, by their paths in the repository.
pub(crate) fn pages() -> Vec<String> {
    let docs = fs::read_dir(repository("docs")).unwrap();
    let names = docs.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut pages: Vec<String> = names
        .filter(|name| name.ends_with(".md") && name != "SUMMARY.md")
        .map(|name| format!("docs/{name}"))
        .collect();
    pages.sort_unstable();
    pages.insert(0, "README.md".to_owned());
    pages.push("CONTRIBUTING.md".to_owned());
    pages
}

/// The blocks of a page in this language.
pub(crate) fn blocks(page: &str, language: &str) -> Vec<Block> {
    let text = read(page);
    let mut lines = text.lines();
    let mut blocks = Vec::new();
    let mut before = String::new();
    while let Some(line) = lines.next() {
        if let Some(found) = line.strip_prefix("```") {
            let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(Block { language: found.to_owned(), text: text.join("\n"), comment: before.clone() });
        }
        line.clone_into(&mut before);
    }
    blocks.retain(|block| block.language == language);
    blocks
}

/// The words of a command as a shell splits them; the pages' commands have no quotes inside a word.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in command.chars() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None, ' ') => words.push(String::new()),
            (_, c) => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Runs every command of the `sh` blocks of a page, and returns how many there are.
pub(crate) fn run_commands(page: &str) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let mut ran = 0;
    for block in blocks(page, "sh") {
        for line in block.text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            run_command(line, &block.comment, folder.path());
            ran += 1;
        }
    }
    ran
}

fn run_command(line: &str, comment: &str, folder: &Path) {
    let (input, command) = match line.split_once(" | ") {
        Some((printf, command)) => (printf.strip_prefix("printf '%s' "), command),
        None => (None, line),
    };
    let command = command.strip_prefix("cargo run --").unwrap_or(command).trim();
    if command.starts_with("cargo ") || comment.contains("not run") {
        return; // `cargo test` is what runs this.
    }
    let command = command.strip_prefix("airudder-mock").unwrap_or(command).trim();
    let mut args = words(command);
    // Files that a command writes, and that later ones read, stand in a folder of the test.
    const WRITTEN: [&str; 8] = [
        "report.",
        "baseline.json",
        "copy.pem",
        "part",
        "run.ndjson",
        "again.ndjson",
        "trace.html",
        "./airudder-data",
    ];
    for arg in args.iter_mut().filter(|arg| WRITTEN.iter().any(|name| arg.starts_with(name))) {
        *arg = folder.join(&*arg).to_str().unwrap().to_owned();
    }
    match args[0].as_str() {
        "receive" => starts(&args),
        "serve" => serve_starts(args, folder),
        "load" => load_runs(args),
        "run" => story_runs(args, comment),
        "audit" if args.iter().any(|arg| arg == "--callback-url") => audit_runs(args, folder),
        "emit" | "replay" if comment.contains("needs a receiver") => {
            let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
            args.extend(["--callback-url".to_owned(), receiver.url()]);
            assert_code(&run(&args), 0);
            assert!(!receiver.requests().is_empty());
        }
        _ => {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            let output = match input {
                Some(text) => run_with_input(&args, words(text).join(" ").as_bytes()),
                None => run(&args),
            };
            assert_code(&output, 0);
        }
    }
}

/// Gives a flag another value, if it is there.
fn put(args: &mut [String], flag: &str, value: &str) {
    for index in 1..args.len() {
        if args[index - 1] == flag {
            value.clone_into(&mut args[index]);
        }
    }
}

/// A story runs as fast as possible, with an integrator where the page says that yours is.
fn story_runs(mut args: Vec<String>, comment: &str) {
    let has = |args: &[String], flag: &str| args.iter().any(|arg| arg == flag);
    if !has(&args, "--speed") {
        args.extend(["--speed".to_owned(), "max".to_owned()]);
    }
    let secret = args.iter().position(|arg| arg == "--secret").map(|at| args[at + 1].clone());
    let mock = free_address();
    args.extend(["--listen".to_owned(), mock.to_string()]);
    let receiver = own_integrator(mock, secret.as_deref().unwrap_or(DEFAULT_SECRET), 2);
    put(&mut args, "--callback-url", &receiver.url());
    assert_eq!(comment.contains("needs your server"), has(&args, "--callback-url"), "{args:?}: {comment}");
    assert_code(&run(&args), 0);
    assert_eq!(receiver.requests().is_empty(), !has(&args, "--callback-url"));
}

/// A load runs with the page's flags, but for a shorter time.
fn load_runs(mut args: Vec<String>) {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    put(&mut args, "--callback-url", &receiver.url());
    put(&mut args, "--duration", "200ms");
    put(&mut args, "--listen", "127.0.0.1:0");
    // A busy machine holds back a few of so few events.
    args.extend(["--void-above".to_owned(), "100%".to_owned()]);
    assert_code(&run(&args), 0);
    assert!(!receiver.requests().is_empty());
}

/// The mock starts with the page's flags, apart from the addresses.
fn serve_starts(mut args: Vec<String>, folder: &Path) {
    put(&mut args, "--callback-url", &Receiver::answering(vec![plain("200 OK", "{}")]).url());
    put(&mut args, "--proxy", "127.0.0.1:0");
    put(&mut args, "--port-file", folder.join("port").to_str().unwrap());
    starts(&args);
}

/// An audit runs with the page's flags against the sample receiver in Python; where it would run all checks, it runs one.
fn audit_runs(mut args: Vec<String>, folder: &Path) {
    if !is_there("python3") {
        return;
    }
    let (address, mock) = (free_address(), free_address().to_string());
    put(&mut args, "--listen", &mock);
    let is_served = args.iter().any(|arg| arg == "--listen");
    let mut receiver = std::process::Command::new("python3")
        .arg(repository("tests/receivers/receiver.py"))
        .args(["--port", &address.port().to_string(), "--state"])
        .arg(folder.join(format!("events-{}", address.port())))
        .env_remove("AIRUDDER_MOCK_SECRET")
        .env("AIRUDDER_MOCK_URL", if is_served { format!("http://{mock}") } else { String::new() })
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .spawn()
        .unwrap();
    for flag in ["--callback-url", "--probe", "--restart"] {
        for at in 1..args.len() {
            if args[at - 1] == flag {
                args[at] = args[at].replace("127.0.0.1:3000", &address.to_string());
            }
        }
    }
    if !args.iter().any(|arg| arg == "--only") {
        args.extend(["--only".to_owned(), "answer-accepted".to_owned()]);
    }
    let output = run(&args);
    receiver.kill().unwrap();
    receiver.wait().unwrap();
    assert_code(&output, 0);
}

fn starts(args: &[String]) {
    let mut command = program();
    command.args(args);
    if !args.iter().any(|arg| arg == "--listen") {
        command.args(["--listen", "127.0.0.1:0"]);
    }
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.contains("127.0.0.1:"), "{line}");
}

/// Checks every `toml` block of a page as what its first line says it is, and returns how many there are.
pub(crate) fn check_files(page: &str) -> usize {
    /// A recording of nothing, for pages that name one: 8,000 samples of 16 bits a second, one channel.
    const EMPTY_WAV: &[u8] =
        b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\0\0\0";
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("my.wav"), EMPTY_WAV).unwrap();
    // The certificates that pages name.
    let own = rcgen::generate_simple_self_signed(["mock.example".to_owned()]).unwrap();
    for name in ["our-ca.pem", "mock.pem"] {
        fs::write(folder.path().join(name), own.cert.pem()).unwrap();
    }
    fs::write(folder.path().join("mock-key.pem"), own.signing_key.serialize_pem()).unwrap();
    let files = blocks(page, "toml");
    for block in &files {
        let settings = !block.text.contains("scenario.schema.json");
        let path = folder.path().join("example.toml");
        fs::write(&path, &block.text).unwrap();
        let kind = if settings { "settings" } else { "scenario" };
        let output = run(&["check", "--as", kind, path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{page}:\n{}\n{}", block.text, stderr(&output));
    }
    files.len()
}

/// A mock as a page starts it, but for the address to which its callbacks go.
pub(crate) fn as_printed(page: &str, hook: &str) -> Serving {
    let commands = blocks(page, "sh").into_iter().filter(|block| block.comment.contains("run: serves"));
    let serve = commands.map(|block| block.text).find(|text| text.starts_with("airudder-mock serve"));
    let mut args = words(&serve.unwrap_or_else(|| panic!("{page} starts no mock"))).split_off(2);
    put(&mut args, "--callback-url", hook);
    Serving::with("", &args.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Runs the `bash` blocks of a page in one shell, as they stand there, against the mock at `base`; callbacks that the
/// page names a URL for go to `hook`. Returns everything it printed.
pub(crate) fn run_scripts(page: &str, base: &str, hook: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let typed: Vec<String> = blocks(page, "bash")
        .iter()
        .filter(|block| block.comment.contains("against it"))
        .map(|block| {
            let text = block.text.replace("http://127.0.0.1:2478", base);
            text.replace("http://127.0.0.1:3000/hook", hook)
        })
        .collect();
    assert!(!typed.is_empty(), "{page} has nothing to run");
    let program = Path::new(env!("CARGO_BIN_EXE_airudder-mock"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = [program.parent().unwrap().to_owned()].into_iter().chain(std::env::split_paths(&path));
    let output = std::process::Command::new("bash")
        .args(["-euo", "pipefail", "-c", &typed.join("\n")])
        .env("PATH", std::env::join_paths(paths).unwrap())
        .env_remove("AIRUDDER_MOCK_SECRET")
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{page}:\n{}\n{}", stdout(&output), stderr(&output));
    format!("{}{}", stderr(&output), stdout(&output))
}
