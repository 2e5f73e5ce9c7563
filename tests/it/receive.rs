//! The `receive` command: a real process, raw sockets, and signatures made by somebody else's HMAC.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

const BODY: &str = r#"{"event":"session.transfer","channel":"WhatsApp","channel_id":"3709","user":{"id":"123"},"transfer":{"company":"Indonesia","call_id":""}}"#;

struct Receiver {
    child: Child,
    stdout: BufReader<ChildStdout>,
    addr: String,
    start: String,
}

impl Receiver {
    /// Starts the program and reads its first three lines from standard output, or from standard error if the output
    /// is JSON.
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_airudder-mock"))
            .args(["receive", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .env_remove("AIRUDDER_MOCK_SECRET")
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let start = if arguments.contains(&"--json") {
            let mut stderr = BufReader::new(child.stderr.take().unwrap());
            let start = lines(&mut stderr, 3);
            // Left open, so that the totals can be written.
            std::thread::spawn(move || stderr.read_to_end(&mut Vec::new()));
            start
        } else {
            lines(&mut stdout, 3)
        };
        let addr = start.split("http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap().to_owned();
        Self { child, stdout, addr, start }
    }

    /// Sends a callback and returns status and body of the answer.
    fn send(&self, body: &str, signature: Option<&str>) -> (u16, String) {
        let header = signature.map(|value| format!("X-AIRudder-Sign: {value}\r\n")).unwrap_or_default();
        let request = format!(
            "POST /hook?a=1 HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n{header}\
             Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            self.addr,
            body.len()
        );
        let mut stream = TcpStream::connect(&self.addr).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// The rest of what it printed, and its exit code.
    fn end(mut self) -> (String, i32) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (rest, self.child.wait().unwrap().code().unwrap())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(reader: &mut impl BufRead, count: usize) -> String {
    let mut text = String::new();
    for _ in 0..count {
        assert!(reader.read_line(&mut text).unwrap() > 0, "it ended after {text:?}");
    }
    text
}

fn sign(secret: &str, body: &str) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    ring::hmac::sign(&key, body.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn right_signatures_end_well() {
    let receiver = Receiver::start(&["--count", "2"]);
    assert!(
        receiver.start.contains("signature: airudder: hmac-sha256 of body, lower-case hex"),
        "{}",
        receiver.start
    );
    assert!(receiver.start.contains("(assumed)"), "{}", receiver.start);
    assert!(receiver.start.contains("secret: the default, airudder-mock-secret"), "{}", receiver.start);
    let signature = sign("airudder-mock-secret", BODY);
    assert_eq!(receiver.send(BODY, Some(&signature)), (200, "{}".to_owned()));
    assert_eq!(receiver.send(BODY, Some(&signature)), (200, "{}".to_owned()));
    let (printed, code) = receiver.end();
    assert_eq!(code, 0, "{printed}");
    let head = format!("session.transfer\n    POST /hook?a=1, {} bytes, answered 200\n", BODY.len());
    assert!(printed.contains(&head), "{printed}");
    assert!(
        printed.contains(
            "channel WhatsApp, channel_id 3709, user.id 123, transfer.company Indonesia, transfer.call_id \"\"\n"
        ),
        "{printed}"
    );
    assert_eq!(printed.matches("signature ok").count(), 2, "{printed}");
    assert!(printed.contains("session.transfer  (seen before, attempt 2)"), "{printed}");
    assert!(
        printed.ends_with("\n2 received: 2 correctly signed, 0 wrong, 0 not signed; 1 seen before\n"),
        "{printed}"
    );
}

#[test]
fn a_wrong_signature_is_explained_and_fails() {
    let receiver = Receiver::start(&["--count", "3", "--secret", "0123456789abcdef"]);
    assert!(receiver.start.contains("secret: 012*** (16 characters)"), "{}", receiver.start);
    receiver.send(BODY, Some(&sign("0123456789abcdef", &format!("{BODY}\n"))));
    receiver.send(BODY, None);
    receiver.send("{\"type\":\"TaskStatus\"}", None);
    let (printed, code) = receiver.end();
    assert_eq!(code, 1, "{printed}");
    assert_eq!(printed.matches("signature WRONG: ").count(), 2, "{printed}");
    assert!(printed.contains("newline"), "{printed}");
    assert!(printed.contains("the header X-AIRudder-Sign is missing"), "{printed}");
    assert!(printed.contains("TaskStatus\n") && printed.contains("    not signed\n"), "{printed}");
    assert!(
        printed.contains("3 received: 0 correctly signed, 2 wrong, 1 not signed; 1 seen before"),
        "{printed}"
    );
}

#[test]
fn answers_as_told_and_one_json_line_each() {
    let receiver = Receiver::start(&[
        "--count",
        "3",
        "--json",
        "--fail-first",
        "1",
        "--answer",
        "202",
        "--body",
        "thanks",
        "--delay",
        "10ms",
    ]);
    let signature = sign("airudder-mock-secret", BODY);
    assert_eq!(
        receiver.send(BODY, Some(&signature)),
        (500, "{\"message\":\"failing on purpose, 1 of 1\"}".to_owned())
    );
    assert_eq!(receiver.send(BODY, Some(&signature)), (202, "thanks".to_owned()));
    assert_eq!(receiver.send("not json", Some("00")), (202, "thanks".to_owned()));
    let (printed, code) = receiver.end();
    assert_eq!(code, 1, "{printed}");
    let lines: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["event"], "session.transfer");
    assert_eq!(lines[0]["body"], BODY);
    assert_eq!(lines[0]["headers"]["x-airudder-sign"], signature);
    assert_eq!((&lines[0]["signature"], &lines[0]["answered"]), (&"ok".into(), &500.into()));
    assert_eq!((&lines[1]["try"], &lines[1]["answered"]), (&2.into(), &202.into()));
    assert_eq!((&lines[2]["signature"], &lines[2]["event"]), (&"wrong".into(), &Value::Null));
    assert!(lines[2]["explanation"].as_str().is_some_and(|text| !text.is_empty()), "{}", lines[2]);
}

/// What is only reported by default is refused where somebody wants it.
#[test]
fn wrong_signatures_are_refused_where_that_is_wanted() {
    let receiver = Receiver::start(&["--count", "3", "--refuse"]);
    let right = sign("airudder-mock-secret", BODY);
    assert_eq!(receiver.send(BODY, Some(&right)).0, 200);
    // One letter is another one.
    let last = if right.ends_with('a') { 'b' } else { 'a' };
    let changed = format!("{}{last}", &right[..right.len() - 1]);
    let (status, answer) = receiver.send(BODY, Some(&changed));
    assert_eq!(status, 401);
    assert!(answer.contains("one character of 64 in the signature was changed on the way"), "{answer}");
    assert_eq!(receiver.send("{\"type\":\"TaskStatus\"}", None).0, 200, "what is never signed is no mistake");
    let (printed, code) = receiver.end();
    assert_eq!(code, 1, "{printed}");
    assert!(printed.contains("answered 401"), "{printed}");
}

/// Callbacks of calls and workflows carry no name; what they are is seen from their fields.
#[test]
fn what_carries_no_name_is_recognised() {
    let events = [
        "call.completed",
        "task.finished",
        "plan.finished",
        "workflow.api_push",
        "workflow.status_changed",
        "workflow.contact_completed",
        "workflow.call_completed",
        "workflow.waba_status",
    ];
    let receiver = Receiver::start(&["--count", &events.len().to_string()]);
    for event in events {
        let url = format!("http://{}/", receiver.addr);
        let output = Command::new(env!("CARGO_BIN_EXE_airudder-mock"))
            .args(["emit", event, "--callback-url", &url, "--seed", "1"])
            .output()
            .unwrap();
        assert!(output.status.success(), "{event}");
    }
    let (printed, _) = receiver.end();
    for event in events {
        assert!(printed.contains(&format!("(no event name; looks like {event})")), "{event}: {printed}");
    }
}

#[test]
fn another_scheme() {
    let receiver = Receiver::start(&["--count", "1", "--preset", "sha256-body-secret", "--secret", "s"]);
    let digest = ring::digest::digest(&ring::digest::SHA256, format!("{BODY}s").as_bytes());
    let signature: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    receiver.send(BODY, Some(&signature));
    let (printed, code) = receiver.end();
    assert_eq!(code, 0, "{printed}");
}

#[test]
fn a_client_that_gives_up_counts_too() {
    let mut receiver = Receiver::start(&["--count", "1", "--delay", "1h"]);
    let mut stream = TcpStream::connect(&receiver.addr).unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}").unwrap();
    let seen = lines(&mut receiver.stdout, 3);
    assert!(seen.contains("POST /, 2 bytes"), "{seen}");
    drop(stream);
    let (printed, code) = receiver.end();
    assert_eq!(code, 0, "{printed}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_is_a_normal_end() {
    let receiver = Receiver::start(&[]);
    let signature = sign("airudder-mock-secret", BODY);
    receiver.send(BODY, Some(&signature));
    let id = receiver.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let (printed, code) = receiver.end();
    assert_eq!(code, 0, "{printed}");
    assert!(
        printed.ends_with("1 received: 1 correctly signed, 0 wrong, 0 not signed; 0 seen before\n"),
        "{printed}"
    );
}

#[test]
fn what_keeps_it_from_starting() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_airudder-mock"))
            .arg("receive")
            .args(arguments)
            .output()
            .unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let (code, message) = run(&["--listen", &taken]);
    assert_eq!(code, 3, "{message}");
    assert!(message.contains("use --listen 127.0.0.1:0 for a free port"), "{message}");
    let (code, message) = run(&["--listen", "nonsense"]);
    assert_eq!(code, 2, "{message}");
    assert!(message.contains("write ADDRESS:PORT"), "{message}");
    for wrong in [["--answer", "99"], ["--delay", "soon"], ["--count", "0"], ["--preset", "airuder"]] {
        let (code, message) = run(&wrong);
        assert_eq!(code, 2, "{message}");
    }
}
