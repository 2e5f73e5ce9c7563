//! `audit` and the sample receivers under `tests/receivers/`: each planted flaw is found by its own check and by no other.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::serving::{Wire, is_there, request};
use crate::support::{Answer, Receiver, assert_code, free_address, plain, program, run, stderr, stdout};

const SECRET: &str = "secret of the audit";
const NEXT: &str = "the secret after it";

/// How many audits run at the same time: most of an audit is waiting.
const AT_ONCE: usize = 26;

/// Receivers of one language, one for each flaw and a right one, in one process that ends with this.
struct Receivers {
    child: Child,
    /// Where they keep what they have seen.
    _folder: tempfile::TempDir,
}

/// A receiver: its flaw, the check that finds it, its port.
type Row = (String, String, u64);

impl Receivers {
    fn start(language: &str, file: &str) -> (Self, Vec<Row>) {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(language)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/receivers").join(file))
            .arg("--all")
            .env("AIRUDDER_MOCK_SECRET", SECRET)
            .env("AIRUDDER_MOCK_NEXT_SECRET", NEXT)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("TMPDIR", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let rows: Vec<Row> =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("{file}: {error}: {line}"));
        (Self { child, _folder: folder }, rows)
    }
}

impl Drop for Receivers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Audits the receiver at a port, by answers, effects, restarts and its own requests. The checks that found something, and the report.
fn audited(port: u64) -> (Vec<String>, Value) {
    let base = format!("http://127.0.0.1:{port}");
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("report.json");
    let mock = free_address().to_string();
    told_of(port, &format!("http://{mock}"));
    let output = program()
        .args([
            "audit",
            "--threshold",
            "hint",
            "--settle",
            "100ms",
            "--secret",
            SECRET,
            "--next-secret",
            NEXT,
        ])
        .args(["--callback-url", &format!("{base}/hook"), "--probe", &format!("{base}/probe")])
        .args(["--restart", &format!("curl -sS -X POST {base}/restart")])
        .args(["--listen", &mock])
        .arg("--json")
        .arg(&json)
        .output()
        .unwrap();
    let report: Value = match std::fs::read_to_string(&json) {
        Ok(text) => serde_json::from_str(&text).unwrap(),
        Err(error) => panic!("{error}\n{}\n{}", stdout(&output), stderr(&output)),
    };
    let outcomes = report["checks"].as_array().unwrap();
    let found: Vec<String> = outcomes
        .iter()
        .filter(|outcome| outcome["verdict"]["found"].is_object())
        .map(|outcome| outcome["id"].as_str().unwrap().to_owned())
        .collect();
    assert_code(&output, if found.is_empty() { 0 } else { 1 });
    (found, report)
}

/// Tells a receiver where its requests go.
fn told_of(port: u64, mock: &str) {
    let mut wire = Wire::to(format!("127.0.0.1:{port}").parse().unwrap());
    wire.send(&request("POST", "/mock", &[], mock.as_bytes()));
    assert_eq!(wire.reply().status, 200);
}

/// What is wrong with the verdicts about a receiver.
fn false_verdicts((flaw, check, port): &Row) -> Option<String> {
    let (found, report) = audited(*port);
    let expected: Vec<&str> = if check.is_empty() { Vec::new() } else { vec![check] };
    if found != expected {
        return Some(format!("{flaw}: expected {expected:?}, found {found:?}\n{report:#}"));
    }
    // What is not judged has the same cause as what was found, or nothing to judge in this scheme.
    let unjudged = report["checks"].as_array().unwrap().iter().filter_map(|outcome| {
        let why = outcome["verdict"]["not_judged"].as_str()?;
        let is_usual = why == "the signature has no timestamp" || why.contains(&format!("`{check}`"));
        (!is_usual || check.is_empty() && outcome["id"] != "signature-stale")
            .then(|| format!("{flaw}: {why}"))
    });
    unjudged.reduce(|all, one| format!("{all}\n{one}"))
}

#[test]
fn each_planted_flaw_is_found_by_its_own_check_and_by_no_other() {
    if !(is_there("python3") && is_there("node") && is_there("curl")) {
        return;
    }
    // One run takes its time; before a change goes in there are three, which have to be alike.
    let runs = std::env::var("AIRUDDER_MOCK_AUDITS").map_or(1, |runs| runs.parse().unwrap());
    for run in 1..=runs {
        let wrong = all_audited();
        assert!(wrong.is_empty(), "run {run}: {} false verdicts:\n{}", wrong.len(), wrong.join("\n"));
    }
}

/// Audits all receivers, and says what is wrong with the verdicts.
fn all_audited() -> Vec<String> {
    let (_python, mut rows) = Receivers::start("python3", "receiver.py");
    let (_node, others) = Receivers::start("node", "receiver.mjs");
    rows.extend(others);
    assert!(rows.len() >= 27, "two right receivers and 25 with a flaw");
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let verdicts = false_verdicts(row);
                    wrong.lock().unwrap().extend(verdicts);
                }
            });
        }
    });
    // Every check that these receivers can be judged by has a flaw that shows it works.
    let list = stdout(&run(&["audit", "--list"]));
    for id in list.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next()) {
        let is_shown = rows.iter().any(|(_, check, _)| check == id);
        assert!(is_shown || ["answer-accepted", "signature-stale"].contains(&id), "no flaw for {id}");
    }
    wrong.into_inner().unwrap()
}

/// A receiver that takes everything, as `audit` sees it: reports of every form, the baseline, thresholds and commands that do
/// it again.
#[test]
fn what_is_found_is_told_in_every_form() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let url = receiver.url();
    let only = "signature-wrong,signature-missing,signature-rotation,order";
    let args = ["audit", "--callback-url", &url, "--seed", "7", "--only", only];
    let (json, html, junit, sarif) = (path("a.json"), path("a.html"), path("a.xml"), path("a.sarif"));
    let files =
        ["--json", &json, "--html", &html, "--junit", &junit, "--sarif", &sarif, "--sarif-file", "app.py"];
    let output = run(&[&args[..], &files].concat());
    assert_code(&output, 1);
    let text = stdout(&output);
    assert!(text.contains("  ERROR  signature-wrong: refuses a forged signature\n"), "{text}");
    assert!(text.contains("it was accepted: 200 `{}`") && text.contains("fix    Respond with 401"), "{text}");
    assert!(text.contains("1 not judged: `signature-wrong` failed"), "{text}");
    assert!(text.lines().last().unwrap().starts_with("FAILED: 1 error, 2 passed, 2 not judged ("), "{text}");

    let read = |path: &str| std::fs::read_to_string(path).unwrap();
    let report: Value = serde_json::from_str(&read(&json)).unwrap();
    assert_eq!(report["counts"]["errors"], 1);
    let finding = &report["checks"][0]["verdict"]["found"];
    assert_eq!(finding["sent"], "session.transfer, signed with another secret");
    assert!(read(&html).starts_with("<!doctype html>") && read(&html).contains("refuses a forged signature"));
    let xml = read(&junit);
    assert!(
        xml.contains(r#"<testsuites name="audit" tests="5" failures="1" errors="0" skipped="2""#),
        "{xml}"
    );
    let sarif: Value = serde_json::from_str(&read(&sarif)).unwrap();
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!((&result["ruleId"], &result["level"]), (&"signature-wrong".into(), &"error".into()));
    let location = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(location, "app.py");

    // The command that is told does it again, and the one for curl sends the same bytes.
    let again = finding["again"].as_str().unwrap();
    let words: Vec<&str> = again.split(' ').skip(1).collect();
    let before = receiver.requests().len();
    assert_code(&run(&words), 1);
    let requests = receiver.requests();
    assert_eq!(requests[before..].len(), 1, "one check sends one request");
    if is_there("curl") {
        let curl = finding["curl"].as_str().unwrap();
        let sent = Command::new("sh").args(["-c", curl]).output().unwrap();
        assert!(sent.status.success());
        let last = receiver.requests().pop().unwrap();
        let first = requests
            .iter()
            .find(|request| request.exact_header("X-AIRudder-Sign") == last.exact_header("X-AIRudder-Sign"));
        assert_eq!(first.unwrap().body, last.body);
    }

    // What is known does not fail it, and what is no longer so is told.
    let baseline = path("known.txt");
    std::fs::write(&baseline, "signature-wrong # the gateway verifies\norder-statuses\n").unwrap();
    let output = run(&[&args[..], &["--baseline", &baseline]].concat());
    assert_code(&output, 0);
    let text = stdout(&output);
    assert!(text.contains("known  it was accepted: 200 `{}`: the gateway verifies"), "{text}");
    assert!(text.contains("`order-statuses` passes now: remove it from the baseline"), "{text}");
    assert_code(&run(&[&args[..], &["--threshold", "none"]].concat()), 0);
}

#[test]
fn mistakes_are_told_before_anything_is_sent() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let url = receiver.url();
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own.toml");
    std::fs::write(&own, "group = \"Mine\"\n[[checks]]\nid = \"mine\"\ngrad = \"hint\"\n").unwrap();
    let own = own.to_str().unwrap();
    let told = |args: &[&str]| {
        let output = run(&[&["audit", "--callback-url", &url][..], args].concat());
        assert_code(&output, 2);
        stderr(&output)
    };
    assert!(told(&["--only", "signature-wrog"]).contains("did you mean `signature-wrong`?"));
    assert!(told(&["--checks", own]).contains("unknown field `grad`"), "{}", told(&["--checks", own]));
    assert!(told(&["--fault", "drop"]).contains("remove --fault drop"));
    assert!(told(&["--restart", "true"]).contains("--probe"));
    assert!(told(&["--probe", "http:///x"]).contains("--probe"));
    assert!(told(&["--baseline", "nowhere.txt"]).contains("nowhere.txt can't be read"));
    // A probe that says no number: what it says is shown.
    assert!(told(&["--probe", &url]).contains("answered `{}`"), "{}", told(&["--probe", &url]));
    assert!(receiver.requests().iter().all(|request| request.head.starts_with("GET ")));
    let output = run(&["audit"]);
    assert_code(&output, 2);
    assert!(stderr(&output).contains("--callback-url http://127.0.0.1:3000/hook"));
}

/// The receiver that verifies with the library of Standard Webhooks, in one language.
fn audited_by_library(command: &mut Command) {
    let (secret, next) = ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
    let (address, folder) = (free_address(), tempfile::tempdir().unwrap());
    let child = command
        .args(["--port", &address.port().to_string(), "--state"])
        .arg(folder.path().join("events"))
        .envs([("AIRUDDER_MOCK_SECRET", secret), ("AIRUDDER_MOCK_NEXT_SECRET", next)])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .spawn()
        .unwrap();
    let _receiver = Receivers { child, _folder: tempfile::tempdir().unwrap() };
    let output = program()
        .args(["audit", "--preset", "standard-webhooks", "--secret", secret, "--next-secret", next])
        .args(["--callback-url", &format!("http://{address}/hook"), "--threshold", "hint", "--verbose"])
        .args(["--only", "answers,signatures,raw bytes,duplicate-answer"])
        .output()
        .unwrap();
    assert_code(&output, 0);
    let text = stdout(&output);
    // Two signatures are right in that scheme; and of what is wrong, nothing passes its libraries.
    assert!(text.lines().last().unwrap().contains(" passed, 1 not judged ("), "{text}");
    for check in ["signature-wrong", "signature-stale", "signature-other-body", "signature-rotation"] {
        assert!(text.contains(&format!("  ok     {check} ")), "{text}");
    }
}

#[test]
fn the_library_of_standard_webhooks_for_python_agrees() {
    let python = std::env::var("AIRUDDER_MOCK_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python).args(["-c", "import standardwebhooks"]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        let what = "standardwebhooks of PyPI is missing: AIRUDDER_MOCK_PYTHON names a Python that has it";
        assert!(std::env::var_os("CI").is_none(), "{what}");
        return eprintln!("SKIPPED: {what}");
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/receivers/receiver.py");
    audited_by_library(Command::new(python).arg(file).arg("--standard-webhooks"));
}

#[test]
fn the_library_of_standard_webhooks_for_node_agrees() {
    // Not every machine has npm.
    let Some(folder) = std::env::var_os("AIRUDDER_MOCK_NPM") else {
        return eprintln!(
            "SKIPPED: AIRUDDER_MOCK_NPM names no folder in which standardwebhooks of npm is installed"
        );
    };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/receivers/receiver.mjs");
    audited_by_library(Command::new("node").arg(file).arg("--standard-webhooks").arg(folder));
}

/// The check that the page shows as an example for one's own.
#[test]
fn checks_of_ones_own_are_run() {
    let page = crate::markdown::blocks("docs/audit.md", "text");
    let example = page.iter().find(|block| block.comment == "<!-- checks -->").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own.toml");
    std::fs::write(&own, &example.text).unwrap();
    let receiver = Receiver::answering(vec![plain("200 OK", "{}"), plain("201 Created", "{}")]);
    let args =
        ["audit", "--callback-url", &receiver.url(), "--checks", own.to_str().unwrap(), "--only", "ours"];
    let output = run(&[&args[..], &["--threshold", "warning"]].concat());
    assert_code(&output, 1);
    assert!(stdout(&output).contains("not as the first time"), "{}", stdout(&output));
    let [first, second] = &receiver.requests()[..] else { panic!("two requests") };
    assert_eq!((&first.head, &first.body), (&second.head, &second.body));
    assert_eq!(first.json()["user"]["name"], "Pat O'Brien");
}

/// The notices of calls and workflows are checked where they are asked for, the signature where there is one.
#[test]
fn notices_are_checked_where_they_are_asked_for() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let url = receiver.url();
    let args = ["audit", "--callback-url", &url, "--threshold", "hint", "--verbose", "--events"];
    let audit = |events: &str, only: &str| {
        let before = receiver.requests().len();
        let output = run(&[&args[..], &[events, "--only", only]].concat());
        (output.status.code(), stdout(&output), receiver.requests().split_off(before))
    };
    let (code, text, requests) = audit("call.completed,workflow.api_push", "call.*,workflow.*");
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("`call.completed` is not signed"), "{text}");
    assert!(text.lines().last().unwrap().contains("6 passed, 6 not judged"), "{text}");
    assert!(requests.iter().all(|request| request.exact_header("X-AIRudder-Sign").is_none()));
    assert_eq!(requests.iter().filter(|request| request.json()["further_field"] == "new").count(), 2);
    // A callback that is signed, to a receiver that verifies nothing.
    let (code, text, _) = audit("session.end", "session.end-forged,session.end-unsigned");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("session.end-forged: refuses a forged signature"), "{text}");
    let output = run(&[&args[..], &["call.complete"]].concat());
    assert_code(&output, 2);
    assert!(stderr(&output).contains("did you mean `call.completed`?"), "{}", stderr(&output));
}

/// A receiver that ends is an error of the check that it ended with, whatever that check is about.
#[test]
fn a_receiver_that_ends_fails_the_audit() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let receiver = std::thread::spawn(move || {
        loop {
            let (mut connection, _) = listener.accept().unwrap();
            // Whoever only looks whether somebody listens sends nothing.
            if connection.read(&mut [0]).unwrap() > 0 {
                drop(listener);
                return;
            }
        }
    });
    let output = run(&["audit", "--callback-url", &url, "--only", "body-not-object,large-body"]);
    receiver.join().unwrap();
    assert_code(&output, 1);
    let text = stdout(&output);
    for part in [
        "  ERROR  body-not-object: ",
        "the receiver had stopped",
        "read its log",
        "1 not judged: the receiver has stopped accepting connections since `body-not-object`",
        "FAILED: 1 error, 1 not judged",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

/// A receiver that demands a signature of what the vendor does not sign.
#[test]
fn a_demand_for_a_signature_that_nobody_sends_is_explained() {
    let receiver = Receiver::answering(vec![plain("401 Unauthorized", "{}")]);
    let args =
        ["audit", "--callback-url", &receiver.url(), "--events", "call.completed,session.end", "--only"];
    let said = |check: &str| stdout(&run(&[&args[..], &[check]].concat()));
    let text = said("call.completed-accepted");
    assert!(text.contains("the vendor does not sign `call.completed`"), "{text}");
    assert!(!said("session.end-accepted").contains("does not sign"));
}

/// A slow receiver has one flaw, and whoever waits for its audit is told how long.
#[test]
fn a_slow_receiver_is_slow_and_nothing_else() {
    let receiver = Receiver::answering(vec![Answer::Trickle(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}".to_owned(),
    )]);
    let url = receiver.url();
    let args = ["audit", "--callback-url", &url, "--answer-within", "50ms", "--verbose", "--only"];
    let output = run(&[&args[..], &["answers,stalled-connection"]].concat());
    assert_code(&output, 1);
    let (text, told) = (stdout(&output), stderr(&output));
    assert!(text.contains("answer-quick: responds before it does the work"), "{text}");
    assert!(text.contains("`answer-quick` failed, and this most likely has the same cause"), "{text}");
    assert!(text.lines().last().unwrap().starts_with("FAILED: 1 error, "), "{text}");
    assert_eq!(
        told.matches("is allowed (--answer-within); if all responses take this long, the").count(),
        1,
        "{told}"
    );
}

/// A receiver that makes no request of its own is not judged by them.
#[test]
fn requests_that_do_not_come_are_not_judged() {
    let receiver = Receiver::answering(vec![plain("200 OK", "{}")]);
    let url = receiver.url();
    let args =
        ["audit", "--callback-url", &url, "--only", "own calls", "--verbose", "--work-within", "100ms"];
    let output = run(&args);
    assert_code(&output, 0);
    assert!(
        stdout(&output).contains("needs --listen, which serves the vendor's REST endpoints"),
        "{}",
        stdout(&output)
    );
    let output = run(&[&args[..], &["--listen", "127.0.0.1:0"]].concat());
    assert_code(&output, 0);
    let text = stdout(&output);
    assert!(text.contains("its requests go to http://127.0.0.1:"), "{text}");
    assert!(
        text.contains("has sent no request about it within 100ms: does it know the mock's address?"),
        "{text}"
    );
}

#[cfg(unix)]
#[test]
fn an_interrupted_audit_leaves_what_it_has_found() {
    let asked = AtomicUsize::new(0);
    let receiver = Receiver::with(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
        0..12 => plain("200 OK", "{}"),
        _ => Answer::Never,
    });
    let folder = tempfile::tempdir().unwrap();
    let (json, junit) = (folder.path().join("a.json"), folder.path().join("a.xml"));
    let mut child = program()
        .args(["audit", "--callback-url", &receiver.url(), "--json"])
        .arg(&json)
        .arg("--junit")
        .arg(&junit)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    crate::serving::eventually("the receiver hangs", || (receiver.requests().len() > 12).then_some(()));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{out}");
    let report: Value = serde_json::from_slice(&std::fs::read(&json).unwrap()).unwrap();
    assert_eq!((&report["interrupted"], &report["passed"]), (&true.into(), &false.into()));
    let checks = report["checks"].as_array().unwrap();
    let never = |check: &&Value| check["verdict"]["not_judged"] == "the audit was interrupted";
    let left = checks.iter().filter(never).count();
    assert!(left > 10 && left < checks.len(), "{left} of {}: {out}", checks.len());
    assert!(out.contains("not judged"), "{out}");
    assert!(std::fs::read_to_string(&junit).unwrap().contains("the audit was interrupted"));
}
