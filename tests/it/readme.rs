//! The README is right: every command in it runs, every file in it checks, every table in it is up to date.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::stories::own_integrator;
use crate::support::{
    Receiver, assert_code, free_address, plain, program, run, run_with_input, stderr, stdout,
};

/// A fenced block of the README: its language, its text, and the comment on the line before it.
struct Block {
    language: String,
    text: String,
    comment: String,
}

fn readme() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

fn blocks(language: &str) -> Vec<Block> {
    let text = readme();
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

/// The words of a command as a shell sees them; the README's commands have no quotes beside plain ones.
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

#[test]
fn every_command_runs() {
    let folder = tempfile::tempdir().unwrap();
    let mut ran = 0;
    for block in blocks("sh") {
        for line in block.text.lines().filter(|line| !line.starts_with('#')) {
            ran += usize::from(check_command(line, &block.comment, folder.path()));
        }
    }
    assert!(ran >= 10, "the README has {ran} commands");
}

fn check_command(line: &str, comment: &str, folder: &std::path::Path) -> bool {
    let (input, command) = match line.split_once(" | ") {
        Some((printf, command)) => (printf.strip_prefix("printf '%s' "), command),
        None => (None, line),
    };
    let command = command.strip_prefix("cargo run --release --").unwrap_or(command);
    let command = command.trim().strip_prefix("airudder-mock").unwrap_or(command).trim();
    if command == "cargo test" {
        return false; // This is it.
    }
    let mut args = words(command);
    const WRITTEN: [&str; 8] = [
        "report.xml",
        "report.json",
        "report.html",
        "report.md",
        "baseline.json",
        "part0.json",
        "part1.json",
        "run.ndjson",
    ];
    for arg in args.iter_mut().filter(|arg| WRITTEN.contains(&arg.as_str())) {
        *arg = folder.join(&*arg).to_str().unwrap().to_owned();
    }
    if args[0] == "receive" {
        receive_starts(&args);
        return true;
    }
    if args[0] == "serve" {
        return serve_starts(args, folder);
    }
    if args[0] == "run" {
        args.extend(
            ["--speed", "--listen"]
                .iter()
                .filter(|flag| !args.iter().any(|arg| arg == *flag))
                .flat_map(|flag| {
                    [(*flag).to_owned(), if *flag == "--speed" { "max" } else { "127.0.0.1:0" }.to_owned()]
                })
                .collect::<Vec<_>>(),
        );
    }
    if args[0] == "load" {
        return load_runs(args);
    }
    if args[0] == "merge" {
        assert_code(&run(&args), 0);
        return true;
    }
    if comment.contains("needs a receiver") {
        let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
        args.extend(["--callback-url".to_owned(), receiver.url()]);
        assert_code(&run(&args), 0);
        assert_eq!(receiver.requests().len(), 1);
        return true;
    }
    if comment.contains("needs your server") {
        return with_a_server(args);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let output = match input {
        Some(text) => run_with_input(&args, words(text).join(" ").as_bytes()),
        None => run(&args),
    };
    assert_code(&output, 0);
    true
}

/// Puts an integrator where the README says that yours is.
fn with_a_server(mut args: Vec<String>) -> bool {
    let mock = free_address();
    let receiver = own_integrator(mock, 2);
    for index in 1..args.len() {
        match args[index - 1].as_str() {
            "--callback-url" => args[index] = receiver.url(),
            "--listen" => args[index] = mock.to_string(),
            _ => {}
        }
    }
    let output = run(&args);
    assert_code(&output, 0);
    assert!(!receiver.requests().is_empty());
    true
}

/// A load runs with the README's flags, but for a shorter time.
fn load_runs(mut args: Vec<String>) -> bool {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    for index in 1..args.len() {
        match args[index - 1].as_str() {
            "--callback-url" => args[index] = receiver.url(),
            "--duration" => args[index] = "200ms".to_owned(),
            _ => {}
        }
    }
    assert_code(&run(&args), 0);
    assert!(!receiver.requests().is_empty());
    true
}

/// The mock starts with the README's flags, apart from the addresses.
fn serve_starts(mut args: Vec<String>, folder: &std::path::Path) -> bool {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    for index in 1..args.len() {
        match args[index - 1].as_str() {
            "--callback-url" => args[index] = receiver.url(),
            "--port-file" => args[index] = folder.join("port").to_str().unwrap().to_owned(),
            _ => {}
        }
    }
    receive_starts(&args);
    true
}

/// What is typed against the running mock works as it stands there: the address is all that differs.
#[test]
fn the_sandbox_works_by_copy_and_paste() {
    if std::process::Command::new("curl").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "curl is missing");
        eprintln!("passed over: there is no curl here");
        return;
    }
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let mut mock = program()
        .args([
            "serve",
            "--quiet",
            "--listen",
            "127.0.0.1:0",
            "--speed",
            "max",
            "--callback-url",
            &receiver.url(),
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(mock.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let base = line.trim();
    // One shell, as in a terminal; between two blocks the reader waits until nothing is under way.
    let wait = format!("until curl -s {base}/_mock/state | grep -q '\"busy\":false'; do :; done\n");
    let typed: Vec<String> = blocks("bash")
        .iter()
        .filter(|block| block.comment.contains("against it"))
        .map(|block| format!("{}\n", block.text.replace("http://127.0.0.1:2478", base)))
        .collect();
    assert_eq!(typed.len(), 3);
    let script = typed.join(&wait);
    let output =
        std::process::Command::new("bash").args(["-euo", "pipefail", "-c", &script]).output().unwrap();
    assert_code(&output, 0);
    mock.kill().unwrap();
    mock.wait().unwrap();
    let told = format!("{}{}", stderr(&output), stdout(&output));
    for part in [
        "\"detail_error_list\":[{",
        "\"Comments\":\"case-1\"",
        "\"total\":1",
        "\"RingType\":\"busy\"",
        ".wav\"",
        "\"callbacks\":{\"queued\":3",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert_eq!(receiver.requests().len(), 3);
}

#[test]
fn the_table_of_magic_is_up_to_date() {
    let text = readme();
    let (_, rest) = text.split_once("<!-- magic -->\n").unwrap();
    let (table, _) = rest.split_once("<!-- /magic -->").unwrap();
    let printed = stdout(&run(&["catalog", "--magic", "--format", "markdown"]));
    assert!(
        table == printed,
        "run: cargo run -- catalog --magic --format markdown, and put it into the README"
    );
}

fn receive_starts(args: &[String]) {
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

#[test]
fn every_file_checks() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/schema");
    let folder = tempfile::tempdir().unwrap();
    let mut kinds = [0, 0];
    for block in blocks("toml") {
        let settings = block.text.contains("settings.schema.json");
        kinds[usize::from(settings)] += 1;
        let path = folder.path().join("example.toml");
        fs::write(&path, &block.text).unwrap();
        let kind = if settings { "settings" } else { "scenario" };
        let output = run(&["check", "--as", kind, path.to_str().unwrap()]);
        assert_code(&output, 0);
        assert!(fs::exists(format!("{root}/{kind}.schema.json")).unwrap());
    }
    assert!(kinds[0] > 0 && kinds[1] > 0, "{kinds:?}");
}

#[test]
fn the_table_of_the_catalog_is_up_to_date() {
    let text = readme();
    let (_, rest) = text.split_once("<!-- catalog -->\n").unwrap();
    let (table, _) = rest.split_once("<!-- /catalog -->").unwrap();
    let printed = stdout(&run(&["catalog", "--format", "markdown"]));
    assert!(table == printed, "run: cargo run -- catalog --format markdown, and put it into the README");
}
