//! Runs as CI has them: no fixed ports, servers that come up late or never, an end in good time.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Instant;

use serde_json::Value;

use crate::markdown::blocks;
use crate::serving::is_there;
use crate::support::{
    Answer, Receiver, assert_code, free_address, plain, program, run, scenario, stderr, stdout,
};

/// The program under its own name, in this folder.
pub(crate) fn shell(folder: &Path, script: &str) -> Command {
    let program = Path::new(env!("CARGO_BIN_EXE_airudder-mock"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let paths = [program.parent().unwrap().to_owned()].into_iter().chain(std::env::split_paths(&path));
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", script]).current_dir(folder);
    command.env("PATH", std::env::join_paths(paths).unwrap()).env("NO_PROXY", "127.0.0.1");
    for name in ["PORT", "AIRUDDER_MOCK_SECRET", "AIRUDDER_MOCK_CALLBACK_URL", "AIRUDDER_MOCK_LISTEN"] {
        command.env_remove(name);
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A folder as a user has it after reading: the README's receiver, which is busy until there is a file `go`, and the story.
fn folder_with_a_late_receiver() -> tempfile::TempDir {
    let [receiver] = &blocks("README.md", "js")[..] else { panic!("one receiver in Node.js") };
    let folder = tempfile::tempdir().unwrap();
    let late = format!(
        "const begin = () => {{\nconsole.log(\"begins\");\n{}\n}};\n\
         const look = () => (require(\"fs\").existsSync(\"go\") ? begin() : setTimeout(look, 2));\nlook();\n",
        receiver.text
    );
    fs::write(folder.path().join("receiver.js"), late).unwrap();
    fs::create_dir(folder.path().join("scenarios")).unwrap();
    fs::copy(scenario("first-transfer.toml"), folder.path().join("scenarios/first-transfer.toml")).unwrap();
    folder
}

#[test]
fn the_recipe_of_the_readme_is_green_with_a_late_server_and_twice_at_once() {
    if !is_there("node") || !is_there("bash") {
        return;
    }
    let recipe: Vec<_> =
        blocks("README.md", "bash").into_iter().filter(|block| block.comment.contains("in CI")).collect();
    let [recipe] = &recipe[..] else { panic!("one recipe for CI") };
    let mut started: Vec<(tempfile::TempDir, Child, BufReader<ChildStderr>)> = (0..2)
        .map(|_| {
            let folder = folder_with_a_late_receiver();
            let mut child = shell(folder.path(), &recipe.text).spawn().unwrap();
            let told = BufReader::new(child.stderr.take().unwrap());
            (folder, child, told)
        })
        .collect();
    // However late a server is, the mock has said before that it waits.
    for (folder, _, told) in &mut started {
        let mut lines = told.lines().map(Result::unwrap);
        assert!(
            lines.any(|line| line.contains("to accept connections, up to 30s")),
            "it ended without waiting"
        );
        fs::write(folder.path().join("go"), "").unwrap();
    }
    for (folder, child, mut told) in started {
        let mut waited = String::new();
        told.read_to_string(&mut waited).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{waited}{}", stdout(&output));
        assert!(waited.contains("accepts connections after"), "{waited}");
        // Its line about the request may be cut off by the end, which comes as soon as the story has passed.
        assert!(waited.contains("begins\n"), "what the server prints is seen: {waited}");
        let junit = fs::read_to_string(folder.path().join("report.xml")).unwrap();
        assert!(junit.contains(r#"<testsuite name="scenarios/first-transfer.toml" tests="1" failures="0""#));
    }
}

/// Everything a command is told, and the files of a run, from a command that is a server of the test's own.
#[cfg(unix)]
#[test]
fn a_command_is_told_where_everything_is_and_ended_with_what_it_started() {
    if !is_there("python3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = r#"
import os, subprocess, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
child = subprocess.Popen(["sleep", "1000"])
names = ["PORT"] + ["AIRUDDER_MOCK_" + name for name in
    ["URL", "SECRET", "CALLBACK_URL", "APP_KEY", "APP_SECRET", "SIGN_KEY", "SIGN_SECRET"]]
with open("told", "w") as told:
    print(child.pid, open("url").read().strip(), open("port").read().strip(), *[os.environ[name] for name in names], file=told)
class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Hook).serve_forever()
"#;
    fs::write(folder.path().join("server.py"), server).unwrap();
    let script = format!(
        "airudder-mock run {} --speed max --callback-url http://127.0.0.1:0/hook --secret abc --url-file url \
         --port-file port --wait-for-receiver 5m -- python3 server.py",
        scenario("media.toml").display()
    );
    let output = shell(folder.path(), &script).output().unwrap();
    assert_code(&output, 0);
    let told = fs::read_to_string(folder.path().join("told")).unwrap();
    let [child, url_file, port_file, port, url, secret, callback, key, app_secret, sign_key, sign_secret] =
        told.split_whitespace().collect::<Vec<_>>()[..]
    else {
        panic!("{told}")
    };
    assert_eq!((url_file, url.strip_prefix("http://127.0.0.1:")), (url, Some(port_file)));
    assert_eq!((secret, callback), ("abc", format!("http://127.0.0.1:{port}/hook").as_str()));
    assert!(!key.is_empty() && !app_secret.is_empty() && !sign_key.is_empty() && sign_secret == "abc");
    // Where nobody asks for it, what has ended is still listed, as a zombie.
    let state = Command::new("ps").args(["-o", "stat=", "-p", child]).output().unwrap();
    let state = stdout(&state);
    assert!(state.trim().is_empty() || state.starts_with('Z'), "what the command started is {state}");
    for file in ["url", "port"] {
        assert!(!folder.path().join(file).exists(), "{file} is removed at the end");
    }
}

#[test]
fn a_command_that_fails_ends_the_run() {
    let media = scenario("media.toml");
    let run_with = |command: &[&str]| run(&[&["run", media.to_str().unwrap(), "--"], command].concat());
    let output = run_with(&["/no/such/program"]);
    assert_code(&output, 3);
    assert!(stderr(&output).contains("`/no/such/program` can't be started"), "{}", stderr(&output));
    if cfg!(unix) {
        let output = run_with(&["false"]);
        assert_code(&output, 3);
        assert!(
            stderr(&output).contains("`false` ended with exit status: 1 before it accepted a connection")
        );
    }
}

#[test]
fn a_receiver_that_never_comes_up_is_named() {
    let url = format!("http://{}/hook", free_address());
    let stories = [scenario("first-transfer.toml"), scenario("load-transfer.toml")];
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("settings.toml");
    fs::write(&settings, format!("[[routes]]\nevent = 'session.transfer'\nurl = '{url}'\n")).unwrap();
    // Also one that only a route names.
    let (by_url, by_route) = (["--callback-url", &url], ["--config", settings.to_str().unwrap()]);
    for (command, story, named) in
        [("run", &stories[0], by_url), ("load", &stories[1], by_url), ("run", &stories[0], by_route)]
    {
        let wait = ["--listen", "127.0.0.1:0", "--wait-for-receiver", "120ms"];
        let own = [command, story.to_str().unwrap()];
        let output = run(&[&own[..], &named, &wait].concat());
        assert_code(&output, 3);
        let told = stderr(&output);
        let origin = url.trim_end_matches("/hook");
        assert!(told.contains(&format!("waiting for {origin} to accept connections, up to 120ms")), "{told}");
        assert!(told.contains("--wait-for-receiver 0"), "{told}");
    }
}

/// CI shows the report that it finds, and that must not be the green one of before.
#[test]
fn a_run_that_can_not_begin_writes_that_into_its_reports() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (junit, report) = (path("junit.xml"), path("report.json"));
    let broken = path("broken.toml");
    fs::write(&broken, "[[steps]]\nsend = 'no.such'\n").unwrap();
    let story = scenario("first-transfer.toml");
    let story = story.to_str().unwrap();
    let url = format!("http://{}/hook", free_address());
    let nobody: &[&str] =
        &["run", story, "--callback-url", &url, "--listen", "127.0.0.1:0", "--wait-for-receiver", "50ms"];
    let no_program: &[&str] = &["run", story, "--", "/no/such/program"];
    let wrong_file: &[&str] = &["run", &broken];
    for (args, code, says) in [
        (nobody, 3, "--wait-for-receiver 0"),
        (no_program, 3, "/no/such/program"),
        (wrong_file, 2, "no.such"),
    ] {
        for old in [&junit, &report] {
            fs::write(old, "of yesterday").unwrap();
        }
        let (command, rest) = args.split_first().unwrap();
        let output = run(&[&[*command, "--junit", &junit, "--report", &report], rest].concat());
        assert_code(&output, code);
        let xml = fs::read_to_string(&junit).unwrap();
        assert!(xml.contains(r#"tests="1" failures="0" errors="1""#) && xml.contains(says), "{xml}");
        assert!(!xml.contains('\u{1b}'), "{xml}");
        let report: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
        assert_eq!(report["passed"], false);
        assert!(report["error"].as_str().unwrap().contains(says), "{report}");
    }
}

#[test]
fn a_silent_integrator_ends_the_story_and_the_reports_say_what_was_skipped() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (junit, report) = (path("junit.xml"), path("report.json"));
    let run_with = |flags: &[&str]| {
        let own = ["run", "scenarios/agent-transfer.toml", "--speed", "max", "--listen", "127.0.0.1:0"];
        let url = receiver.url();
        let to = ["--callback-url", &url, "--junit", &junit, "--report", &report, "--patience", "100ms"];
        let output = run(&[&own[..], &to, flags].concat());
        assert_code(&output, 1);
        let report: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
        (stdout(&output), report["stories"][0].clone(), fs::read_to_string(&junit).unwrap())
    };
    let began = Instant::now();
    let (text, story, xml) = run_with(&[]);
    assert!(began.elapsed().as_secs() < 20, "it does not wait for 30s");
    assert_eq!(text.matches("it never arrived").count(), 1, "{text}");
    assert!(text.contains("skipped await chatbot.send_message and 6 steps after it"), "{text}");
    assert!(text.contains("0 passed, 1 failed; 7 steps skipped"), "{text}");
    assert_eq!(story["failures"].as_array().unwrap().len(), 1);
    assert_eq!(story["skipped"][6]["step"], "await session.report");
    assert_eq!(story["skipped"][0]["place"], "scenarios/agent-transfer.toml:30");
    let case = r#"<testcase classname="scenarios.agent-transfer" name="Agent transfer, accepted""#;
    assert!(
        xml.contains(case) && xml.contains(r#"file="scenarios/agent-transfer.toml" line="23">"#),
        "{xml}"
    );
    assert!(xml.contains("skipped await session.report"), "{xml}");

    let (text, story, _) = run_with(&["--keep-going"]);
    assert!(text.matches("it never arrived").count() > 3, "{text}");
    assert_eq!(story["skipped"].as_array().unwrap().len(), 0);
}

#[test]
fn a_run_has_only_so_much_time() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let url = receiver.url();
    let output = program()
        .args(["run", "scenarios/first-transfer.toml", "--callback-url", &url, "--listen", "127.0.0.1:0"])
        .args(["--timeout", "150ms", "--quiet"])
        .output()
        .unwrap();
    assert_code(&output, 1);
    let text = stdout(&output);
    assert!(text.contains("the story had not ended when the run ended after 150ms (--timeout)"), "{text}");
    assert!(text.contains("0 passed, 1 failed"), "{text}");
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (story, junit) = (path("s.toml"), path("r.xml"));
    std::fs::write(&story, "[[steps]]\npause = '1ms'\n[[steps]]\nawait = 'chatbot.send_message'\n").unwrap();
    let own = ["run", &story, "--callback-url", &url, "--listen", "127.0.0.1:0", "--junit", &junit];
    let output = run(&[&own[..], &["--timeout", "150ms"]].concat());
    assert_code(&output, 1);
    let why = "after 150ms (--timeout); it was at `await chatbot.send_message` (";
    assert!(stdout(&output).contains(why) && stdout(&output).contains("s.toml:3)"), "{}", stdout(&output));
    let xml = std::fs::read_to_string(&junit).unwrap();
    assert!(xml.contains("it was at `await chatbot.send_message`") && xml.contains("s.toml:3"), "{xml}");
}

/// A numeric speed and `--patience` shorten the time of a server, which a failure says.
#[test]
fn a_wait_that_was_shorter_in_real_time_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let story = folder.path().join("s.toml").to_str().unwrap().to_owned();
    std::fs::write(&story, "[[steps]]\nawait = 'chatbot.send_message'\nwithin = '20s'\n").unwrap();
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let url = receiver.url();
    for (how, said) in [
        (&["--speed", "100"][..], "within 20s (200ms of real time at speed 100): it never arrived"),
        (
            &["--speed", "max", "--patience", "100ms"][..],
            "within 20s (100ms of real time, the limit of --patience): it never arrived",
        ),
    ] {
        let own = ["run", &story, "--callback-url", &url, "--listen", "127.0.0.1:0"];
        let output = run(&[&own[..], how].concat());
        assert_code(&output, 1);
        assert!(stdout(&output).contains(said), "{}", stdout(&output));
    }
}

/// A receiver that takes its time does not get it all.
#[test]
fn a_run_that_is_out_of_time_does_not_wait_for_a_receiver() {
    let receiver = Receiver::answering(vec![Answer::Never]);
    let url = receiver.url();
    let began = Instant::now();
    let own = ["run", "scenarios/first-transfer.toml", "--callback-url", &url, "--listen", "127.0.0.1:0"];
    let output = run(&[&own[..], &["--timeout", "50ms"]].concat());
    assert_code(&output, 1);
    assert!(began.elapsed().as_secs() < 8, "the receiver would have 10s");
    assert!(stdout(&output).contains("0 delivered, 0 failed, 1 not sent of 1"), "{}", stdout(&output));
}
